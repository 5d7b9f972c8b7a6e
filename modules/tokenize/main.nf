// The examples of the samples a run learns from become one encoded, split `dataset`.
process TOKENIZE {
    tag "${item.family} ${item.name}"
    label 'process_data'
    cpus { item.resources.cpus }
    memory { 1.GB * item.resources.memory_gb * task.attempt }

    input:
    tuple val(item), path(examples, stageAs: 'examples?/*', arity: '1..*')

    output:
    tuple val(item.id), path('dataset'), emit: dataset
    path 'versions.yml', emit: versions

    script:
    def inputs = examples.collect { folder -> "--input ${folder}" }.join(' ')
    """
    cat > section.json <<'END_OF_SECTION'
    ${item.section}
    END_OF_SECTION
    gxtool tokenize --model ${item.family} --config section.json ${inputs} --output dataset
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    mkdir dataset
    touch dataset/manifest.json versions.yml
    """
}
