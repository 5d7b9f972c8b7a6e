// All models of a run are scored on the run's dataset, beside their baselines.
include { written } from '../item'

process EVALUATE {
    tag "${item.id}"
    label 'process_gpu'
    cpus { item.resources.cpus }
    memory { 1.GB * item.resources.memory_gb * task.attempt }

    input:
    tuple val(item), path(dataset, stageAs: 'dataset'), path(models, stageAs: 'models/*')
    val device

    output:
    tuple val(item.run), path("runs/${item.run}/evaluation"), emit: evaluation
    path 'versions.yml', emit: versions

    script:
    """
    ${written(item)}
    gxtool evaluate --item item.json --checkpoint models --input dataset --device ${device} \\
        --output runs/${item.run}/evaluation --overwrite
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    mkdir -p runs/${item.run}/evaluation
    touch runs/${item.run}/evaluation/manifest.json versions.yml
    """
}
