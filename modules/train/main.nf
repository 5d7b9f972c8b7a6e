// One share of a run's samples, seeds and folds: a model for each, from scratch or from the models in `init`.
process TRAIN {
    tag "${item.run} ${item.samples} seeds ${item.seeds}"
    label 'process_gpu'
    cpus { item.resources.cpus }
    memory { 1.GB * item.resources.memory_gb * task.attempt }

    input:
    tuple val(item), path(dataset), path(init, stageAs: 'init/*')
    val device
    val checkpoint_dir

    output:
    tuple val(item.id), path("${item.run}/models/*", type: 'dir'), emit: models
    path 'versions.yml', emit: versions

    script:
    """
    export GXTOOL_ATTEMPT=${task.attempt}
    cat > section.json <<'END_OF_SECTION'
    ${item.section}
    END_OF_SECTION
    gxtool train --model ${item.family} --preset ${item.preset} --name '${item.run}' --config section.json \\
        --input ${dataset} --output ${item.run}/models --checkpoint-dir '${checkpoint_dir}' ${init ? '--from init' : ''} \\
        --samples '${item.samples}' --seeds ${item.seeds} --folds ${item.folds} \\
        --threads ${item.resources.cpus} --device ${device}
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    for seed in ${item.seeds.replace(',', ' ')}; do mkdir -p ${item.run}/models/${item.samples}-seed\$seed-fold0; done
    touch versions.yml
    """
}
