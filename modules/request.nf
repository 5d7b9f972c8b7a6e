// What the user asked for, and how the user is told how it ended.

// The parameters, each of one type, whatever the command line or a parameter file made of it.
def readRequest(options, commandLine) {
    if (commandLine.count(' --set ') > 1) {
        error("gxtool: error: --set was given ${commandLine.count(' --set ')} times, expected one list: --set 'section.field=value;section.field=value'")
    }
    if (options.runs && commandLine =~ / --seeds[ =]/) {
        error("gxtool: error: --seeds was given beside --runs, expected seeds in the runs file, where each run names its own")
    }
    [
        // As typed, but for what makes a second try of the same run look different.
        command: commandLine.replaceAll(/ -resume( [0-9a-f-]{36})?/, ''),
        help: textOf(options.help),
        version: textOf(options.version),
        input: textOf(options.input),
        runs: options.runs ? file(textOf(options.runs)).toAbsolutePath().toUriString() : '',
        model: textOf(options.model),
        preset: options.preset instanceof List ? options.preset.join(',') : textOf(options.preset),
        judge: folderOf(textOf(options.judge)),
        config: textOf(options.config),
        set: options.set instanceof List ? options.set : textOf(options.set).tokenize(';').collect { pair -> pair.trim() },
        seeds: textOf(options.seeds),
        outdir: textOf(options.outdir),
        checkpoint_dir: options.checkpoint_dir ? madeFolder(options.checkpoint_dir) : 'checkpoints',
        device: textOf(options.device),
    ]
}

// A folder as an absolute path, which tells it from a name.
def folderOf(text) {
    return text.contains('/') ? existing(text).toAbsolutePath().toUriString() : text
}

// Docker would make a folder that is missing, and root would own it.
def madeFolder(path) {
    def folder = file(path)
    folder.mkdirs()
    return folder.toAbsolutePath().toString()
}

def existing(path) {
    def found = file(path.toString(), glob: false)
    if (!found.exists()) {
        error("gxtool: error: ${path}: no such file or folder, expected it because the samplesheet, the runs file or an option names it")
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

// The last Nextflow engines leave `--flag false` a string.
def textOf(value) {
    return value == null || value.toString() == 'false' ? '' : value.toString()
}

// Says how the run ended; a failure's sentence is kept where people look for it.
def finish(outdir, success, report) {
    def folder = file("${outdir}/pipeline_info")
    def note = file("${folder}/error.txt")
    if (success) {
        note.delete()
        return "The report is ${file("${outdir}/report.html").toAbsolutePath()}"
    }
    // Usage errors come in a box.
    def lines = report.replaceAll('[\u2500-\u257f]', '').readLines().collect { line -> line.trim() }
    def sentence = lines.find { line -> line.startsWith('gxtool: error: ') } ?: lines.reverse().find { line -> line && line != 'null' }
    folder.mkdirs()
    note.text = "${sentence}\n"
    return sentence
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
