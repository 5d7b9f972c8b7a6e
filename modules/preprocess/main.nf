// The public files of one sample become an `examples` artifact.
process PREPROCESS {
    tag "${item.family} ${item.name}"
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
    cat > section.json <<'END_OF_SECTION'
    ${item.section}
    END_OF_SECTION
    cat > samplesheet.csv <<'END_OF_SHEET'
    ${item.sheet.trim().replace('\n', '\n    ')}
    END_OF_SHEET
    gxtool preprocess --model ${item.family} --config section.json --input samplesheet.csv --output examples
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    mkdir examples
    touch examples/manifest.json versions.yml
    """
}
