"""Who is asked about what: test rows of one sample, the models that know it, and what a change does to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gxtool.config import PerturbConfig
from gxtool.io.dataset import Dataset
from gxtool.models.base import CONCERNED, GRADIENTS, Family
from gxtool.training.predict import Model

# Rows of several changes that are predicted together.
TOGETHER = 2048
PREDICTION, ATTRIBUTION = "prediction", "attribution"


class Piece(NamedTuple):
    """What one change does: units (n,), what is predicted of them without it, and its effects, NaN where none.

    Both are (n, T) as long as it is about all targets, and (n,) when it is about one.
    """

    units: pl.Series
    change: str
    state: np.ndarray
    effect: np.ndarray


class Pieces(NamedTuple):
    """All changes of one kind, what they are read off, remarks on each target, and the arrays of the rows that they
    are about.
    """

    pieces: list[Piece]
    readout: str
    notes: Sequence[str]
    arrays: Mapping[str, np.ndarray]

    def of(self, target: int) -> Pieces:
        """Return what is about one target, labels too."""
        pieces = [one._replace(state=one.state[:, target], effect=one.effect[:, target]) for one in self.pieces]
        arrays = dict(self.arrays)
        if "labels" in arrays:
            arrays["labels"] = arrays["labels"].reshape(len(arrays["labels"]), -1)[:, target]
        return Pieces(pieces, self.readout, self.notes[target : target + 1], arrays)


@dataclass(frozen=True)
class Scene:
    """Test rows of one sample and the models that know it; `data` has the splits of one fold, and T targets."""

    family: Family
    data: Dataset
    sample: str
    rows: np.ndarray
    predictors: Sequence[Model]
    config: PerturbConfig

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """The rows' arrays, without what is to be predicted."""
        return {name: array for name, array in self.data.take(self.rows).items() if name != "labels"}

    @cached_property
    def units(self) -> pl.Series:
        """What each row is about (n,)."""
        return self.data.rows["group"].gather(self.rows)

    @cached_property
    def described(self) -> dict[str, np.ndarray]:
        """The rows' arrays for those who describe single rows: with `unit` (n,) and, where they are known, `labels`."""
        return {**self.data.take(self.rows), "unit": self.units.to_numpy()}

    @cached_property
    def before(self) -> np.ndarray:
        """The mean prediction of the rows as they are (n, T)."""
        return self.predict(self.arrays)

    def predict(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the mean prediction of the models (n, T)."""
        return np.mean([_columns(predictor.predict(arrays)) for predictor in self.predictors], axis=0)

    def of_rows(self, changes: Iterator[tuple[str, np.ndarray]]) -> list[Piece]:
        """Return changes of the scene's rows, each with its values (n, T), as pieces."""
        return [Piece(self.units, change, self.before, values) for change, values in changes]


def _columns(values: np.ndarray) -> np.ndarray:
    """Return values (n,) or (n, T) as (n, T)."""
    return values if values.ndim > 1 else values[:, None]


def pieces_of(scene: Scene, kind: str) -> Pieces:
    """Return all changes of a kind that is not derived, about all targets; none from models or data that have none."""
    family = scene.family
    if kind in family.probes:
        pieces, arrays = _probed(scene, kind)
        return Pieces(pieces, PREDICTION, (), arrays)
    if kind == GRADIENTS:
        changes, notes = _attributed(scene)
        return Pieces(scene.of_rows(changes), ATTRIBUTION, notes, scene.described)
    if kind in family.readouts:
        return Pieces(scene.of_rows(_read(scene, kind)), kind, (), scene.described)
    ways = _ways(scene, kind)
    changes = _perturbed(scene, kind) if ways is None else _directly(scene, kind, ways)
    return Pieces(scene.of_rows(changes), PREDICTION, (), scene.described)


def derived_of(scene: Scene, kind: str, source: Pieces) -> Pieces:
    """Return what a derived kind reads off the pieces, about one target, of the kind it is derived from."""
    if not source.pieces:
        return source
    read = scene.family.load(scene.family.derived[kind][1])
    changes = read(by_change(source.pieces), source.arrays, scene.data, scene.config)
    pieces = [Piece(scene.units, change, source.pieces[0].state, values) for change, values in changes]
    return Pieces(pieces, kind, (), source.arrays)


def by_change(pieces: Sequence[Piece]) -> dict[str, np.ndarray]:
    """Return change -> effects (n,)."""
    return {piece.change: piece.effect for piece in pieces}


def _perturbed(scene: Scene, kind: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each change and its effects (n, T): the prediction with it less the prediction without it.

    Changes of few rows are predicted together: a network takes a full batch in hardly more time than a small one. Rows
    that a change does not concern, or leaves as they are (a bin without reads that is set to 0), are not predicted
    again: the latter have an effect of 0.
    """
    together = max(1, TOGETHER // max(1, len(scene.rows)))
    everyone = np.ones(len(scene.rows), bool)
    changes = iter(scene.family.load(scene.family.perturbations[kind])(scene.arrays, scene.data, scene.config))
    while some := list(islice(changes, together)):
        concerned = np.stack([changed.get(CONCERNED, everyone) for _, changed in some])  # (changes, n)
        altered = concerned & np.stack([_altered(scene.arrays, changed) for _, changed in some])
        joined = {
            name: np.concatenate([changed[name][mask] for (_, changed), mask in zip(some, altered, strict=True)])
            for name in some[0][1]
            if name != CONCERNED
        }
        predictions = np.where(concerned[..., None], scene.before, np.nan)
        if altered.any():
            predictions[altered] = scene.predict(joined)
        yield from zip([change for change, _ in some], predictions - scene.before, strict=True)


def _altered(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return which rows (n,) have any value that differs."""
    differs = [
        (after[name] != array).reshape(len(array), -1).any(axis=1)
        for name, array in before.items()
        if after[name] is not array
    ]
    return np.any(differs, axis=0) if differs else np.zeros(len(next(iter(before.values()))), bool)


def _ways(scene: Scene, kind: str) -> list[Iterator[tuple[str, np.ndarray]]] | None:
    """Return each model's own way to a kind's changes and the predictions with them; None where one has none."""
    if kind not in scene.family.direct:
        return None
    way = scene.family.load(scene.family.direct[kind])
    ways = [way(model, scene.arrays, scene.data, scene.config) for model in scene.predictors]
    return None if any(one is None for one in ways) else ways


def _directly(
    scene: Scene, kind: str, ways: Sequence[Iterator[tuple[str, np.ndarray]]]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each change and its effects (n, T) by the models' own ways."""
    for found in zip(*ways, strict=True):
        names = {change for change, _ in found}
        if len(names) > 1:
            raise ValueError(f"{kind}: models change {', '.join(sorted(names))} at once, expected the same")
        yield names.pop(), np.mean([_columns(after) for _, after in found], axis=0) - scene.before


def _probed(scene: Scene, kind: str) -> tuple[list[Piece], Mapping[str, np.ndarray]]:
    """Return each probe's effects, and the arrays of the first, described; inputs that stay are predicted once."""
    pieces: list[Piece] = []
    arrays: Mapping[str, np.ndarray] = {}
    last, state = None, np.zeros((0, scene.data.n_targets))
    for probe in scene.family.load(scene.family.probes[kind])(_of_sample(scene), scene.config):
        units = pl.Series("unit", list(probe.units), pl.String)
        arrays = arrays or {**probe.before, "unit": units.to_numpy()}
        if probe.before is not last:
            last, state = probe.before, scene.predict(probe.before)
        concerned = probe.after.get(CONCERNED, np.ones(len(units), bool))
        effect = np.full(state.shape, np.nan)
        after = {name: array[concerned] for name, array in probe.after.items() if name != CONCERNED}
        effect[concerned] = scene.predict(after) - state[concerned]
        pieces.append(Piece(units, probe.change, state, effect))
    return pieces, arrays


def _of_sample(scene: Scene) -> Dataset:
    """Return the data with the splits of the scene's sample alone."""
    own = scene.data.rows.filter(pl.col("sample") == scene.sample).select("row")
    return replace(scene.data, splits=scene.data.splits.join(own, on="row", how="semi", maintain_order="left"))


def _attributed(scene: Scene) -> tuple[Iterator[tuple[str, np.ndarray]], list[str]]:
    """Return each place's attributions (n, T) and how well those of each target add up, models averaged."""
    from gxtool.perturb.inside import integrated_gradients

    steps, ways, notes = scene.config.path_steps, [], []
    for target in range(scene.data.n_targets):
        asked = [replace(model, target=target) for model in scene.predictors]
        found = [integrated_gradients(model, scene.arrays, scene.data, steps) for model in asked]
        values = np.mean([one.values for one in found], axis=0)
        ways.append(scene.family.load(scene.family.places)(values, scene.data))
        gap, change = (np.concatenate([getattr(one, name) for one in found]) for name in ("gap", "change"))
        missing = f"{100 * np.abs(gap).sum() / max(float(np.abs(change).sum()), 1e-12):.2g} %"
        notes.append(f"{steps} steps; {missing} of the output's change is missing from the sum of the attributions")
    changes = ((found[0][0], np.stack([values for _, values in found], axis=1)) for found in zip(*ways, strict=True))
    return changes, notes


def _read(scene: Scene, kind: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield what the networks say of each place, models averaged, once for each target (n, T)."""
    from gxtool.perturb.inside import readings

    read = scene.family.load(scene.family.readouts[kind])
    said = [dict(read(readings(model, scene.arrays), scene.data)) for model in scene.predictors]
    for change in said[0]:
        found = np.mean([one[change] for one in said], axis=0)
        yield change, np.repeat(found[:, None], scene.data.n_targets, axis=1)


def portrait_of(scene: Scene, kind: str, found: Pieces) -> Any:
    """Return what the family shows of single rows of one target; None for nothing, or where states are not finite."""
    if kind not in scene.family.portraits or not found.pieces or not np.isfinite(found.pieces[0].state).all():
        return None
    draw = scene.family.load(scene.family.portraits[kind])
    return draw(by_change(found.pieces), found.pieces[0].state, found.arrays, scene.data)
