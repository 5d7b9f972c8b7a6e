"""Metrics of resampled units without resampling: a unit drawn twice counts twice, and the sorting is done once.

Thousands of resamples of 20,000 genes then take a second or two. Metrics that depend on the order of the predictions
alone have a closed form here; every other metric sees the repeated rows themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from gxtool.measure.checks import Vector
from gxtool.measure.metrics import MetricFunction, auprc, auroc, spearman

Counts = NDArray[np.int64]
WeightedMetric = Callable[[Counts], float]


def weighted_metric(metric: MetricFunction, targets: Vector, predictions: Vector) -> WeightedMetric:
    """Return a function of counts (n,) that gives the metric with row i present counts[i] times.

    `targets` and `predictions` are checked already (n,). The result is NaN where the metric is, also for counts that
    are all zero.
    """
    prepare = ORDER_METRICS.get(metric)
    if prepare is not None:
        return prepare(targets, predictions)

    def of_repeated_rows(counts: Counts) -> float:
        rows = np.repeat(np.arange(counts.size), counts)
        return metric(targets[rows], predictions[rows]) if rows.size else float("nan")

    return of_repeated_rows


def _ties(values: Vector) -> tuple[NDArray[np.int64], int]:
    """Number each value's group of equal values, groups ascending; also return the number of groups."""
    distinct, group = np.unique(values, return_inverse=True)
    return group, distinct.size


def _prepare_by_class(
    labels: Vector, scores: Vector
) -> Callable[[Counts], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return a function that counts positives and negatives in each group of tied scores, ascending."""
    group, n_groups = _ties(scores)
    positive_rows, negative_rows = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    positive_group, negative_group = group[positive_rows], group[negative_rows]

    def by_group(counts: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        positives = np.bincount(positive_group, weights=counts[positive_rows], minlength=n_groups)
        negatives = np.bincount(negative_group, weights=counts[negative_rows], minlength=n_groups)
        return positives, negatives

    return by_group


def _prepare_auroc(labels: Vector, scores: Vector) -> WeightedMetric:
    by_group = _prepare_by_class(labels, scores)

    def weighted_auroc(counts: Counts) -> float:
        positives, negatives = by_group(counts)
        pairs = positives.sum() * negatives.sum()
        beaten = np.cumsum(negatives) - negatives / 2
        return float(positives @ beaten / pairs) if pairs else float("nan")

    return weighted_auroc


def _prepare_auprc(labels: Vector, scores: Vector) -> WeightedMetric:
    by_group = _prepare_by_class(labels, scores)

    def weighted_auprc(counts: Counts) -> float:
        positives, negatives = (values[::-1] for values in by_group(counts))
        true_positives = np.cumsum(positives)
        called = true_positives + np.cumsum(negatives)
        if not true_positives[-1] or true_positives[-1] == called[-1]:
            return float("nan")
        # Groups above the first drawn row are empty: nothing is called and nothing gained there.
        precision = true_positives / np.maximum(called, 1)
        return float(precision @ positives / true_positives[-1])

    return weighted_auprc


def _prepare_spearman(targets: Vector, predictions: Vector) -> WeightedMetric:
    target_group, n_target = _ties(targets)
    prediction_group, n_prediction = _ties(predictions)

    def centred_ranks(group: NDArray[np.int64], n_groups: int, counts: Counts) -> Vector:
        size = np.bincount(group, weights=counts, minlength=n_groups)
        mean_rank = np.cumsum(size) - (size - 1) / 2
        return (mean_rank - (counts.sum() + 1) / 2)[group]

    def weighted_spearman(counts: Counts) -> float:
        first = centred_ranks(target_group, n_target, counts)
        second = centred_ranks(prediction_group, n_prediction, counts)
        weighted_first = counts * first
        # Ranks are halves of integers, so a constant resample gives an exact zero here.
        spread = (weighted_first @ first) * ((counts * second) @ second)
        return float(np.clip(weighted_first @ second / np.sqrt(spread), -1, 1)) if spread else float("nan")

    return weighted_spearman


# The metrics that depend on the order of the predictions alone.
ORDER_METRICS: Mapping[MetricFunction, Callable[[Vector, Vector], WeightedMetric]] = MappingProxyType(
    {auroc: _prepare_auroc, auprc: _prepare_auprc, spearman: _prepare_spearman}
)
