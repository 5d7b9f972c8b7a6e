"""What each unit contributes to a score: the score minus the score without that unit, in closed form.

Every function takes labels and predictions (..., n), broadcast against each other, and returns a score for each of the
leading axes at once. A unit (a gene, a donor) may have several rows; they leave together. `Without.effects` is NaN
where the score is undefined once the unit is gone (the only positive, the only value that differs).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Units = NDArray[np.int64] | None
# A sum of squares below this share of the whole is what rounding leaves of a constant.
ROUNDING = 1e-13
# Up to so many ranks a side, pairs above both are counted exactly; beyond, with an error of 1/64 of a term that is 1/n.
RANK_STEPS = 64


class Without(NamedTuple):
    """Scores (...,) and `effects` (..., units): each score minus what it is without the unit."""

    score: Array
    effects: Array


Effects = Callable[[Array, Array, Units], Without]


def unit_effects(metric: str, labels: Array, predictions: Array, units: Units = None) -> Without | None:
    """Return the score and each unit's effect on it; None for a metric without a closed form.

    `units` (n,) numbers each row's unit from 0 without gaps; None stands for one unit a row, in the order of the rows.
    """
    if not has_closed_form(metric, units):
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        return CLOSED_FORMS[metric](
            *np.broadcast_arrays(np.asarray(labels, float), np.asarray(predictions, float)), units
        )


def has_closed_form(metric: str, units: Units = None) -> bool:
    """Tell whether `unit_effects` knows this metric for rows of these units."""
    return metric in CLOSED_FORMS and (units is None or metric not in ONE_ROW_A_UNIT)


def _sums(values: Array, units: Units) -> Array:
    """Add the values (..., n) of each unit's rows: (..., units)."""
    if units is None:
        return values
    order = np.argsort(units, kind="stable")
    starts = np.flatnonzero(np.diff(units[order], prepend=-1))
    return np.add.reduceat(values[..., order], starts, axis=-1)


def _counts(n: int, units: Units) -> Array:
    return np.ones(n) if units is None else np.bincount(units).astype(float)


# Means of rows and ratios of sums


def _mean_effects(values: Array, units: Units) -> Without:
    """Effects on the mean of one value a row (..., n)."""
    n = values.shape[-1]
    mean = values.mean(-1, keepdims=True)
    return Without(mean[..., 0], _sums(values - mean, units) / (n - _counts(n, units)))


def _of_rows(loss: Callable[[Array, Array], Array]) -> Effects:
    return lambda labels, predictions, units: _mean_effects(loss(labels, predictions), units)


def _log_loss(labels: Array, probabilities: Array) -> Array:
    margin = np.finfo(np.float64).eps
    held = np.clip(probabilities, margin, 1 - margin)
    return -np.where(labels == 1, np.log(held), np.log1p(-held))


class _Centred(NamedTuple):
    """Sums of squares about the mean of all rows (..., 1) and of the rows left without each unit (..., units)."""

    whole: Array
    left: Array


def _centred(first: Array, second: Array, units: Units) -> _Centred:
    """Centred sums of products; both arrays have mean 0."""
    n = first.shape[-1]
    whole = np.sum(first * second, -1, keepdims=True)
    rows_left = n - _counts(n, units)
    leaving = _sums(first * second, units) + _sums(first, units) * _sums(second, units) / rows_left
    return _Centred(whole, whole - leaving)


def _standard(values: Array) -> Array:
    """Centre (..., n) and scale to at most 1, so that huge or tiny units neither overflow nor vanish."""
    centred = values - values.mean(-1, keepdims=True)
    return centred / np.abs(centred).max(-1, keepdims=True)


def _pearson(labels: Array, predictions: Array, units: Units) -> Without:
    first, second = _standard(labels), _standard(predictions)
    xx, yy, xy = _centred(first, first, units), _centred(second, second, units), _centred(first, second, units)
    score = np.clip(xy.whole / np.sqrt(xx.whole * yy.whole), -1, 1)
    constant = (xx.left <= ROUNDING * xx.whole) | (yy.left <= ROUNDING * yy.whole)
    left = np.where(constant, np.nan, np.clip(xy.left / np.sqrt(xx.left * yy.left), -1, 1))
    return Without(score[..., 0], score - left)


def _r2_pearson(labels: Array, predictions: Array, units: Units) -> Without:
    score, effects = _pearson(labels, predictions, units)
    return Without(score**2, score[..., None] ** 2 - (score[..., None] - effects) ** 2)


def _r2_score(labels: Array, predictions: Array, units: Units) -> Without:
    centred = labels - labels.mean(-1, keepdims=True)
    total = _centred(centred, centred, units)
    squares = (labels - predictions) ** 2
    residual = squares.sum(-1, keepdims=True)
    left = np.where(total.left <= ROUNDING * total.whole, np.nan, (residual - _sums(squares, units)) / total.left)
    ratio = residual / total.whole
    return Without(1 - ratio[..., 0], left - ratio)


# Scores of order


class _Ties(NamedTuple):
    """An ascending order (..., n) and, for each place in it, the first and the last place of its tied values."""

    order: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def _ties(values: Array, units: Units = None) -> _Ties:
    """Sort along the last axis, by unit first where units are given; ties never cross units."""
    n = values.shape[-1]
    order = np.argsort(values, -1) if units is None else np.lexsort((values, np.broadcast_to(units, values.shape)))
    place = np.broadcast_to(np.arange(n), values.shape)
    ascending = np.take_along_axis(values, order, -1)
    starts = np.ones(values.shape, bool)
    starts[..., 1:] = np.diff(ascending) != 0
    if units is not None:
        starts[..., 1:] |= np.diff(units[order]) != 0
    if starts.all():
        return _Ties(order, place, place)
    ends = np.ones(values.shape, bool)
    ends[..., :-1] = starts[..., 1:]
    first = np.maximum.accumulate(np.where(starts, place, 0), -1)
    last = np.minimum.accumulate(np.where(ends, place, n)[..., ::-1], -1)[..., ::-1]
    return _Ties(order, first, last)


def _below(weights: Array, ties: _Ties) -> Array:
    """Return, in the order of `ties`, the weight below each value, half of the tied weight (its own too) included."""
    until = np.cumsum(np.take_along_axis(weights, ties.order, -1), -1)
    if ties.first is ties.last:
        before = np.concatenate([np.zeros_like(until[..., :1]), until[..., :-1]], -1)
        return (before + until) / 2
    before = np.take_along_axis(until, np.maximum(ties.first - 1, 0), -1) * (ties.first > 0)
    return (before + np.take_along_axis(until, ties.last, -1)) / 2


def _back(values: Array, order: NDArray[np.int64]) -> Array:
    """Return values that stand in `order` to the places they came from."""
    result = np.empty_like(values)
    np.put_along_axis(result, order, values, -1)
    return result


def _auroc(labels: Array, predictions: Array, units: Units) -> Without:
    n = labels.shape[-1]
    positive = (labels == 1).astype(float)
    n_positive = positive.sum(-1, keepdims=True)
    n_negative = n - n_positive
    ties = _ties(predictions)
    is_positive = np.take_along_axis(positive, ties.order, -1)
    # A pair counts for its positive as a win over the negatives below, and for its negative as a loss.
    positives_below = _below(positive, ties)
    negatives_below = (ties.first + ties.last + 1) / 2 - positives_below
    wins = _back(np.where(is_positive == 1, negatives_below, n_positive - positives_below), ties.order)
    pairs = n_positive * n_negative
    won = np.sum(wins * positive, -1, keepdims=True)
    score = won / pairs
    if units is None:
        share = np.where(positive == 1, wins / n_negative, wins / n_positive)
        others = np.where(positive == 1, n_positive, n_negative) - 1
        return Without(score[..., 0], np.where(others > 0, (share - score) / others, np.nan))
    left_positive = n_positive - _sums(positive, units)
    left_negative = n_negative - _sums(1 - positive, units)
    won_left = won - _sums(wins, units) + _wins_inside(positive, predictions, units)
    return Without(score[..., 0], score - won_left / (left_positive * left_negative))


def _wins_inside(positive: Array, predictions: Array, units: NDArray[np.int64]) -> Array:
    """Count pairs won between rows of one unit (..., units): each left with its positive and with its negative."""
    ties = _ties(predictions, units)
    negatives_below = _back(_below(1 - positive, ties), ties.order)
    negatives = _sums(1 - positive, units)
    of_units_before = np.take(np.cumsum(negatives, -1) - negatives, units, axis=-1)
    return _sums(positive * (negatives_below - of_units_before), units)


def _auprc(labels: Array, predictions: Array, units: None) -> Without:
    """One row a unit; `units` is None. A row that leaves takes one call from every threshold at or below its own."""
    n = labels.shape[-1]
    ties = _ties(-predictions)
    is_positive = np.take_along_axis(labels == 1, ties.order, -1).astype(float)
    # At each place: positives and calls down to the end of its ties; each positive earns the precision there.
    found = np.take_along_axis(np.cumsum(is_positive, -1), ties.last, -1)
    called = ties.last + 1.0
    n_positive = is_positive.sum(-1, keepdims=True)
    earned = is_positive * found / called
    sums = np.cumsum(earned, -1)
    whole = sums[..., -1:]

    def down_to(values: Array, places: NDArray[np.int64]) -> Array:
        until = np.concatenate([np.zeros_like(values[..., :1]), np.cumsum(values, -1)], -1)
        return np.take_along_axis(until, places, -1)

    above = down_to(earned, ties.first)
    end = np.broadcast_to(n, ties.last.shape)
    fewer = np.maximum(called - 1, 1)
    kept, lost = is_positive * found / fewer, is_positive * (found - 1) / fewer
    below_negative = down_to(kept, end) - down_to(kept, ties.last + 1)
    below_positive = down_to(lost, end) - down_to(lost, ties.last + 1)
    tied = down_to(is_positive, ties.last + 1) - down_to(is_positive, ties.first)
    left_negative = (above + tied * found / fewer + below_negative) / n_positive
    left_positive = (above + (tied - 1) * (found - 1) / fewer + below_positive) / (n_positive - 1)
    left = np.where(is_positive == 1, left_positive, left_negative)
    left = np.where((n_positive - is_positive > 0) & (n - n_positive > 1 - is_positive), left, np.nan)
    score = whole / n_positive
    return Without(score[..., 0], _back(score - left, ties.order))


class _Ranks(NamedTuple):
    """Mean ranks (..., n), how many values are tied with each (itself too), and their order."""

    rank: Array
    tied: Array
    ties: _Ties


def _ranks(values: Array) -> _Ranks:
    ties = _ties(values)
    rank, tied = (ties.first + ties.last) / 2 + 1, ties.last - ties.first + 1.0
    return _Ranks(_back(rank, ties.order), _back(tied, ties.order), ties)


def _spearman(labels: Array, predictions: Array, units: None) -> Without:
    """One row a unit; `units` is None. The ranks above a row that leaves move down by one, on both sides."""
    n, left = labels.shape[-1], labels.shape[-1] - 1
    first, second = _ranks(labels), _ranks(predictions)
    products = np.sum(first.rank * second.rank, -1, keepdims=True)
    # The rank of a row falls by 1 when a row below it leaves, by a half when a tied one does.
    falls = _above(second.rank, first) + _above(first.rank, second) - _pairs_above(first.rank, second.rank)
    products_left = products - first.rank * second.rank - falls
    (x, x_left), (y, y_left) = _rank_squares(first.tied), _rank_squares(second.tied)
    score = (products - n * (n + 1) ** 2 / 4) / np.sqrt(x * y)
    constant = (x_left <= 0) | (y_left <= 0)
    without = np.where(constant, np.nan, (products_left - left * (left + 1) ** 2 / 4) / np.sqrt(x_left * y_left))
    return Without(score[..., 0], score - without)


def _above(values: Array, ranks: _Ranks) -> Array:
    """Sum, for each row, the values of the rows ranked above it, half of those tied with it (not its own)."""
    return values.sum(-1, keepdims=True) - _back(_below(values, ranks.ties), ranks.ties.order) - values / 2


def _pairs_above(first: Array, second: Array) -> Array:
    """Count, for each row, the rows above it on both sides; a tie on a side counts half."""
    n = first.shape[-1]
    size = min(n, RANK_STEPS)
    steps = [(ranks.reshape(-1, n) * (size / (n + 0.5))).astype(np.int64) for ranks in (first, second)]
    table_of = np.arange(len(steps[0]))[:, None] * size**2
    place = table_of + steps[0] * size + steps[1]
    table = np.bincount(place.ravel(), minlength=len(place) * size**2).reshape(-1, size, size).astype(float)
    for axis in (1, 2):
        table = np.flip(np.cumsum(np.flip(table, axis), axis), axis) - table / 2
    return (table.ravel()[place] - 0.25).reshape(first.shape)


def _rank_squares(tied: Array) -> tuple[Array, Array]:
    """Return the centred sum of squared ranks (..., 1), and what is left of it when each row leaves (..., n)."""
    n = float(tied.shape[-1])
    # A group of t ties takes t³ - t off: t² - 1 for each of its rows.
    off = np.sum(tied**2 - 1, -1, keepdims=True)
    off_left = off - (tied**3 - tied) + ((tied - 1) ** 3 - (tied - 1))
    return (n**3 - n - off) / 12, ((n - 1) ** 3 - (n - 1) - off_left) / 12


ONE_ROW_A_UNIT = frozenset({"spearman", "auprc"})
CLOSED_FORMS: Mapping[str, Effects] = MappingProxyType(
    {
        "auroc": _auroc,
        "auprc": _auprc,
        "pearson": _pearson,
        "spearman": _spearman,
        "r2_pearson": _r2_pearson,
        "r2_score": _r2_score,
        "accuracy": _of_rows(lambda labels, probabilities: ((probabilities >= 0.5) == (labels == 1)).astype(float)),
        "brier": _of_rows(lambda labels, probabilities: (probabilities - labels) ** 2),
        "log_loss": _of_rows(_log_loss),
        "mse": _of_rows(lambda labels, predictions: (labels - predictions) ** 2),
        "mae": _of_rows(lambda labels, predictions: np.abs(labels - predictions)),
    }
)
