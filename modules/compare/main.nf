// Runs are compared with the runs they are asked about; evaluations come in the order of the plan.
include { written } from '../item'

process COMPARE {
    tag "${item.id}"
    label 'process_single'

    input:
    tuple val(item), path(evaluations, stageAs: 'evaluations/run????/*')

    output:
    path 'comparison', emit: comparison
    path 'versions.yml', emit: versions

    script:
    """
    ${written(item)}
    gxtool compare --item item.json --input evaluations --output comparison --overwrite
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    mkdir comparison
    touch comparison/manifest.json versions.yml
    """
}
