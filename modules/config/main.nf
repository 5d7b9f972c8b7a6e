// Everything the user asked for, checked and resolved, becomes one plan.
include { encoded; nameOf; written } from '../item'

process CONFIG {
    label 'process_single'

    input:
    val request
    tuple val(folder), path(sheet, stageAs: 'input/*'), path(runs, stageAs: 'runs/*')
    path overrides, stageAs: 'config/*'

    output:
    tuple val(folder), path('plan.json'), emit: plan
    path 'settings', emit: settings, optional: true
    path 'versions.yml', emit: versions

    script:
    def options = [
        '--input': sheet ? "input/${nameOf(sheet)}" : '',
        '--runs': runs ? request.runs ?: "${folder}/${nameOf(runs)}" : '', // its samplesheets lie beside the original
        '--config': overrides ? "config/${nameOf(overrides)}" : '',
        '--model': request.model,
        '--preset': request.preset,
        '--judge': request.judge,
        '--seeds': runs ? '' : request.seeds,
        '--set': request.set,
        '--base-dir': folder,
        '--command': request.command,
    ]
    """
    ${written([options: options])}
    gxtool config --item item.json --output plan.json
    for given in runs config; do if [ -d \$given ]; then mkdir -p settings && cp -RL \$given settings; fi; done
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    ${encoded(file("${moduleDir}/stub-plan.json").text, 'plan.json')}
    touch versions.yml
    """
}
