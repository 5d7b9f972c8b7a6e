// Inputs with a planted signal, for a run that was given none of its own.
include { written } from '../item'

process SIMULATE {
    label 'process_single'

    input:
    val family

    output:
    path 'simulated', emit: folder
    path 'versions.yml', emit: versions

    script:
    """
    ${written([options: family ? ['--model': family] : ['--all': true]])}
    gxtool simulate --item item.json --output simulated
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    mkdir simulated
    touch simulated/samplesheet.csv simulated/runs.yaml versions.yml
    """
}
