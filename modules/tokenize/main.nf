// The examples of the samples a run learns from become one encoded, split `dataset`.
include { written } from '../item'

process TOKENIZE {
    tag "${item.id}"
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
    ${written(item)}
    gxtool tokenize --item item.json ${inputs} --output dataset --overwrite
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    mkdir dataset
    touch dataset/manifest.json versions.yml
    """
}
