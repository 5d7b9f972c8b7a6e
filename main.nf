#!/usr/bin/env nextflow
// gxtool: from public genomics files to trained, compared and explained models of gene expression.
// `gxtool config` decides what is done and writes plan.json; this page only says what waits for what.

include { readRequest; givenInput; simulatedInput; existing; finish; helpText } from './modules/request'
include { indexOf; places     } from './modules/indices'
include { SIMULATE            } from './modules/simulate/main'
include { CONFIG              } from './modules/config/main'
include { PREPROCESS          } from './modules/preprocess/main'
include { TOKENIZE            } from './modules/tokenize/main'
include { TRAIN               } from './modules/train/main'
include { TRAIN as TRAIN_FROM } from './modules/train/main'
include { EVALUATE            } from './modules/evaluate/main'
include { PREDICT             } from './modules/predict/main'
include { PERTURB             } from './modules/perturb/main'
include { DESIGN              } from './modules/design/main'
include { COMPARE             } from './modules/compare/main'
include { REPORT              } from './modules/report/main'

workflow {
    main:
    def request = readRequest(params, workflow.commandLine)
    if (request.help || request.version) {
        println(request.version ? "gxtool ${workflow.manifest.version}" : helpText())
        return
    }
    workflow.onComplete = {
        def outcome = finish(request.outdir, workflow.success, "${workflow.errorReport}\n${workflow.errorMessage}")
        workflow.success ? log.info(outcome) : log.error(outcome)
    }
    if (workflow.containerEngine && "${projectDir}".contains(' ')) {
        error("gxtool: error: ${projectDir}: has a space in its path, expected none where tasks run in containers")
    }

    // [folder that relative paths start from, samplesheet or [], runs file or []]
    asked = channel.of(request).branch { wish ->
        given: wish.input || wish.runs
        none: true
    }
    SIMULATE(asked.none.map { wish -> wish.model })
    simulated = SIMULATE.out.folder.map { folder -> simulatedInput(folder, request.model) }
    CONFIG(request, asked.given.map { wish -> givenInput(wish) }.mix(simulated), request.config ? existing(request.config) : [])

    // [folder, plan]; every item of the plan's lists is one task
    plan = CONFIG.out.plan.map { folder, json -> tuple(folder, new groovy.json.JsonSlurperClassic().parseText(json.text)) }
    PREPROCESS(plan.flatMap { folder, stages -> stages.preprocess.collect { item -> rawInput(folder, item) } })

    // [preprocess id, tokenize id as key, position, tokenize item]
    samples = plan.flatMap { _folder, stages ->
        stages.tokenize.collectMany { item -> members(item.preprocess, item.id, item) }
    }
    TOKENIZE(gather(samples, PREPROCESS.out.examples).map { _id, item, examples -> tuple(item, examples) })

    // [train id, run as key, position, train item]
    shares = plan.flatMap { _folder, stages ->
        stages.train.groupBy { item -> item.run }.collectMany { run, items -> members(items.collect { item -> item.id }, run, items[0]) }
    }
    // [train item, dataset]
    training = plan.flatMap { _folder, stages -> keyed(stages.train, 'dataset') }.combine(TOKENIZE.out.dataset, by: 0)
        .map { _id, item, dataset -> tuple(item, dataset) }
        .branch { item, _dataset ->
            after: item.init && !item.init.contains('/')
            now: true
        }
    TRAIN(
        training.now.map { item, dataset -> tuple(item, dataset, item.init ? existing(item.init) : []) },
        request.device,
        request.checkpoint_dir,
    )
    // [run to start from, models] + [run to start from, train item, dataset] → [train item, dataset, models]
    TRAIN_FROM(
        gather(shares, TRAIN.out.models).map { run, _item, models -> tuple(run, models) }
            .combine(training.after.map { item, dataset -> tuple(item.init, item, dataset) }, by: 0)
            .map { _run, models, item, dataset -> tuple(item, dataset, models) },
        request.device,
        request.checkpoint_dir,
    )

    // [run, models]
    trained = gather(shares, TRAIN.out.models.mix(TRAIN_FROM.out.models)).map { run, _item, models -> tuple(run, models) }
    EVALUATE(modelled(plan.flatMap { _folder, stages -> keyed(stages.evaluate, 'run') }, trained, TOKENIZE.out.dataset), request.device)
    PERTURB(modelled(plan.flatMap { _folder, stages -> keyed(stages.perturb, 'run') }, trained, TOKENIZE.out.dataset), request.device)
    predicting = plan.flatMap { _folder, stages -> keyed(stages.predict, 'init') }
    // [run or folder that judges, item, dataset, models of the run]
    designing = modelled(plan.flatMap { _folder, stages -> keyed(stages.design, 'run') }, trained, TOKENIZE.out.dataset)
        .map { item, dataset, models -> tuple(item.judge, item, dataset, models) }
    // [run or folder, its models]: of this run, or trained before it
    known = predicting.mix(designing).map { row -> row[0] }.filter { name -> name.contains('/') }.unique()
        .map { name -> tuple(name, existing(name)) }.mix(trained)
    PREDICT(modelled(predicting, known, TOKENIZE.out.dataset), request.device)
    DESIGN(designing.combine(known, by: 0).map { row -> tuple(row[1], row[2], row[3], row[4]) }, request.device)

    // [run, compare id as key, position, compare item]
    compared = plan.flatMap { _folder, stages -> stages.compare.collectMany { item -> members(stages.evaluate.collect { one -> one.run }, item.id, item) } }
    COMPARE(gather(compared, EVALUATE.out.evaluation).map { _id, item, evaluations -> tuple(item, evaluations) })
    artifacts = PREPROCESS.out.examples.mix(TOKENIZE.out.dataset, EVALUATE.out.evaluation, PERTURB.out.effects, PREDICT.out.predictions, DESIGN.out.designs)
        .map { _id, folder -> folder }
        .mix(trained.flatMap { _run, models -> models }, COMPARE.out.comparison)
    REPORT(CONFIG.out.plan.map { _folder, json -> json }, sorted(artifacts))

    SIMULATE.out.versions.mix(
        CONFIG.out.versions, PREPROCESS.out.versions, TOKENIZE.out.versions, TRAIN.out.versions, TRAIN_FROM.out.versions,
        EVALUATE.out.versions, PERTURB.out.versions, PREDICT.out.versions, DESIGN.out.versions, COMPARE.out.versions, REPORT.out.versions,
    )
        .map { versions -> versions.text }.unique()
        .collectFile(name: 'versions.yml', storeDir: "${request.outdir}/pipeline_info", sort: true)
}

// Nextflow looks at a folder's own date only, so the sizes and dates of the files in it are handed over too.
def rawInput(folder, item) {
    def paths = item.paths.collect { path -> existing(path.startsWith('/') || path.contains('://') ? path : "${folder}/${path}") }
    def contents = []
    paths.findAll { path -> path.isDirectory() }.each { path ->
        path.eachFileRecurse { child -> contents << "${path.relativize(child)} ${child.size()} ${child.lastModified()}".toString() }
    }
    def indices = paths.collect { path -> indexOf(path) }
    return tuple(item + [places: places(paths, indices)], paths + indices.findAll { index -> index }, contents.sort())
}

// Rows [id, key that knows its group's size, position, item]: what a group waits for.
def members(ids, name, item) {
    return ids.withIndex().collect { id, position -> tuple(id, groupKey(name, ids.size()), position, item) }
}

// [name, item, files in the order of the plan]: they arrive in any order, and a task's hash depends on theirs.
def gather(rows, results) {
    return rows.combine(results, by: 0)
        .map { _id, key, position, item, files -> tuple(key, position, item, files) }
        .groupTuple()
        .map { key, positions, items, files ->
            def ordered = [positions, files].transpose().sort { pair -> pair[0] }
            tuple(key.toString(), items[0], ordered.collect { pair -> pair[1] }.flatten())
        }
}

def keyed(items, key) {
    return items.collect { item -> tuple(item[key], item) }
}

// [run, item] + [run, models] + [tokenize id, dataset] → [item, dataset, models]
def modelled(items, models, datasets) {
    return items.combine(models, by: 0)
        .map { _run, item, folders -> tuple(item.dataset, item, folders) }
        .combine(datasets, by: 0)
        .map { _id, item, folders, dataset -> tuple(item, dataset, folders) }
}

def sorted(files) {
    return files.toSortedList { one, other -> one.toString() <=> other.toString() }.filter { all -> all }
}
