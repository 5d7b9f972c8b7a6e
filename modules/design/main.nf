// Sequences are edited until a run's models predict what is wanted; another run's models judge them.
process DESIGN {
    tag "${item.run}"
    label 'process_gpu'
    cpus { item.resources.cpus }
    memory { 1.GB * item.resources.memory_gb * task.attempt }

    input:
    tuple val(item), path(dataset), path(models, stageAs: 'models/*'), path(judges, stageAs: 'judges/*')
    val device

    output:
    tuple val(item.run), path("${item.run}/designs"), emit: designs
    path 'versions.yml', emit: versions

    script:
    """
    cat > section.json <<'END_OF_SECTION'
    ${item.section}
    END_OF_SECTION
    gxtool design --model ${item.family} --config section.json --checkpoint models --judge judges --input ${dataset} \\
        --output ${item.run}/designs --threads ${item.resources.cpus} --device ${device}
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    mkdir -p ${item.run}/designs
    touch ${item.run}/designs/manifest.json versions.yml
    """
}
