// Everything the run made becomes one page for people and a few files for MultiQC.
process REPORT {
    label 'process_single'

    input:
    path plan
    path artifacts, stageAs: 'artifacts/artifact?/*'

    output:
    path 'report/report.html', emit: html
    path 'report/*_mqc.json', emit: multiqc
    path 'versions.yml', emit: versions

    script:
    """
    gxtool report --input artifacts --plan ${plan} --output report
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    mkdir report
    touch report/report.html report/stub_mqc.json versions.yml
    """
}
