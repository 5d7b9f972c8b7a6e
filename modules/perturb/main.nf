// The inputs of a run's models are changed, and the change of their output is read.
include { written } from '../item'

process PERTURB {
    tag "${item.id}"
    label 'process_gpu'
    cpus { item.resources.cpus }
    memory { 1.GB * item.resources.memory_gb * task.attempt }

    input:
    tuple val(item), path(dataset, stageAs: 'dataset'), path(models, stageAs: 'models/*')
    val device

    output:
    tuple val(item.run), path("runs/${item.run}/effects"), emit: effects
    path 'versions.yml', emit: versions

    script:
    """
    ${written(item)}
    gxtool perturb --item item.json --checkpoint models --input dataset --device ${device} \\
        --output runs/${item.run}/effects --overwrite
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    mkdir -p runs/${item.run}/effects
    touch runs/${item.run}/effects/manifest.json versions.yml
    """
}
