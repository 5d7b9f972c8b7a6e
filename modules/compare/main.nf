// The evaluations of all runs are pooled and tested against each other and against the baselines.
process COMPARE {
    label 'process_single'

    input:
    path evaluations, stageAs: 'evaluations/run?/*'

    output:
    path 'comparison', emit: comparison
    path 'versions.yml', emit: versions

    script:
    """
    gxtool compare --input evaluations --output comparison --overwrite
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    mkdir comparison
    touch comparison/manifest.json versions.yml
    """
}
