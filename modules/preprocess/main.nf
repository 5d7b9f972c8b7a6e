// The public files of one sample become an `examples` artifact.
include { written } from '../item'

process PREPROCESS {
    tag "${item.id}"
    label 'process_data'
    cpus { item.resources.cpus }
    memory { 1.GB * item.resources.memory_gb * task.attempt }

    input:
    tuple val(item), path(files, stageAs: 'input?/*'), val(fingerprint)

    output:
    tuple val(item.id), path('examples'), emit: examples
    path 'versions.yml', emit: versions

    script:
    """
    ${written(item)}
    gxtool preprocess --item item.json --output examples --overwrite
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    mkdir examples
    touch examples/manifest.json versions.yml
    """
}
