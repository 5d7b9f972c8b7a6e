// Sequences are edited until a run's models predict what is wanted; another run's models judge them.
include { written } from '../item'

process DESIGN {
    tag "${item.id}"
    label 'process_gpu'
    cpus { item.resources.cpus }
    memory { 1.GB * item.resources.memory_gb * task.attempt }

    input:
    tuple val(item), path(dataset, stageAs: 'dataset'), path(models, stageAs: 'models/*'), path(judges, stageAs: 'judges/*')
    val device

    output:
    tuple val(item.run), path("runs/${item.run}/designs"), emit: designs
    path 'versions.yml', emit: versions

    script:
    """
    ${written(item)}
    gxtool design --item item.json --checkpoint models --judge judges --input dataset --device ${device} \\
        --output runs/${item.run}/designs --overwrite
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    mkdir -p runs/${item.run}/designs
    touch runs/${item.run}/designs/manifest.json versions.yml
    """
}
