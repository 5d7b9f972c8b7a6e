// One share of a run's samples, seeds and folds: a model for each, from scratch or from the models in `init`.
include { encoded; written } from '../item'

process TRAIN {
    tag "${item.id}"
    label 'process_gpu'
    cpus { item.resources.cpus }
    memory { 1.GB * item.resources.memory_gb * task.attempt }

    input:
    tuple val(item), path(dataset, stageAs: 'dataset'), path(init, stageAs: 'init/*')
    val device
    val checkpoint_dir

    output:
    tuple val(item.id), path("runs/${item.run}/models/*", type: 'dir'), emit: models
    path 'versions.yml', emit: versions

    script:
    // A task that outlived a killed start may train the same models: what it has made is taken over when it ends.
    """
    ${written(item + [checkpoint_dir: checkpoint_dir])}
    gxtool train --item item.json --input dataset --output runs/${item.run}/models --overwrite \\
        ${init ? '--from init' : ''} --device ${device} --wait 86400
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    def names = item.samples.collectMany { sample -> item.seeds.collect { seed -> "${sample}-seed${seed}-fold0" } }
    """
    ${encoded(names.join('\n') + '\n', 'names.txt')}
    while read -r name; do mkdir -p "runs/${item.run}/models/\$name"; done < names.txt
    touch versions.yml
    """
}
