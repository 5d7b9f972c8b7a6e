// A run's models, or models trained before, predict the rows of a dataset.
process PREDICT {
    tag "${item.run}"
    label 'process_gpu'
    cpus { item.resources.cpus }
    memory { 1.GB * item.resources.memory_gb * task.attempt }

    input:
    tuple val(item), path(dataset), path(models, stageAs: 'models/*')
    val device

    output:
    tuple val(item.run), path("${item.run}/predictions"), emit: predictions
    path 'versions.yml', emit: versions

    script:
    """
    cat > section.json <<'END_OF_SECTION'
    ${item.section}
    END_OF_SECTION
    gxtool predict --model ${item.family} --config section.json --checkpoint models --input ${dataset} \\
        --output ${item.run}/predictions --threads ${item.resources.cpus} --device ${device}
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    mkdir -p ${item.run}/predictions
    touch ${item.run}/predictions/predictions.parquet versions.yml
    """
}
