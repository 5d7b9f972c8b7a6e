// Everything the user asked for, checked and resolved, becomes one plan.
process CONFIG {
    tag "${request.model ?: 'all runs'}"
    label 'process_single'

    input:
    val request
    tuple val(folder), path(sheet), path(runs)
    path overrides, stageAs: 'config/*'

    output:
    tuple val(folder), path('plan.json'), emit: plan
    path 'versions.yml', emit: versions

    script:
    def options = [
        sheet ? "--input ${sheet}" : '',
        runs ? "--runs ${quote(request.runs ?: "${folder}/${runs.name}")}" : '', // its samplesheets lie beside the original
        overrides ? "--config ${overrides}" : '',
        request.model ? "--model ${quote(request.model)}" : '',
        request.preset ? "--preset ${quote(request.preset)}" : '',
        request.judge ? "--judge ${quote(request.judge)}" : '',
        request.seeds && !runs ? "--seeds ${request.seeds}" : '',
    ] + request.set.collect { pair -> "--set ${quote(pair)}" }
    """
    gxtool config ${options.join(' ')} --base-dir ${quote(folder)} --command ${quote(request.command)} --output plan.json
    echo "${task.process}: {gxtool: '\$(gxtool --version | cut -d ' ' -f 2)'}" > versions.yml
    """

    stub:
    """
    cp '${moduleDir}/stub-plan.json' plan.json
    touch versions.yml
    """
}

// For the shell: one word, taken literally.
def quote(value) {
    return "'" + value.toString().replace("'", "'\\''") + "'"
}
