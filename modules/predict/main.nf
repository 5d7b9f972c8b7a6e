// A run's models, or models trained before, predict the rows of a dataset.
include { written } from '../item'

process PREDICT {
    tag "${item.id}"
    label 'process_gpu'
    cpus { item.resources.cpus }
    memory { 1.GB * item.resources.memory_gb * task.attempt }

    input:
    tuple val(item), path(dataset, stageAs: 'dataset'), path(models, stageAs: 'models/*')
    val device

    output:
    tuple val(item.run), path("runs/${item.run}/predictions"), emit: predictions
    path 'versions.yml', emit: versions

    script:
    """
    ${written(item)}
    gxtool predict --item item.json --checkpoint models --input dataset --device ${device} \\
        --output runs/${item.run}/predictions --overwrite
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    mkdir -p runs/${item.run}/predictions
    touch runs/${item.run}/predictions/predictions.parquet versions.yml
    """
}
