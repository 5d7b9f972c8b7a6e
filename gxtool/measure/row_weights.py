"""Scores in which rows weigh differently, such as measurements by the reads they rest on. For choices, not for claims.

A row of weight 2 counts as two rows of weight 1 would; only the proportions of weights matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from gxtool.errors import InputError
from gxtool.measure.checks import Vector, vector
from gxtool.measure.faults import has_score
from gxtool.measure.metrics import MetricFunction, find_metric
from gxtool.measure.weighted import weighted_metric

WeightedFunction = Callable[[Vector, Vector, Vector], float]
MARGIN = float(np.finfo(np.float64).eps)


def weighted_score(
    names: Iterable[str], targets: ArrayLike, predictions: ArrayLike, weights: ArrayLike
) -> dict[str, float]:
    """Return each named metric with rows weighted (n,), in the order of `names`; of columns (n, T) their mean.

    A metric that cannot be weighted (ece) counts every row once. Predictions that are not finite have no score: NaN.

    Raises:
        InputError: weights that are not finite, negative, all 0, or not one for each row.
    """
    own = vector(weights, "weights")
    columns = list(zip(*(np.atleast_2d(np.transpose(values)) for values in (targets, predictions)), strict=True))
    if own.size != columns[0][0].size or own.min(initial=0) < 0 or not own.any():
        raise InputError(f"weights: found {own.size} that add up to {own.sum():g}, expected one of each row, above 0")

    def mean(name: str) -> float:
        scores = [_weighted(name, *map(np.float64, both), own) if has_score(both[1]) else np.nan for both in columns]
        return float(np.mean(scores))

    return {name: mean(name) for name in names}


def _weighted(name: str, targets: Vector, predictions: Vector, weights: Vector) -> float:
    metric = find_metric(name)
    return (
        FUNCTIONS[name](targets, predictions, weights) if name in FUNCTIONS else metric.function(targets, predictions)
    )


def _mean_of(loss: Callable[[Vector, Vector], Vector]) -> WeightedFunction:
    return lambda targets, predictions, weights: float(np.average(loss(targets, predictions), weights=weights))


def _in_order(metric: MetricFunction) -> WeightedFunction:
    def function(targets: Vector, predictions: Vector, weights: Vector) -> float:
        counted = weights > 0
        targets, predictions, weights = targets[counted], predictions[counted], weights[counted]
        if np.ptp(targets) == 0 or (metric is find_metric("spearman").function and np.ptp(predictions) == 0):
            return float("nan")
        return weighted_metric(metric, targets, predictions)(weights)

    return function


def _log_loss(targets: Vector, predictions: Vector) -> Vector:
    held = np.clip(predictions, MARGIN, 1 - MARGIN)
    return -np.where(targets == 1, np.log(held), np.log1p(-held))


def _pearson(targets: Vector, predictions: Vector, weights: Vector) -> float:
    counted = weights > 0
    centred = []
    for values in (targets[counted], predictions[counted]):
        if np.ptp(values) == 0:
            return float("nan")
        values = values - np.average(values, weights=weights[counted])
        centred.append(values / np.abs(values).max())
    first, second = centred
    own = weights[counted] / weights.max()
    return float(np.clip(own @ (first * second) / np.sqrt((own @ first**2) * (own @ second**2)), -1, 1))


def _r2_score(targets: Vector, predictions: Vector, weights: Vector) -> float:
    total = np.average((targets - np.average(targets, weights=weights)) ** 2, weights=weights)
    return float(1 - np.average((targets - predictions) ** 2, weights=weights) / total) if total else float("nan")


FUNCTIONS: Mapping[str, WeightedFunction] = MappingProxyType(
    {
        **{name: _in_order(find_metric(name).function) for name in ("auroc", "auprc", "spearman")},
        "accuracy": _mean_of(lambda targets, predictions: (predictions >= 0.5) == (targets == 1)),
        "brier": _mean_of(lambda targets, predictions: (predictions - targets) ** 2),
        "log_loss": _mean_of(_log_loss),
        "pearson": _pearson,
        "r2_pearson": lambda targets, predictions, weights: _pearson(targets, predictions, weights) ** 2,
        "r2_score": _r2_score,
        "mse": _mean_of(lambda targets, predictions: (predictions - targets) ** 2),
        "mae": _mean_of(lambda targets, predictions: np.abs(predictions - targets)),
    }
)
