"""Scores of the DREAM 2022 random promoter challenge: correlations over subsets of the test set, weighted together.

A subset is single test sequences, or pairs of which the difference counts (alternative minus reference).
ScorePearson = sum of weight * r**2 / sum of weights; ScoreSpearman = sum of weight * rho / sum of weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gxtool.errors import InputError
from gxtool.measure.metrics import pearson, spearman

# Weights of the challenge's own evaluation; they sum to 4.65.
WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "all": 1.0,
        "high": 0.3,
        "low": 0.3,
        "yeast": 0.3,
        "random": 0.3,
        "challenging": 0.5,
        "SNVs": 1.25,
        "motif_perturbation": 0.3,
        "motif_tiling": 0.4,
    }
)
Rows = NDArray[np.int64]


class SubsetScore(NamedTuple):
    """Correlations over one subset: n sequences or pairs, weight in the scores; NaN where one side is constant."""

    subset: str
    n: int
    weight: float
    pearson: float
    spearman: float


class DreamScores(NamedTuple):
    """Scores over all subsets that could be scored; `weight` is theirs, 4.65 when none is missing."""

    subsets: tuple[SubsetScore, ...]
    score_pearson: float
    score_spearman: float
    weight: float
    missing: tuple[str, ...]


def dream_scores(subsets: Mapping[str, Rows], measured: ArrayLike, predicted: ArrayLike) -> DreamScores:
    """Score predictions (N,) of all test sequences; subsets hold rows (n,) or pairs of rows (n, 2), each once.

    Rows in no subset may be NaN. A subset of the challenge that is not given is listed as missing, and the scores are
    over the weight that is left.

    Raises:
        InputError: an unknown subset, a row or pair twice, a row beyond the arrays, or one without a value.
    """
    measured, predicted = (np.asarray(values, np.float64) for values in (measured, predicted))
    unknown = set(subsets) - set(WEIGHTS)
    if unknown:
        raise InputError(f"subset {sorted(unknown)[0]} is not known, expected some of {', '.join(WEIGHTS)}")
    scores = tuple(_score(name, np.asarray(subsets[name]), measured, predicted) for name in WEIGHTS if name in subsets)
    return DreamScores(
        scores,
        *weighted_scores({one.subset: one.pearson for one in scores}, {one.subset: one.spearman for one in scores}),
        sum(one.weight for one in scores),
        tuple(name for name in WEIGHTS if name not in subsets),
    )


def weighted_scores(pearsons: Mapping[str, float], spearmans: Mapping[str, float]) -> tuple[float, float]:
    """Return ScorePearson (of squared correlations) and ScoreSpearman over the subsets given; NaN if none is."""
    total = sum(WEIGHTS[name] for name in pearsons)
    if not total:
        return float("nan"), float("nan")
    by_pearson = sum(WEIGHTS[name] * r**2 for name, r in pearsons.items()) / total
    by_spearman = sum(WEIGHTS[name] * rho for name, rho in spearmans.items()) / total
    return float(by_pearson), float(by_spearman)


def without_public(subsets: Mapping[str, Rows], public: Mapping[str, Rows]) -> dict[str, Rows]:
    """Return what the final score is over: the subsets without what the public leaderboard showed.

    Single subsets lose every row that stands in any public subset, as a single or in a pair; pair subsets lose the
    public pairs of their own name, whose members may stay in other pairs. A subset that loses everything is left out.
    """
    shown = np.unique(np.concatenate([np.asarray(rows).ravel() for rows in public.values()] or [np.empty(0, int)]))
    kept = {}
    for name, rows in subsets.items():
        if rows.ndim == 1:
            stays = ~np.isin(rows, shown)
        else:
            pairs = {tuple(pair) for pair in np.asarray(public.get(name, np.empty((0, 2), int))).tolist()}
            stays = np.array([tuple(pair) not in pairs for pair in rows.tolist()], bool)
        if stays.any():
            kept[name] = rows[stays]
    return kept


def by_row(values: Mapping[int, float], n_rows: int) -> NDArray[np.float64]:
    """Return values (n_rows,) of the test rows that have one, NaN elsewhere.

    Raises:
        InputError: a row that does not exist.
    """
    array = np.full(n_rows, np.nan)
    for row, value in values.items():
        if not 0 <= row < n_rows:
            raise InputError(f"test row {row} does not exist, expected 0 to {n_rows - 1}")
        array[row] = value
    return array


def _score(name: str, rows: Rows, measured: NDArray[np.float64], predicted: NDArray[np.float64]) -> SubsetScore:
    if len(rows) != len(np.unique(rows, axis=0)):
        raise InputError(f"subset {name} holds a row or pair twice, expected each once")
    sides = []
    for values, what in ((measured, "measured value"), (predicted, "prediction")):
        beyond = rows[(rows < 0) | (rows >= len(values))]
        if beyond.size:
            raise InputError(
                f"subset {name}: test row {beyond.flat[0]} does not exist, expected 0 to {len(values) - 1}"
            )
        absent = rows[np.isnan(values[rows])]
        if absent.size:
            raise InputError(f"subset {name}: test row {absent.flat[0]} has no {what}, expected one for every row")
        sides.append(values[rows] if rows.ndim == 1 else values[rows[:, 0]] - values[rows[:, 1]])
    return SubsetScore(name, len(rows), WEIGHTS[name], pearson(*sides), spearman(*sides))
