"""`perturb`: predict test rows as they are and as a family's perturbations change them; the difference is the effect.

An effect is the change of the prediction, averaged over the run's models (seeds and folds). Beside perturbations stand
integrated gradients (readout `attribution`) and what networks say of themselves (readout: the name of what they say).
Nothing is fitted here, and labels are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gxtool.config import Config, PerturbConfig
from gxtool.errors import ConfigError, InputError, did_you_mean
from gxtool.io.artifact import Artifact, ArtifactWriter, find_artifacts
from gxtool.io.dataset import Dataset
from gxtool.io.runtime import Stopwatch
from gxtool.models.base import Family
from gxtool.training.options import TrainOptions, require_packages
from gxtool.training.predict import Model, family_of, load_model

PART = "effects-{:05d}.parquet"
# Rows of several changes that are predicted together.
TOGETHER = 2048
GRADIENTS = "integrated_gradients"
"""Kind of effect that every family has which says along which way its input grows."""


@dataclass(frozen=True)
class _Scene:
    """Test rows of one sample and the models that know it."""

    family: Family
    data: Dataset
    rows: np.ndarray
    predictors: Sequence[Model]
    config: PerturbConfig

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """The rows' arrays, without what is to be predicted."""
        return {name: array for name, array in self.data.take(self.rows).items() if name != "labels"}

    @cached_property
    def before(self) -> np.ndarray:
        """The mean prediction of the rows as they are (n,)."""
        return self.predict(self.arrays)

    def predict(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the mean prediction of the models (n,)."""
        return np.mean([predictor.predict(arrays) for predictor in self.predictors], axis=0)


def perturb(checkpoints: Sequence[Path], dataset: Path, output: Path, config: Config, options: TrainOptions) -> Path:
    """Write the effects of every chosen kind on test rows of every sample that the models know.

    Raises:
        ConfigError: a kind of perturbation that the family or its networks do not have, or a family without any.
        InputError: no model, models of several families, or a dataset of another family.
    """
    require_packages()
    from gxtool.training.machine import machine

    models = find_artifacts(checkpoints, "model")
    family = family_of(models)
    kinds = _kinds(family, config.perturb.kinds)
    data = Dataset.open(dataset, family.name)
    watch = Stopwatch()
    run = models[0].manifest.info.get("run", "")
    # One fold: models of the others were trained on its test rows.
    fold = min(_fold(model) for model in models)
    of_fold = replace(data, splits=data.splits.filter(pl.col("fold") == fold))
    summary: list[dict[str, Any]] = []
    with (
        machine(options, options.threads or config.resources.threads),
        ArtifactWriter(output, "effects", family=family.name, overwrite=options.overwrite) as writer,
    ):
        for parent in (data.artifact, *models):
            writer.add_parent(parent)
        for sample in data.samples:
            predictors = _predictors(models, sample, fold, options.device)
            if not predictors:
                continue
            for kind in kinds:
                most = config.perturb.max_rows if _is_few(family, kind) else config.perturb.map_rows
                rows = _test_rows(data, sample, most, fold)
                if len(rows):
                    scene = _Scene(family, of_fold, rows, predictors, config.perturb)
                    _write(writer, scene, sample, kind, summary)
        if not summary:
            raise InputError(f"{dataset}: has no test rows of a sample that the models know")
        _require_found(kinds, config.perturb.kinds, summary)
        writer.write_json("summary.json", {"run": run, "effects": summary})
        writer.describe(info={"run": run, "kinds": sorted({entry["kind"] for entry in summary})})
        watch.write(writer.folder)
    return Path(output)


def known_kinds(family: Family) -> list[str]:
    """Return every kind of effect that a family can have."""
    return [*family.perturbations, *([GRADIENTS] if family.path else []), *family.readouts]


def _kinds(family: Family, asked: Sequence[str]) -> list[str]:
    known = known_kinds(family)
    if not known:
        raise ConfigError(f"--model {family.name}: has no perturbations")
    if tuple(asked) == ("all",):
        return known
    for kind in asked:
        if kind not in known:
            raise ConfigError(f"perturb.kinds: {kind} is no perturbation of {family.name}{did_you_mean(kind, known)}")
    return list(asked)


def _require_found(kinds: Sequence[str], asked: Sequence[str], summary: Sequence[Mapping[str, Any]]) -> None:
    """Check that what was asked for by name was there; `all` means all there is."""
    missing = [kind for kind in kinds if kind not in {entry["kind"] for entry in summary}]
    if missing and tuple(asked) != ("all",):
        raise ConfigError(f"perturb.kinds: these models have no {missing[0]}, expected kinds that their network has")


def _is_few(family: Family, kind: str) -> bool:
    return kind in family.perturbations and kind not in family.maps


def _fold(model: Artifact) -> int:
    return model.manifest.info.get("fold", 0)


def _predictors(models: Sequence[Artifact], sample: str, fold: int, device: str) -> list[Model]:
    """Load the models of one fold that were trained for one sample, or for all of them."""
    known = [model for model in models if model.manifest.info["sample"] in (sample, None) and _fold(model) == fold]
    return [load_model(model.path, device) for model in known]


def _test_rows(data: Dataset, sample: str, most: int, fold: int) -> np.ndarray:
    """Return test rows of one sample, a seeded choice when there are more than `most`."""
    rows = data.indices("test", fold, sample)
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    return rows


def _write(writer: ArtifactWriter, scene: _Scene, sample: str, kind: str, summary: list[dict[str, Any]]) -> None:
    """Write one kind's table and add what the report says of it; nothing from a network that has none."""
    if kind in scene.family.perturbations:
        changes, readout, note = _perturbed(scene, kind), "prediction", ""
    elif kind == GRADIENTS:
        changes, readout, note = _attributed(scene)
    else:
        changes, readout, note = _read(scene, kind), kind, ""
    table = _table(scene, changes, readout)
    if table is None:
        return
    table = table.with_columns(pl.lit(sample).alias("sample"), pl.lit(kind).alias("kind"))
    writer.write_table(PART.format(len(summary)), table)
    summary.append(_summary(table, sample, kind) | {"readout": readout} | ({"note": note} if note else {}))


def _perturbed(scene: _Scene, kind: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each change and its effects (n,): the prediction with it less the prediction without it.

    Changes of few rows are predicted together: a network takes a full batch in hardly more time than a small one.
    """
    together = max(1, TOGETHER // max(1, len(scene.rows)))
    changes = iter(scene.family.load(scene.family.perturbations[kind])(scene.arrays, scene.data, scene.config))
    while some := list(islice(changes, together)):
        joined = {name: np.concatenate([changed[name] for _, changed in some]) for name in some[0][1]}
        after = scene.predict(joined).reshape(len(some), len(scene.rows))
        yield from zip([change for change, _ in some], after - scene.before, strict=True)


def _attributed(scene: _Scene) -> tuple[Iterator[tuple[str, np.ndarray]], str, str]:
    """Return each place's attributions, their readout and how well they add up, models averaged."""
    from gxtool.perturb.inside import integrated_gradients

    steps = scene.config.path_steps
    found = [integrated_gradients(model, scene.arrays, scene.data, steps) for model in scene.predictors]
    values = np.mean([one.values for one in found], axis=0)
    gap, change = (np.concatenate([getattr(one, name) for one in found]) for name in ("gap", "change"))
    missing = np.abs(gap).sum() / max(float(np.abs(change).sum()), 1e-12)
    note = f"{steps} steps; {100 * missing:.2g} % of the output's change is missing from the sum of the attributions"
    return scene.family.load(scene.family.places)(values, scene.data), "attribution", note


def _read(scene: _Scene, kind: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield what the networks say of each place (n,), models averaged."""
    from gxtool.perturb.inside import readings

    read = scene.family.load(scene.family.readouts[kind])
    said = [dict(read(readings(model, scene.arrays), scene.data)) for model in scene.predictors]
    for change in said[0]:
        yield change, np.mean([one[change] for one in said], axis=0)


def _table(scene: _Scene, changes: Iterator[tuple[str, np.ndarray]], readout: str) -> pl.DataFrame | None:
    """Return unit, change, readout, state (the prediction as things are), effect and n (models averaged)."""
    named = list(changes)
    if not named:
        return None
    names = pl.Series("change", [name for name, _ in named], dtype=pl.Categorical)
    state = scene.before.astype(np.float32)
    n_rows = len(scene.rows)
    repeated = pl.Series("place", np.repeat(np.arange(len(named), dtype=np.uint32), n_rows))
    return pl.DataFrame(
        {
            "unit": pl.concat([scene.data.rows["group"].gather(scene.rows)] * len(named)),
            "change": names.gather(repeated).cast(pl.String),
            "readout": readout,
            "state": np.tile(state, len(named)),
            "effect": np.concatenate([effect for _, effect in named]).astype(np.float32),
            "n": len(scene.predictors),
        }
    )


def _summary(table: pl.DataFrame, sample: str, kind: str) -> dict[str, Any]:
    """Return the mean and spread of each change over the rows, in the order they were made."""
    grouped = table.group_by("change", maintain_order=True).agg(
        pl.col("effect").mean().alias("mean"),
        pl.col("effect").std().alias("sd"),
        pl.col("effect").abs().mean().alias("mean_absolute"),
        pl.len().alias("n"),
    )
    return {"sample": sample, "kind": kind, "changes": grouped.to_dicts()}
