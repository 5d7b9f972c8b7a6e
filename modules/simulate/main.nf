// Inputs with a planted signal, for a run that was given none of its own.
process SIMULATE {
    tag "${family ?: 'every family'}"
    label 'process_single'

    input:
    val family

    output:
    path 'simulated', emit: folder
    path 'versions.yml', emit: versions

    script:
    """
    gxtool simulate ${family ? "--model ${family}" : '--all'} --output simulated
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    mkdir simulated
    touch simulated/samplesheet.csv simulated/runs.yaml versions.yml
    """
}
