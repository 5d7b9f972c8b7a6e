"""`perturb`: predict test rows as they are and as a family's perturbations change them; the difference is the effect.

An effect is the change of the prediction, averaged over the run's models (seeds and folds). Nothing is fitted here,
and labels are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gxtool.config import Config
from gxtool.errors import ConfigError, InputError, did_you_mean
from gxtool.io.artifact import Artifact, ArtifactWriter, find_artifacts
from gxtool.io.dataset import Dataset
from gxtool.io.runtime import Stopwatch
from gxtool.models.base import Family
from gxtool.training.options import TrainOptions, require_packages
from gxtool.training.predict import Model, family_of, load_model

PART = "effects-{:05d}.parquet"


def perturb(checkpoints: Sequence[Path], dataset: Path, output: Path, config: Config, options: TrainOptions) -> Path:
    """Write the effects of every chosen perturbation on test rows of every sample that the models know.

    Raises:
        ConfigError: a kind of perturbation that the family does not have, or a family without any.
        InputError: no model, models of several families, or a dataset of another family.
    """
    require_packages()
    from gxtool.training.machine import machine

    models = find_artifacts(checkpoints, "model")
    family = family_of(models)
    kinds = _kinds(family, config.perturb.kinds)
    data = Dataset.open(dataset, family.name)
    watch = Stopwatch()
    summary: list[dict[str, Any]] = []
    with (
        machine(options, config.resources.threads),
        ArtifactWriter(output, "effects", family=family.name, overwrite=options.overwrite) as writer,
    ):
        for model in (data.artifact, *models):
            writer.add_parent(model)
        for sample in data.samples:
            predictors = _predictors(models, sample, options.device)
            rows = _test_rows(data, sample, config.perturb.max_rows)
            if not predictors or not len(rows):
                continue
            for kind in kinds:
                table = _effects(family, data, rows, predictors, kind)
                table = table.with_columns(pl.lit(sample).alias("sample"), pl.lit(kind).alias("kind"))
                writer.write_table(PART.format(len(summary)), table)
                summary.append(_summary(table, sample, kind))
        if not summary:
            raise InputError(f"{dataset}: has no test rows of a sample that the models know")
        writer.write_json("summary.json", {"run": models[0].manifest.info.get("run", ""), "effects": summary})
        writer.describe(info={"run": models[0].manifest.info.get("run", ""), "kinds": kinds})
        watch.write(writer.folder)
    return Path(output)


def _kinds(family: Family, asked: Sequence[str]) -> list[str]:
    known = list(family.perturbations)
    if not known:
        raise ConfigError(f"--model {family.name}: has no perturbations")
    if tuple(asked) == ("all",):
        return known
    for kind in asked:
        if kind not in known:
            raise ConfigError(f"perturb.kinds: {kind} is no perturbation of {family.name}{did_you_mean(kind, known)}")
    return list(asked)


def _predictors(models: Sequence[Artifact], sample: str, device: str) -> list[Model]:
    """Load the models that were trained for one sample, or for all of them."""
    return [load_model(model.path, device) for model in models if model.manifest.info["sample"] in (sample, None)]


def _test_rows(data: Dataset, sample: str, most: int) -> np.ndarray:
    """Return test rows of one sample, a seeded choice when there are more than `most`."""
    rows = data.indices("test", data.folds[0], sample)
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    return rows


def _effects(family: Family, data: Dataset, rows: np.ndarray, predictors: Sequence[Model], kind: str) -> pl.DataFrame:
    """Return unit, change, readout, state (prediction without the change), effect and n (models averaged)."""
    arrays = {name: array for name, array in data.take(rows).items() if name != "labels"}
    before = np.mean([predictor.predict(arrays) for predictor in predictors], axis=0)
    units = data.rows["group"].gather(rows)
    parts = []
    for change, changed in family.load(family.perturbations[kind])(arrays, data):
        after = np.mean([predictor.predict(changed) for predictor in predictors], axis=0)
        parts.append(
            pl.DataFrame(
                {
                    "unit": units,
                    "change": change,
                    "readout": "prediction",
                    "state": before.astype(np.float32),
                    "effect": (after - before).astype(np.float32),
                    "n": len(predictors),
                }
            )
        )
    return pl.concat(parts)


def _summary(table: pl.DataFrame, sample: str, kind: str) -> dict[str, Any]:
    """Return the mean and spread of each change over the rows, in the order they were made."""
    grouped = table.group_by("change", maintain_order=True).agg(
        pl.col("effect").mean().alias("mean"),
        pl.col("effect").std().alias("sd"),
        pl.col("effect").abs().mean().alias("mean_absolute"),
        pl.len().alias("n"),
    )
    return {"sample": sample, "kind": kind, "changes": grouped.to_dicts()}
