"""`evaluate`: trained models and their baselines are judged on test rows. Importing this needs no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gxtool.config import Config
from gxtool.data.splits import SCHEMES, overlapping
from gxtool.errors import InputError
from gxtool.io.artifact import Artifact, ArtifactWriter, find_artifacts, is_artifact, open_artifact
from gxtool.io.dataset import Dataset
from gxtool.io.runtime import Stopwatch
from gxtool.measure.answers import COLUMNS, MODEL
from gxtool.measure.sentences import Words
from gxtool.measure.verdict import Question
from gxtool.models.base import Family
from gxtool.models.stages import SIMULATED
from gxtool.training.baseline_fits import Fit, TaskRows, chosen_baselines, facts, fit_baselines
from gxtool.training.ceilings import add_ceilings
from gxtool.training.claims import ROLE, Claim, claim_of, task_of
from gxtool.training.options import DEFAULT_OPTIONS, TrainOptions, require_packages
from gxtool.training.predict import config_of, family_of, label_rows, predict_models
from gxtool.training.readings import predict_readings
from gxtool.training.row_checks import require_both_classes, require_labels, require_same_rows
from gxtool.training.scales import scales_of, scored_as
from gxtool.training.scoring import Judge, passed, sample_curves, scores


def evaluate(
    checkpoints: Sequence[Path],
    dataset: Path,
    output: Path,
    config: Config | None = None,
    options: TrainOptions = DEFAULT_OPTIONS,
) -> Path:
    """Score the models of one run on the test rows: per sample, averaged over seeds and each seed alone.

    `config` (its `evaluation` section counts) defaults to the one the models were trained with. An evaluation that is
    overwritten hands its record of looks on.

    Test rows of groups or samples that the models have seen, as the split claims new ones, are left out and counted.

    Raises:
        InputError: models of several runs, rows that do not fit them, no row that is new to them, labels that are
            missing or all alike among the test rows, or a group on both sides of the split.
        ConfigError: an unknown baseline, or one asked for by name that does not apply to the dataset.
    """
    require_packages()
    from gxtool.training.machine import machine

    watch = Stopwatch()
    models = _models_of_one_run(checkpoints)
    family = family_of(models)
    config = config or config_of(models[0], family)
    opened = Dataset.open(Path(dataset), family.name)
    left_out = chosen_baselines(family, opened, config.evaluation).left_out
    claim, work = _claimed(models, opened, family)
    models = [model for model, _ in work]
    looks = _looks(Path(output), opened, models, options.overwrite)
    with machine(options, options.threads or config.resources.threads) as here:
        predictions = predict_models(work, family, opened, here, config)
        readings = predict_readings(work, family, opened, here, config, predictions)
    fits = _fits(claim, family, opened, config)
    table = _table(opened, predictions, fits)
    scales = scales_of(family, opened, models, table)
    family = scored_as(family, scales)
    judge = Judge(family.metrics, family.kind, _question(opened, config, claim), Words.of(family.words(opened.targets)))
    content, curves = _scores(judge, table, models, fits, opened)
    content |= _context(family, models, opened, claim) | scales.record()
    content |= {"level": config.evaluation.level, "looks": looks, "baselines_left_out": left_out}
    if readings:
        content["readings"] = [one.scores(judge.metrics, _table(opened, one.predictions, [])) for one in readings]
    about = {"family": family.name, "preset": models[0].manifest.preset, "overwrite": options.overwrite}
    with ArtifactWriter(output, "evaluation", **about) as writer:
        for parent in (opened.artifact, *models):
            writer.add_parent(parent)
        writer.write_table("predictions.parquet", table.select(COLUMNS))
        writer.write_json("metrics.json", content)
        writer.write_json("curves.json", curves)
        finite = _finite(table).with_columns(other_scale=pl.col("sample").is_in(scales.samples))
        if family.details and len(finite):
            writer.write_json("details.json", family.load(family.details)(finite, opened))
        writer.describe(rows={ROLE: table["row"].n_unique()}, info={"run": content["run"], "samples": list(curves)})
        watch.write(writer.folder, {"device": here.device.type, "threads": here.threads})
    return Path(output)


def _models_of_one_run(checkpoints: Sequence[Path]) -> list[Artifact]:
    models = find_artifacts(checkpoints, "model")
    first = models[0]
    seen: dict[tuple, Path] = {}
    for model in models:
        run = model.manifest.info.get("run")
        if run != first.manifest.info.get("run"):
            raise InputError(
                f"{model.path}: is a model of run {run}, expected {first.manifest.info.get('run')} as {first.path}; "
                "evaluate one run at a time"
            )
        key = (*task_of(model), model.manifest.seed)
        if key in seen:
            raise InputError(f"{model.path}: is the same model as {seen[key]}, expected every model once")
        seen[key] = model.path
    return models


def _require_fit(models: Sequence[Artifact], dataset: Dataset, family: Family) -> None:
    """Check that the dataset can judge the models: labels, rows of their kind, and a split that keeps its word."""
    require_labels(dataset)
    for model in models:
        require_same_rows(model, dataset)
        sample, fold = task_of(model)
        path = f"{dataset.artifact.path}" + (f": sample {sample}" if sample else "")
        if not len(dataset.indices(ROLE, fold, sample)):
            raise InputError(f"{path}: fold {fold} has no {ROLE} rows, expected some to judge {model.path} on")
    for sample, fold in {task_of(model) for model in models}:
        _require_disjoint(dataset, sample, fold)


def _claimed(
    models: Sequence[Artifact], dataset: Dataset, family: Family
) -> tuple[Claim, list[tuple[Artifact, np.ndarray]]]:
    """Return the claim, and every model that has test rows to bear it with them, after checking all of them."""
    _require_fit(models, dataset, family)
    claim = claim_of(models, dataset, family)
    for indices in claim.rows.values():
        samples = dataset.rows["sample"].gather(indices)
        for name in samples.unique(maintain_order=True):
            rows = indices[(samples == name).to_numpy()]
            for target in range(dataset.n_targets):
                where = f"{dataset.artifact.path}: {ROLE} rows of sample {dataset.name_of(name, target)}"
                require_both_classes(np.asarray(dataset.labels(target)[rows]), family.kind, where)
    work = [(model, claim.rows[task_of(model)]) for model in models]
    return claim, [(model, indices) for model, indices in work if len(indices)]


def _require_disjoint(dataset: Dataset, sample: str | None, fold: int) -> None:
    """Check that what the scheme keeps apart is on one side of the split that a model was made with.

    Where a scheme keeps nothing apart (published random rows), test groups must still be new.

    Raises:
        InputError: a group (or sample, or chromosome) is on two sides; the sentence names it.
    """
    rows = dataset.rows if sample is None else dataset.rows.filter(pl.col("sample") == sample)
    scheme = SCHEMES[dataset.scheme]
    pairs = [("train", ROLE), ("val", ROLE), *([("train", "val")] if scheme.apart else [])]
    for column in scheme.apart or ("group",):
        for pair in pairs:
            shared = overlapping(rows, dataset.splits, fold, pair, column)
            if shared:
                raise InputError(
                    f"{dataset.artifact.path}: {len(shared)} {column}s such as {shared[0]} have {' and '.join(pair)} "
                    f"rows in fold {fold}, expected every {column} on one side of the split"
                )


def _fits(claim: Claim, family: Family, dataset: Dataset, config: Config) -> list[Fit]:
    """Fit the baselines on what each sample and fold was trained on."""
    return [
        fit
        for (sample, fold), tested in claim.rows.items()
        if len(tested)
        for fit in fit_baselines(family, dataset, config.evaluation, TaskRows.of(dataset, fold, sample, tested))
    ]


def _table(dataset: Dataset, predictions: pl.DataFrame, fits: Sequence[Fit]) -> pl.DataFrame:
    """Return the table that `scoring` describes, with each target's place; every target is a sample of its own."""
    columns = ("row", "target", "predictor", "seed", "model", "fold", "prediction")
    types = {"seed": pl.Int64, "model": pl.Int64, "fold": pl.Int64}
    parts = [predictions.with_columns(predictor=pl.lit(MODEL)).cast(types).select(columns)]
    parts += [fit.table().select(columns) for fit in fits]
    names = pl.DataFrame(
        [(one, place, dataset.name_of(one, place)) for one in dataset.samples for place in range(dataset.n_targets)],
        {"of": pl.String, "target": pl.UInt32, "sample": pl.String},
        orient="row",
    )
    rows = dataset.rows.select("row", group=dataset.kept_together, of="sample").join(label_rows(dataset), on="row")
    rows = rows.join(names, on=("of", "target")).drop("of")
    table = pl.concat(parts).join(rows, on=("row", "target"), how="left", maintain_order="left")
    return table.sort("target", maintain_order=True)


def _finite(table: pl.DataFrame) -> pl.DataFrame:
    """Return the samples whose models predict finite numbers, without the baselines that do not."""
    finite = pl.col("prediction").is_finite()
    samples = (finite | (pl.col("predictor") != MODEL)).all().over("sample")
    return table.filter(samples, finite.all().over("sample", "predictor"))


def _question(dataset: Dataset, config: Config, claim: Claim) -> Question:
    """Ask about new samples where they are claimed; targets of the same rows are no samples of their own."""
    return Question(config.evaluation.level, claim.new != "groups" and dataset.n_targets < 2)


def _scores(
    judge: Judge, table: pl.DataFrame, models: Sequence[Artifact], fits: Sequence[Fit], dataset: Dataset
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the samples and summaries of metrics.json, and curves.json."""
    told = [
        {
            "seed": model.manifest.seed,
            "fold": model.manifest.info.get("fold", 0),
            "model_id": model.id,
            "n_parameters": model.manifest.info.get("n_parameters"),
        }
        for model in models
    ]
    chosen, curves = {}, {}
    for (name,), rows in table.group_by("sample", maintain_order=True):
        judged = rows.filter(pl.col("predictor") == MODEL)["row"].to_numpy()
        chosen[name] = facts(fits, rows["target"][0], judged)
        curves[name] = sample_curves(judge, rows)
    found = scores(judge, table, str(models[0].manifest.info.get("run")), told, chosen)
    found["samples"] = add_ceilings(found["samples"], dataset, table, judge.primary, judge.question.level)
    return found, curves


def _context(family: Family, models: Sequence[Artifact], dataset: Dataset, claim: Claim) -> dict[str, Any]:
    """Return what metrics.json says beside scores: what was judged, by what, and how soon references were reached."""
    first = models[0].manifest
    benchmark = _benchmark(family, dataset, claim)
    references = [one for one in family.references if one.benchmark == benchmark and one.metric in family.metrics]
    reached = [
        passed(reference, model.manifest.info.get("sample"), model.manifest.seed, _history(model))
        | {"fold": model.manifest.info.get("fold", 0)}
        for reference in references
        for model in models
    ]
    return {
        "run": first.info.get("run"),
        "family": family.name,
        "preset": first.preset,
        "kind": family.kind,
        "primary": family.primary_metric,
        "metrics": list(family.metrics),
        "scheme": claim.scheme,
        "claim": claim.record(),
        "targets": dataset.targets,
        "words": family.words(dataset.targets),
        "role": ROLE,
        SIMULATED: bool(dataset.artifact.manifest.info.get(SIMULATED)),
        "dataset_id": dataset.artifact.id,
        "benchmark": benchmark,
        "references": [asdict(one) for one in references],
        "passed": reached,
    }


def _benchmark(family: Family, dataset: Dataset, claim: Claim) -> str:
    """Return the name of the published benchmark whose test set was scored, whole; empty: none, or simulated data."""
    if not family.benchmark or dataset.artifact.manifest.info.get(SIMULATED):
        return ""
    scored = dataset.rows[np.concatenate(list(claim.rows.values()))]
    return family.load(family.benchmark)(scored, claim.scheme)


def _history(model: Artifact) -> list[dict[str, Any]]:
    return [json.loads(line) for line in model.text("metrics.jsonl").splitlines()]


def _looks(output: Path, dataset: Dataset, models: Sequence[Artifact], overwrite: bool) -> list[dict[str, Any]]:
    """Return the looks at test rows so far, this one last.

    Raises:
        InputError: the output exists and may not be overwritten.
    """
    earlier = []
    if output.exists() and any(output.iterdir() if output.is_dir() else [output]):
        if not overwrite:
            raise InputError(f"{output}: exists already, expected a new folder (or --overwrite)")
        if is_artifact(output):
            earlier = open_artifact(output, "evaluation").json("metrics.json")["looks"]
    look = {"role": ROLE, "dataset_id": dataset.artifact.id, "model_ids": sorted(model.id for model in models)}
    return [*earlier, look]
