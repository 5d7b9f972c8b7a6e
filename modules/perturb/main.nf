// The inputs of a run's models are changed, and the change of their output is read.
process PERTURB {
    tag "${item.run}"
    label 'process_gpu'
    cpus { item.resources.cpus }
    memory { 1.GB * item.resources.memory_gb * task.attempt }

    input:
    tuple val(item), path(dataset), path(models, stageAs: 'models/*')
    val device

    output:
    tuple val(item.run), path("${item.run}/effects"), emit: effects
    path 'versions.yml', emit: versions

    script:
    """
    cat > section.json <<'END_OF_SECTION'
    ${item.section}
    END_OF_SECTION
    gxtool perturb --model ${item.family} --config section.json --checkpoint models --input ${dataset} \\
        --output ${item.run}/effects --threads ${item.resources.cpus} --device ${device}
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    mkdir -p ${item.run}/effects
    touch ${item.run}/effects/manifest.json versions.yml
    """
}
