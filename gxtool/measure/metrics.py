"""Scores of predictions against targets, each a function of two arrays of one value per test unit.

All of them: NaN, infinite, empty or unequally long inputs raise InputError; a score that the data cannot define (one
class only, a constant array in a correlation) is NaN.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from gxtool.errors import ConfigError, quoted
from gxtool.measure.checks import Labels, Vector, binary_pair, pair, probability_pair
from gxtool.measure.faults import has_score

MetricFunction = Callable[[ArrayLike, ArrayLike], float]
CALIBRATION_BINS = 10


class ThresholdCounts(NamedTuple):
    """Units called positive at each distinct score, from the highest score down (three arrays of one length)."""

    threshold: Vector
    true_positives: NDArray[np.int64]
    false_positives: NDArray[np.int64]


def threshold_counts(labels: Labels, scores: Vector) -> ThresholdCounts:
    """Count true and false positives when every unit with score >= threshold is called positive.

    Equal scores share one threshold, so the order of tied units cannot matter.
    """
    order = np.argsort(-scores, kind="stable")
    descending = scores[order]
    last_of_tie = np.flatnonzero(np.append(np.diff(descending) != 0, True))
    true_positives = np.cumsum(labels[order])[last_of_tie]
    return ThresholdCounts(descending[last_of_tie], true_positives, last_of_tie + 1 - true_positives)


def auroc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the chance that a random positive scores above a random negative; ties count one half.

    NaN when one class is missing.
    """
    positive, values = binary_pair(labels, scores)
    n_positive = int(positive.sum())
    n_negative = positive.size - n_positive
    if not n_positive or not n_negative:
        return float("nan")
    wins = rankdata(values)[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(wins / (n_positive * n_negative))


def auprc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return average precision: precision at each distinct score, weighted by the recall gained there.

    No interpolation between thresholds. NaN when one class is missing.
    """
    positive, values = binary_pair(labels, scores)
    if positive.all() or not positive.any():
        return float("nan")
    counts = threshold_counts(positive, values)
    precision = counts.true_positives / (counts.true_positives + counts.false_positives)
    gained = np.diff(counts.true_positives, prepend=0)
    return float(precision @ gained / positive.sum())


def accuracy(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the share of units on the right side of 0.5; a probability of exactly 0.5 calls label 1."""
    positive, values = probability_pair(labels, probabilities)
    return float(np.mean((values >= 0.5) == positive))


def brier(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the mean squared distance between probability and label (0 best, 0.25 for always saying 0.5)."""
    positive, values = probability_pair(labels, probabilities)
    return float(np.mean((values - positive) ** 2))


def log_loss(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the mean negative log-likelihood of the labels (nats).

    Probabilities are held 2.2e-16 away from 0 and 1, so that one certain mistake costs 36 nats and not infinity.
    """
    positive, values = probability_pair(labels, probabilities)
    margin = np.finfo(np.float64).eps
    held = np.clip(values, margin, 1 - margin)
    return float(-np.mean(np.where(positive, np.log(held), np.log1p(-held))))


def probability_bins(probabilities: Vector, n_bins: int) -> NDArray[np.int64]:
    """Number the equal-width bin of each probability: [0, 1/n), [1/n, 2/n), ..., the last one closed at 1."""
    return np.searchsorted(np.arange(1, n_bins) / n_bins, probabilities, side="right")


def ece(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the expected calibration error: sum over 10 equal-width bins of n_b / n * |mean p_b - share of 1 in b|.

    Bins are [0, 0.1), [0.1, 0.2), ..., [0.9, 1]; an empty bin adds nothing.
    """
    positive, values = probability_pair(labels, probabilities)
    bins = probability_bins(values, CALIBRATION_BINS)
    excess = np.bincount(bins, weights=values - positive, minlength=CALIBRATION_BINS)
    return float(np.abs(excess).sum() / values.size)


def pearson(targets: ArrayLike, predictions: ArrayLike) -> float:
    """Return Pearson's correlation; NaN when either array is constant."""
    target_values, predicted = pair(targets, predictions)
    return _correlation(target_values, predicted)


def spearman(targets: ArrayLike, predictions: ArrayLike) -> float:
    """Return Pearson's correlation of the ranks, ties given their mean rank; NaN when either array is constant."""
    target_values, predicted = pair(targets, predictions)
    return _correlation(rankdata(target_values), rankdata(predicted))


def r2_pearson(targets: ArrayLike, predictions: ArrayLike) -> float:
    """Return Pearson's correlation squared: blind to scale, offset and sign; NaN when either array is constant."""
    return pearson(targets, predictions) ** 2


def r2_score(targets: ArrayLike, predictions: ArrayLike) -> float:
    """Return the coefficient of determination, 1 - SS_residual / SS_total: negative below the targets' own mean.

    NaN when the targets are constant.
    """
    target_values, predicted = pair(targets, predictions)
    if np.ptp(target_values) == 0:
        return float("nan")
    total = np.sum((target_values - target_values.mean()) ** 2)
    return float(1 - np.sum((target_values - predicted) ** 2) / total)


def mse(targets: ArrayLike, predictions: ArrayLike) -> float:
    """Return the mean squared error (squared unit of the targets)."""
    target_values, predicted = pair(targets, predictions)
    return float(np.mean((target_values - predicted) ** 2))


def mae(targets: ArrayLike, predictions: ArrayLike) -> float:
    """Return the mean absolute error (unit of the targets)."""
    target_values, predicted = pair(targets, predictions)
    return float(np.mean(np.abs(target_values - predicted)))


def _correlation(first: Vector, second: Vector) -> float:
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    # Scaled to at most 1 before squaring: huge or tiny units must not overflow or vanish.
    first, second = (centred / np.abs(centred).max() for centred in (first - first.mean(), second - second.mean()))
    return float(np.clip(first @ second / np.sqrt((first @ first) * (second @ second)), -1, 1))


@dataclass(frozen=True)
class Metric:
    """A score and what a reader or a program must know to use it.

    `needs` says what predictions must be: a "probability" of label 1, or any "score" (the higher, the more label 1;
    for regression a value in the targets' unit). `chance` is the best that predictions that know nothing
    score on average, whatever the targets; None where that depends on them, or noise can only raise the score.
    `needs_one_scale`: it compares predictions with labels in the same unit, and says nothing across two scales.
    """

    name: str
    label: str
    definition: str
    function: MetricFunction
    higher_is_better: bool
    kind: Literal["binary", "regression"]
    needs: Literal["score", "probability"]
    chance: float | None = None
    needs_one_scale: bool = False

    def shows_skill(self, low: float | None, high: float | None) -> bool | None:
        """Say whether an interval of this score lies wholly on the good side of chance; None where that is unknown."""
        end = low if self.higher_is_better else high
        if self.chance is None or end is None or np.isnan(end):
            return None
        return bool(end > self.chance) if self.higher_is_better else bool(end < self.chance)


_order = partial(Metric, kind="binary", needs="score")
_probability = partial(Metric, kind="binary", needs="probability")
_regression = partial(Metric, kind="regression", needs="score")
_ALL = (
    _order(
        "auroc",
        "AUROC",
        "chance that a random positive scores above a random negative, ties half",
        auroc,
        True,
        chance=0.5,
    ),
    _order("auprc", "AUPRC", "average precision: precision weighted by the recall gained at it", auprc, True),
    _probability("accuracy", "Accuracy", "share of units on the right side of probability 0.5", accuracy, True),
    _probability("brier", "Brier score", "mean squared distance between probability and label", brier, False),
    _probability("log_loss", "Log loss", "mean negative log-likelihood of the labels (nats)", log_loss, False),
    _probability("ece", "ECE", "mean gap of probability and observed share, 10 equal-width bins", ece, False),
    _regression("pearson", "Pearson r", "Pearson's correlation", pearson, True, chance=0.0),
    _regression("spearman", "Spearman rho", "Pearson's correlation of the ranks", spearman, True, chance=0.0),
    _regression("r2_pearson", "r² (Pearson)", "Pearson's correlation squared", r2_pearson, True),
    _regression(
        "r2_score",
        "R² (determination)",
        "1 - residual / total sum of squares",
        r2_score,
        True,
        chance=0.0,
        needs_one_scale=True,
    ),
    _regression("mse", "MSE", "mean squared error", mse, False, needs_one_scale=True),
    _regression("mae", "MAE", "mean absolute error", mae, False, needs_one_scale=True),
)
METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})


def find_metric(name: str) -> Metric:
    """Return the metric of that name; an unknown name is a ConfigError with the nearest known one."""
    if name in METRICS:
        return METRICS[name]
    near = difflib.get_close_matches(name, METRICS, n=1)
    hint = f"did you mean {quoted(near[0])}?" if near else f"expected one of {', '.join(METRICS)}"
    raise ConfigError(f"metric {quoted(name)} is not known; {hint}")


def score(names: Iterable[str], targets: ArrayLike, predictions: ArrayLike) -> dict[str, float]:
    """Return each named metric of the same predictions, in the order of `names`.

    Of targets and predictions (n, T) each column is scored by itself, and the mean over columns is returned.
    Predictions with NaN or infinity among them have no score: NaN.
    """
    columns = list(zip(*(np.atleast_2d(np.transpose(values)) for values in (targets, predictions)), strict=True))

    def mean(function: MetricFunction) -> float:
        return float(np.mean([function(*both) if has_score(both[1]) else np.nan for both in columns]))

    return {name: mean(find_metric(name).function) for name in names}
