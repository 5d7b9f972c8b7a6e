// All models of a run are scored on the run's dataset, beside their baselines.
process EVALUATE {
    tag "${item.run}"
    label 'process_gpu'
    cpus { item.resources.cpus }
    memory { 1.GB * item.resources.memory_gb * task.attempt }

    input:
    tuple val(item), path(dataset), path(models, stageAs: 'models/*')
    val device

    output:
    tuple val(item.run), path("${item.run}/evaluation"), emit: evaluation
    path 'versions.yml', emit: versions

    script:
    """
    cat > section.json <<'END_OF_SECTION'
    ${item.section}
    END_OF_SECTION
    gxtool evaluate --model ${item.family} --config section.json --checkpoint models --input ${dataset} \\
        --output ${item.run}/evaluation --threads ${item.resources.cpus} --device ${device}
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    mkdir -p ${item.run}/evaluation
    touch ${item.run}/evaluation/manifest.json versions.yml
    """
}
