"""`perturb`: predict test rows as they are and as a family's perturbations change them; the difference is the effect.

An effect is the change of the prediction, averaged over the run's models (seeds and folds). Beside perturbations stand
changes of inputs that are no test rows (probes), integrated gradients (readout `attribution`), what networks say of
themselves (readout: the name of what they say), and what a family reads off one of these (readout: its own name).
Nothing is fitted here, and labels are only handed to what shows single rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gxtool.config import Config
from gxtool.errors import ConfigError, InputError
from gxtool.io.artifact import Artifact, ArtifactWriter, find_artifacts
from gxtool.io.dataset import Dataset
from gxtool.io.runtime import Stopwatch
from gxtool.models.base import Family
from gxtool.models.settings_checks import check_kinds
from gxtool.perturb.scene import Piece, Pieces, Scene, derived_of, pieces_of, portrait_of
from gxtool.training.options import TrainOptions, require_packages
from gxtool.training.predict import Model, family_of, load_model
from gxtool.training.row_checks import require_same_rows

PART = "effects-{:05d}.parquet"


def perturb(checkpoints: Sequence[Path], dataset: Path, output: Path, config: Config, options: TrainOptions) -> Path:
    """Write the effects of every chosen kind on test rows of every sample and target that the models know.

    Raises:
        ConfigError: a kind of perturbation that the family, its networks or the data do not have, or a family without
            any.
        InputError: no model, models of several families, or a dataset of another family or of other rows.
    """
    require_packages()
    from gxtool.training.machine import machine

    models = find_artifacts(checkpoints, "model")
    family = family_of(models)
    kinds = _kinds(family, config.perturb.kinds)
    data = Dataset.open(dataset, family.name)
    require_same_rows(models[0], data)
    watch = Stopwatch()
    run = models[0].manifest.info.get("run", "")
    # One fold: models of the others were trained on its test rows.
    fold = min(_fold(model) for model in models)
    data = replace(data, splits=data.splits.filter(pl.col("fold") == fold))
    summary: list[dict[str, Any]] = []
    n_asked, unsaid = 0, set()
    with (
        machine(options, options.threads or config.resources.threads),
        ArtifactWriter(output, "effects", family=family.name, overwrite=options.overwrite) as writer,
    ):
        for parent in (data.artifact, *models):
            writer.add_parent(parent)
        for sample in data.samples:
            predictors = _predictors(models, data, sample, fold, options.device)
            rows = data.indices("test", fold, sample)
            if predictors and len(rows):
                n_asked += 1
                unsaid |= _ask(writer, Scene(family, data, sample, rows, predictors, config.perturb), kinds, summary)
        if not n_asked:
            raise InputError(f"{dataset}: has no test rows of a sample that the models know")
        _require_found(family, [kind for kind in kinds if kind not in unsaid], config.perturb.kinds, summary)
        writer.write_json("summary.json", {"run": run, "effects": summary})
        writer.describe(info={"run": run, "kinds": sorted({entry["kind"] for entry in summary})})
        watch.write(writer.folder)
    return Path(output)


def _kinds(family: Family, asked: Sequence[str]) -> list[str]:
    """Return the kinds asked for; what one of them is derived from comes with it, in front of it."""
    known = list(family.effect_kinds)
    if not known:
        raise ConfigError(f"--model {family.name}: has no perturbations")
    if not asked:
        raise ConfigError(f"perturb.kinds: is empty, expected all, or some of {', '.join(known)}")
    if tuple(asked) == ("all",):
        return known
    check_kinds(family, asked)
    sources = {family.derived[kind][0] for kind in asked if kind in family.derived}
    return [kind for kind in known if kind in sources.union(asked)]


def _require_found(
    family: Family, kinds: Sequence[str], asked: Sequence[str], summary: Sequence[Mapping[str, Any]]
) -> None:
    """Check that what was asked for by name was there; `all` means all there is."""
    missing = [kind for kind in kinds if kind not in {entry["kind"] for entry in summary}]
    if missing and tuple(asked) != ("all",):
        of_data = missing[0] in family.probes or missing[0] in family.derived
        whose, expected = (
            ("this dataset has", "one that was made with it")
            if of_data
            else ("these models have", "kinds that their network has")
        )
        raise ConfigError(f"perturb.kinds: {whose} no {missing[0]}, expected {expected}")


def _fold(model: Artifact) -> int:
    return model.manifest.info.get("fold", 0)


def _predictors(models: Sequence[Artifact], data: Dataset, sample: str, fold: int, device: str) -> list[Model]:
    """Load the models of one fold that were trained for one sample, or for all of them.

    Where all models are of one sample and the dataset has only others, they are asked about each of these.
    """
    of = {model.manifest.info["sample"] for model in models}
    asked = of if len(of) == 1 and not of.intersection(data.samples) else {sample, None}
    known = [model for model in models if model.manifest.info["sample"] in asked and _fold(model) == fold]
    return [load_model(model.path, device) for model in known]


def _ask(writer: ArtifactWriter, scene: Scene, kinds: Sequence[str], summary: list[dict[str, Any]]) -> set[str]:
    """Write every kind's table for each target of one sample and add what the report says of it.

    Return the kinds whose effects the models leave open: their predictions are NaN or infinite.
    """
    family, config = scene.family, scene.config
    few = replace(scene, rows=_some(scene.rows, config.map_rows))
    many = replace(scene, rows=_some(scene.rows, config.max_rows))
    source = {kind: family.derived[kind][0] if kind in family.derived else kind for kind in kinds}
    own = {
        kind: many if source[kind] in family.perturbations and source[kind] not in family.maps else few
        for kind in kinds
    }
    found = {kind: pieces_of(own[kind], kind) for kind in kinds if source[kind] == kind}
    for target in range(scene.data.n_targets):
        for kind in kinds:
            pieces = found[source[kind]].of(target)
            if source[kind] != kind:
                pieces = derived_of(own[kind], kind, pieces)
            _write(writer, own[kind], (kind, target), pieces, summary)
    return {kind for kind in kinds if not all(np.isfinite(piece.state).all() for piece in found[source[kind]].pieces)}


def _some(rows: np.ndarray, most: int) -> np.ndarray:
    """Return the rows, a seeded choice when there are more than `most`."""
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    return rows


def _write(
    writer: ArtifactWriter, scene: Scene, what: tuple[str, int], found: Pieces, summary: list[dict[str, Any]]
) -> None:
    """Write one kind's table for one target and add what the report says of it; nothing where nothing has an effect."""
    kind, target = what
    table = _table(found, len(scene.predictors))
    if table.is_empty():
        return
    name = scene.data.name_of(scene.sample, target)
    table = table.with_columns(pl.lit(name).alias("sample"), pl.lit(kind).alias("kind"))
    writer.write_table(PART.format(len(summary)), table)
    entry = {"sample": name, "kind": kind, "changes": _changes(table), "readout": found.readout}
    portrait = portrait_of(scene, kind, found)
    optional = {"note": next(iter(found.notes), None), "portrait": portrait}
    summary.append(entry | {name: value for name, value in optional.items() if value is not None})


def _table(found: Pieces, n_models: int) -> pl.DataFrame:
    """Return unit, change, readout, state (the prediction as things are), effect and n (models averaged).

    Rows on which a change has no effect to speak of (NaN) are left out.
    """
    pieces: Sequence[Piece] = found.pieces
    if not pieces:
        return pl.DataFrame()
    names = pl.Series("change", [piece.change for piece in pieces], dtype=pl.Categorical)
    sizes = [len(piece.effect) for piece in pieces]
    repeated = pl.Series("place", np.repeat(np.arange(len(pieces), dtype=np.uint32), sizes))
    table = pl.DataFrame(
        {
            "unit": pl.concat([piece.units for piece in pieces]),
            "change": names.gather(repeated).cast(pl.String),
            "readout": found.readout,
            "state": np.concatenate([piece.state for piece in pieces]).astype(np.float32),
            "effect": np.concatenate([piece.effect for piece in pieces]).astype(np.float32),
            "n": n_models,
        }
    )
    return table.filter(pl.col("effect").is_not_nan())


def _changes(table: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the mean and spread of each change over the rows, in the order they were made."""
    grouped = table.group_by("change", maintain_order=True).agg(
        pl.col("effect").mean().alias("mean"),
        pl.col("effect").std().alias("sd"),
        pl.col("effect").abs().mean().alias("mean_absolute"),
        pl.len().alias("n"),
    )
    return grouped.to_dicts()
