"""Test rows, predictions of several seeds, and what a score rests on: scores of each seed and sample, unit effects.

A *unit* is what a new test set would draw anew (gene, donor, sequence). It may have rows in several samples, and
several rows in one; deleting it deletes all of them, which is how samples that share units stay dependent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gxtool.errors import InputError, quoted
from gxtool.measure.checks import Vector, binary_labels, vector
from gxtool.measure.contributions import Array, has_closed_form, unit_effects
from gxtool.measure.metrics import Metric, find_metric
from gxtool.measure.weighted import weighted_metric

# Draws of units that give the standard error of a score without a closed form, and the seed of these draws.
DRAWS = 300
DRAW_SEED = 0
# Sampling noise alone raises a calibration error, so that an interval around it would exclude the truth.
WITHOUT_INTERVAL = frozenset({"ece"})

# Why a predictor is not compared.
CONSTANT = "constant predictions"

Indices = NDArray[np.int64]


class Block(NamedTuple):
    """Rows that are scored together: their places in the table, labels, units, and units numbered within the block.

    `inside` is None where every row is a unit of its own.
    """

    sample: int
    rows: Indices
    labels: Vector
    units: Indices
    inside: Indices | None

    @property
    def n_units(self) -> int:
        """Count the units."""
        return self.rows.size if self.inside is None else int(self.inside.max()) + 1


class LabelFacts(NamedTuple):
    """What the labels alone say about a metric: the same for every predictor.

    `blocks` by sample are those on which the metric is defined (AUROC: both classes are there), of `n_units` units.
    `constant_scores` are what the best constant reaches in each sample, chance where it has no score of its own, as a
    correlation. `rarest` counts, for each sample and for all
    of them together, the units that the score leans on: those of the rarer class for scores of order, else all.
    """

    samples: tuple[str, ...]
    blocks: tuple[tuple[Block, ...], ...]
    n_units: int
    constant_scores: tuple[float, ...]
    constants_have_scores: bool
    rarest: tuple[int, ...]
    rarest_overall: int
    smallest_folds: tuple[int | None, ...]


@dataclass(frozen=True, eq=False)
class Rows:
    """The test rows that all predictors of a question are scored on."""

    samples: tuple[str, ...]
    blocks: tuple[Block, ...]
    n_rows: int
    n_units: int

    @classmethod
    def of(cls, labels: ArrayLike, units: ArrayLike, samples: ArrayLike, parts: ArrayLike | None = None) -> Rows:
        """Arrange labels (n,) by sample, and within it by part: folds or targets, scored apart and then averaged.

        `units`, `samples` and `parts` (n,) are names or numbers.

        Raises:
            InputError: labels that are no finite numbers, or arrays of another length.
        """
        values = vector(labels, "labels")
        numbered = [_numbered(column, values.size, name) for name, column in (("units", units), ("samples", samples))]
        (unit_names, unit), (sample_names, sample) = numbered
        _, part = _numbered(np.zeros(values.size) if parts is None else parts, values.size, "parts")
        order = np.lexsort((unit, part, sample))
        starts = np.flatnonzero((np.diff(sample[order], prepend=-1) != 0) | (np.diff(part[order], prepend=-1) != 0))
        blocks = []
        for chosen in np.split(order, starts[1:]):
            own = unit[chosen]
            new = np.diff(own, prepend=-1) != 0
            inside = None if new.all() else np.cumsum(new) - 1
            blocks.append(Block(int(sample[chosen[0]]), chosen, values[chosen], own[new], inside))
        return cls(tuple(str(name) for name in sample_names), tuple(blocks), values.size, len(unit_names))

    @cached_property
    def draws(self) -> Indices:
        """Return how often each unit is in each bootstrap draw (draws, units): the same for every predictor."""
        generator = np.random.default_rng(DRAW_SEED)
        drawn = (generator.integers(0, self.n_units, size=self.n_units) for _ in range(DRAWS))
        return np.stack([np.bincount(units, minlength=self.n_units) for units in drawn])

    def facts(self, metric: Metric) -> LabelFacts:
        """Return what the labels say about a metric."""
        if metric.name not in self._facts:
            self._facts[metric.name] = _label_facts(self, metric)
        return self._facts[metric.name]

    @cached_property
    def _facts(self) -> dict[str, LabelFacts]:
        return {}


def _numbered(column: ArrayLike, n: int, name: str) -> tuple[NDArray, Indices]:
    values = np.asarray(column)
    if values.shape != (n,):
        raise InputError(f"{name} has shape {values.shape}, expected one for each of {n} rows")
    names, number = np.unique(values, return_inverse=True)
    return names, number


def _label_facts(rows: Rows, metric: Metric) -> LabelFacts:
    by_sample: dict[int, list[Block]] = {}
    for block in rows.blocks:
        if metric.kind == "binary":
            binary_labels(block.labels, f"labels of {rows.samples[block.sample]}")
        if np.ptp(block.labels) > 0 or np.isfinite(metric.function(block.labels, block.labels)):
            by_sample.setdefault(block.sample, []).append(block)
    samples = tuple(by_sample.values())
    return LabelFacts(
        tuple(rows.samples[sample] for sample in by_sample),
        tuple(map(tuple, samples)),
        _count_units(block for own in samples for block in own),
        tuple(float(np.mean([constant_score(metric, block.labels) for block in own])) for own in samples),
        all(np.isfinite(metric.function(b.labels, np.zeros(b.labels.size))) for own in samples for b in own),
        tuple(_rarest(metric, own) for own in samples),
        _rarest(metric, [block for own in samples for block in own]),
        tuple(min(block.n_units for block in own) if len(own) > 1 else None for own in samples),
    )


def _count_units(blocks: Iterable[Block], label: float | None = None) -> int:
    """Count the units of several blocks; only those that have a row with this label, where one is given."""
    units = []
    for block in blocks:
        of_row = block.units if block.inside is None else block.units[block.inside]
        units.append(of_row if label is None else of_row[block.labels == label])
    return np.unique(np.concatenate(units)).size if units else 0


def _rarest(metric: Metric, blocks: Sequence[Block]) -> int:
    if metric.kind == "binary" and metric.needs == "score":
        return min(_count_units(blocks, label) for label in (0.0, 1.0))
    return _count_units(blocks)


class Predictions(NamedTuple):
    """What one predictor says of every row: values (seeds, rows) in the order of the table; baselines have one seed."""

    name: str
    values: Array

    def ensemble(self) -> Predictions:
        """Return the average over seeds as a predictor of its own."""
        return Predictions(f"{self.name} (average of {len(self.values)} seeds)", self.values.mean(0, keepdims=True))


class Part(NamedTuple):
    """Scores (..., K) of K seeds in one sample and the unit effects (..., K, m) behind them, of `n_units` units."""

    scores: Array
    effects: Array
    n_units: int


@dataclass(frozen=True)
class Evidence:
    """Scores (..., K, S) of K seeds in S samples, and what they rest on.

    `effects` (..., S, m), averaged over seeds: each unit's effect on the score of each sample, or, where `drawn`,
    deviations of m bootstrap draws. `seed_noise` (..., S): the variance between seeds that comes of the units alone;
    `joint_noise` (...): that of the average over samples. `sample_units` (S,) and `n_units` count the units.
    """

    scores: Array
    effects: Array
    seed_noise: Array
    joint_noise: Array
    sample_units: Indices
    n_units: int
    drawn: bool = False


def unit_variance(effects: Array, n_units: int, drawn: bool = False) -> Array:
    """Return the variance of a score from unit effects (..., m): delete-one jackknife, (n - 1)/n times centred squares.

    Deviations of bootstrap draws are scaled so that their squares add up to the variance.
    """
    squares = np.einsum("...i,...i->...", effects, effects)
    if drawn:
        return squares
    return (n_units - 1) / n_units * (squares - effects.sum(-1) ** 2 / n_units)


def gather(parts: Iterable[Part], n_units: int, drawn: bool = False) -> Evidence:
    """Put samples together, one after the other."""
    scores, effects, noise, sizes = [], [], [], []
    joint: Array | float = 0.0
    for part in parts:
        scores.append(part.scores)
        effects.append(part.effects.mean(-2))
        noise.append(_seed_noise(part.effects, part.n_units, drawn))
        sizes.append(part.n_units)
        joint = joint + part.effects
    return Evidence(
        np.stack(scores, -1),
        np.stack(effects, -2),
        np.stack(noise, -1),
        _seed_noise(np.asarray(joint) / len(scores), n_units, drawn),
        np.array(sizes),
        n_units,
        drawn,
    )


def _seed_noise(effects: Array, n_units: int, drawn: bool) -> Array:
    """Return the variance between seeds (..., K, m) -> (...) that their own unit effects explain; 0 for one seed."""
    n_seeds = effects.shape[-2]
    if n_seeds == 1:
        return np.zeros(effects.shape[:-2])
    apart = effects - effects.mean(-2, keepdims=True)
    return unit_variance(apart, n_units, drawn).sum(-1) / (n_seeds - 1)


@dataclass(frozen=True)
class Scored:
    """One predictor under one metric.

    `evidence` is None where there is no score at all. `problems` says for each sample why its predictions are not
    compared (constant, NaN or infinite), empty where they are; `problem` the same of all samples together, and
    `remark` what is odd about some of them.
    """

    name: str
    metric: Metric
    facts: LabelFacts
    evidence: Evidence | None
    problem: str = ""
    remark: str = ""
    problems: tuple[str, ...] = ()

    @property
    def samples(self) -> tuple[str, ...]:
        """Name the samples that have a score."""
        return self.facts.samples

    @property
    def n_seeds(self) -> int:
        """Count the seeds, 0 where there is no score."""
        return 0 if self.evidence is None else self.evidence.scores.shape[-2]

    def problem_at(self, place: int | None) -> str:
        """Say why predictions of one sample, or of all of them (None), are not compared; empty where they are."""
        return self.problems[place] if place is not None and self.problems else self.problem


def scored(rows: Rows, predictions: Predictions, metric: str) -> Scored:
    """Score one predictor on all rows; blocks whose labels define no score (one class only) are left out.

    Raises:
        InputError: not one value for each seed and row, labels of two classes other than 0 and 1, or a probability
            outside [0, 1] for a metric of probabilities.
    """
    values = np.asarray(predictions.values, np.float64)
    if values.ndim != 2 or values.shape[1] != rows.n_rows or not len(values):
        raise InputError(
            f"predictions of {quoted(predictions.name)} have shape {values.shape}, expected (seeds, {rows.n_rows})"
        )
    chosen = find_metric(metric)
    facts = rows.facts(chosen)
    finite = np.isfinite(values)
    _require_probabilities(predictions.name, values[finite], chosen)
    if not facts.blocks:
        return Scored(predictions.name, chosen, facts, None, f"{chosen.label} is undefined for these labels")
    usable = np.where(finite, values, 0)
    blocks = [block for own in facts.blocks for block in own]
    drawn = not all(has_closed_form(metric, block.inside) for block in blocks) and metric not in WITHOUT_INTERVAL
    evidence = gather((_part(rows, own, usable, chosen, drawn) for own in facts.blocks), facts.n_units, drawn)
    if not finite.all():
        evidence = _without_scores(evidence, [finite[:, _places(own)].all() for own in facts.blocks])
    problem, remark = _overall_problem(rows, blocks, values)
    problems = tuple(_problem(values[:, _places(own)], [values[:, b.rows] for b in own]) for own in facts.blocks)
    return Scored(predictions.name, chosen, facts, evidence, problem, remark, problems)


def _places(blocks: Sequence[Block]) -> Indices:
    return np.concatenate([block.rows for block in blocks])


def _require_probabilities(name: str, values: Array, metric: Metric) -> None:
    if metric.needs == "probability" and values.size and (values.min() < 0 or values.max() > 1):
        raise InputError(
            f"predictions of {quoted(name)} lie between {values.min():g} and {values.max():g}, "
            f"expected probabilities for {metric.label}"
        )


def _without_scores(evidence: Evidence, has_score: Sequence[bool]) -> Evidence:
    """Return the evidence with NaN for the scores of samples that have predictions which are no numbers."""
    return replace(evidence, scores=np.where(has_score, evidence.scores, np.nan))


def _overall_problem(rows: Rows, blocks: Sequence[Block], values: Array) -> tuple[str, str]:
    """Return why a predictor is not compared at all, and what is odd about it where it is."""
    places = _places(blocks)
    problem = _problem(values[:, places], [values[:, block.rows] for block in blocks])
    if problem:
        return problem, ""
    same = np.array([np.ptp(values[:, block.rows], axis=1) == 0 for block in blocks])
    return "", _partly_constant(same, [rows.samples[block.sample] for block in blocks])


def _problem(values: Array, blocks: Sequence[Array]) -> str:
    """Say what is wrong with the predictions (seeds, n) of a sample or of all, `blocks` their parts."""
    bad = ~np.isfinite(values)
    if bad.any():
        kind = "NaN" if np.isnan(values).any() else "infinite"
        return f"{kind} predictions for {int(bad.any(0).sum()):,} of {values.shape[1]:,} rows"
    return CONSTANT if all((np.ptp(own, axis=1) == 0).all() for own in blocks) else ""


def constant_score(metric: Metric, labels: Vector) -> float:
    """Return what predicting the mean label for every row scores; a correlation that is undefined counts as chance."""
    score = metric.function(labels, np.full(labels.size, labels.mean()))
    return score if np.isfinite(score) else (metric.chance or 0.0)


def _partly_constant(same: NDArray[np.bool_], samples: Sequence[str]) -> str:
    """Say which seeds and samples have constant predictions (blocks, seeds)."""
    if not same.any():
        return ""
    where = sorted({sample for sample, row in zip(samples, same, strict=True) if row.any()})
    shown = where[0] if len(where) == 1 else f"{len(where)} samples, first {where[0]}"
    return f"constant predictions of {int(same.any(0).sum())} of {same.shape[1]} seeds in {shown}"


def _part(rows: Rows, blocks: Sequence[Block], values: Array, metric: Metric, drawn: bool) -> Part:
    """Score the blocks of one sample and average them."""
    size = DRAWS if drawn else rows.n_units
    scores, effects = np.zeros(len(values)), np.zeros((len(values), size))
    for block in blocks:
        predicted = values[:, block.rows]
        for seed, own in enumerate(predicted):
            if np.ptp(own) == 0:
                scores[seed] += _constant_prediction(metric, block.labels, own)
        alive = np.flatnonzero(np.ptp(predicted, axis=1) > 0)
        if alive.size and metric.name in WITHOUT_INTERVAL:
            scores[alive] += [metric.function(block.labels, own) for own in predicted[alive]]
            effects[alive] = np.nan
        elif alive.size and drawn:
            scores[alive] += [metric.function(block.labels, own) for own in predicted[alive]]
            effects[alive] += [_drawn_effects(rows, block, own, metric) for own in predicted[alive]]
        elif alive.size:
            without = unit_effects(metric.name, block.labels, predicted[alive], block.inside)
            scores[alive] += without.score
            effects[np.ix_(alive, block.units)] += without.effects
    return Part(scores / len(blocks), effects / len(blocks), _count_units(blocks))


def _constant_prediction(metric: Metric, labels: Vector, predicted: Vector) -> float:
    score = metric.function(labels, predicted)
    return score if np.isfinite(score) else (metric.chance or 0.0)


def _drawn_effects(rows: Rows, block: Block, predicted: Vector, metric: Metric) -> Array:
    """Return deviations (draws,) of the score over bootstrap draws of units, scaled: their squares add up to V.

    A draw in which the score is undefined deviates by 0 and does not count; NaN when that is most of them.
    """
    weighted = weighted_metric(metric.function, block.labels, predicted)
    of_row = block.units if block.inside is None else block.units[block.inside]
    scores = np.array([weighted(counts[of_row]) for counts in rows.draws])
    usable = np.isfinite(scores)
    if 2 * usable.sum() < scores.size:
        return np.full(scores.size, np.nan)
    return np.where(usable, scores - scores[usable].mean(), 0) / np.sqrt(usable.sum() - 1)
