// What the user asked for, and how the user is told how it ended.

// The parameters, each of one type, whatever the command line or a parameter file made of it.
def readRequest(options, commandLine) {
    if (commandLine.count(' --set ') > 1) {
        refuse(options.outdir, "gxtool: error: --set was given ${commandLine.count(' --set ')} times, expected one list: --set 'section.field=value;section.field=value'")
    }
    if (options.runs && commandLine =~ / --seeds[ =]/) {
        refuse(options.outdir, "gxtool: error: --seeds was given beside --runs, expected seeds in the runs file, where each run names its own")
    }
    if (!(textOf(options.device) in ['auto', 'cpu', 'cuda'])) {
        refuse(options.outdir, "gxtool: error: --device: found '${shown(options.device)}', expected one of auto, cpu, cuda")
    }
    if (!(textOf(options.engine) in ['', 'none', 'docker', 'podman', 'apptainer', 'singularity'])) {
        refuse(options.outdir, "gxtool: error: --engine: found '${shown(options.engine)}', expected one of docker, podman, apptainer, singularity, none")
    }
    if (!(textOf(options.image) ==~ /[A-Za-z0-9\/][A-Za-z0-9._:\/@-]*/)) {
        refuse(options.outdir, "gxtool: error: --image: found '${shown(options.image)}', expected the name of an image, such as gxtool:0.1.0")
    }
    // Containers see the folder through an option of the engine, in which these signs mean something.
    if (textOf(options.engine) && textOf(options.checkpoint_dir) =~ /[\p{Cntrl}'"`$\\:,]/) {
        refuse(options.outdir, "gxtool: error: --checkpoint_dir: found '${shown(options.checkpoint_dir)}', expected a path without quotes, colons, commas, \$ and \\ where tasks run in containers")
    }
    requireThere(options.outdir, '--config', textOf(options.config))
    requireThere(options.outdir, '--judge', textOf(options.judge).contains('/') ? textOf(options.judge) : '')
    [
        // As typed, but for what makes a second try of the same run look different.
        command: commandLine.replaceAll(/ -resume( [0-9a-f-]{36})?/, ''),
        help: textOf(options.help),
        version: textOf(options.version),
        input: textOf(options.input),
        runs: options.runs ? file(textOf(options.runs), glob: false).toAbsolutePath().toUriString() : '',
        model: textOf(options.model),
        preset: options.preset instanceof List ? options.preset.join(',') : textOf(options.preset),
        judge: folderOf(textOf(options.judge)),
        config: textOf(options.config),
        set: options.set instanceof List ? options.set : textOf(options.set).tokenize(';').collect { pair -> pair.trim() },
        seeds: textOf(options.seeds),
        outdir: textOf(options.outdir),
        checkpoint_dir: textOf(options.checkpoint_dir) ? madeFolder(textOf(options.checkpoint_dir)) : 'checkpoints',
        device: textOf(options.device),
    ]
}

// Before anything runs the engine calls nothing at the end, so the sentence is kept here.
def refuse(outdir, sentence) {
    def folder = file("${outdir}/pipeline_info", glob: false)
    folder.mkdirs()
    folder.resolve('error.txt').text = "${sentence}\n"
    error(sentence)
}

def requireThere(outdir, option, path) {
    if (path && !file(path, glob: false).exists()) {
        refuse(outdir, "gxtool: error: ${option}: found '${shown(path)}', expected a file or folder that is there")
    }
}

// A folder as an absolute path, which tells it from a name.
def folderOf(text) {
    return text.contains('/') ? existing(text).toAbsolutePath().toUriString() : text
}

// Docker would make a folder that is missing, and root would own it.
def madeFolder(path) {
    def folder = file(path, glob: false)
    folder.mkdirs()
    return folder.toAbsolutePath().toString()
}

def existing(path) {
    def found = file(path.toString(), glob: false)
    if (!found.exists()) {
        error("gxtool: error: ${shown(path)}: no such file or folder, expected it because the samplesheet, the runs file or an option names it")
    }
    // The engine's own scripts take these signs for what a shell means by them.
    if (found.toString() =~ /[\p{Cntrl}$*?\[\]{}]/) {
        error("gxtool: error: ${shown(found)}: cannot be handed to a task, expected a path without control characters and \$ * ? [ ] { }")
    }
    return found
}

def givenInput(request) {
    def source = existing(request.input ?: request.runs)
    def folder = source.isDirectory() ? source : source.parent
    return tuple(folder.toUriString(), request.input ? source : [], request.runs ? existing(request.runs) : [])
}

def simulatedInput(folder, model) {
    return model
        ? tuple(folder.toString(), folder.resolve('samplesheet.csv'), [])
        : tuple(folder.toString(), [], folder.resolve('runs.yaml'))
}

// A value as a message shows it: one line, and not long.
def shown(value) {
    def text = value.toString().replaceAll(/\p{Cntrl}/, '?')
    return text.size() > 200 ? "${text.take(197)}..." : text
}

// The last Nextflow engines leave `--flag false` a string.
def textOf(value) {
    return value == null || value.toString() == 'false' ? '' : value.toString()
}

// Says how the run ended. A failure's sentence is kept where people look for it; the engine has printed it already.
def finish(outdir, success, report) {
    def folder = file("${outdir}/pipeline_info", glob: false)
    def note = folder.resolve('error.txt')
    if (success) {
        note.delete()
        return "The report is ${file("${outdir}/report.html", glob: false).toAbsolutePath()}"
    }
    // Usage errors come in a box.
    def lines = report.replaceAll('[\u2500-\u257f]', '').readLines().collect { line -> line.trim() }
    def sentence = lines.find { line -> line.startsWith('gxtool: error: ') } ?: lines.reverse().find { line -> line && line != 'null' }
    folder.mkdirs()
    note.text = "${sentence}\n"
    return "What went wrong stands above and in ${note.toAbsolutePath()}"
}

def helpText() {
    return """\
    Usage: nextflow run main.nf [-profile NAME,...] [options]

      --input PATH            samplesheet, or a folder of inputs; without it the run uses simulated data
      --model NAME            model family (gxtool families lists them)
      --preset A,B            presets of the family, one run each
      --runs FILE             runs.yaml: a list of runs instead of --model and --preset
      --judge PRESET          the preset, or folder of models, that judges what all other runs design
      --config FILE           settings of your own (YAML)
      --set 'KEY=VALUE;...'   single settings, for example --set 'training.learning_rate=3e-4'
      --seeds N               models trained per run, each from another seed
      --outdir FOLDER         where results go (results)
      --checkpoint_dir PATH   where training keeps its progress between attempts; empty: nowhere
      --device auto|cpu|cuda  what models run on

    Profiles: demo, test, gpu; docker, podman, apptainer, singularity;
    slurm, pbspro, lsf, k8s, awsbatch, googlebatch, azurebatch.""".stripIndent()
}
