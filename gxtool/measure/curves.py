"""Curves behind the scores: ROC, precision-recall and calibration, with no more points than a figure can show."""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gxtool.errors import InputError
from gxtool.measure.checks import Vector, binary_pair, probability_pair
from gxtool.measure.metrics import CALIBRATION_BINS, probability_bins, threshold_counts

# One pixel of a figure 1,000 pixels wide, in units of an axis from 0 to 1.
PIXEL = 1 / 1000
# A ROC curve of 20,000 genes needs about 100 points to stay within a pixel.
MAX_POINTS = 1000
# Two-sided 95 % point of the normal distribution, for Wilson's interval.
Z_95 = 1.959963984540054


class RocCurve(NamedTuple):
    """Points from (0, 0) to (1, 1), to be joined by straight lines; the first threshold is infinite (no calls)."""

    fpr: Vector
    tpr: Vector
    threshold: Vector


class PrecisionRecallCurve(NamedTuple):
    """Points from recall 0 to 1, to be joined by straight lines.

    The first point repeats the precision of the highest scores at recall 0; its threshold is infinite.
    """

    recall: Vector
    precision: Vector
    threshold: Vector


class CalibrationCurve(NamedTuple):
    """One value per bin that has units; low and high are Wilson's 95 % interval of `fraction_positive`."""

    mean_predicted: Vector
    fraction_positive: Vector
    count: NDArray[np.int64]
    low: Vector
    high: Vector


def roc_curve(labels: ArrayLike, scores: ArrayLike, max_points: int | None = MAX_POINTS) -> RocCurve:
    """Return false and true positive rates over all thresholds.

    Thinned: no dropped point lies further than `PIXEL` from the drawn line, unless `max_points` ends it sooner; None
    keeps every point, and the area under them is `auroc`. Empty when one class is missing.
    """
    positive, values = binary_pair(labels, scores)
    if positive.all() or not positive.any():
        return RocCurve(np.empty(0), np.empty(0), np.empty(0))
    counts = threshold_counts(positive, values)
    fpr = np.append(0.0, counts.false_positives / (~positive).sum())
    tpr = np.append(0.0, counts.true_positives / positive.sum())
    kept = thin_line(fpr, tpr, max_points)
    return RocCurve(fpr[kept], tpr[kept], np.append(np.inf, counts.threshold)[kept])


def precision_recall_curve(
    labels: ArrayLike, scores: ArrayLike, max_points: int | None = MAX_POINTS
) -> PrecisionRecallCurve:
    """Return precision over recall, from the highest score to the threshold at which recall is 1.

    Thinned as `roc_curve`. Empty when one class is missing.
    """
    positive, values = binary_pair(labels, scores)
    if positive.all() or not positive.any():
        return PrecisionRecallCurve(np.empty(0), np.empty(0), np.empty(0))
    counts = threshold_counts(positive, values)
    # Beyond full recall precision only falls, straight down a line that says nothing more.
    stop = int(np.argmax(counts.true_positives == positive.sum())) + 1
    true_positives, false_positives = counts.true_positives[:stop], counts.false_positives[:stop]
    precision = true_positives / (true_positives + false_positives)
    recall = np.append(0.0, true_positives / positive.sum())
    precision = np.append(precision[0], precision)
    kept = thin_line(recall, precision, max_points)
    return PrecisionRecallCurve(recall[kept], precision[kept], np.append(np.inf, counts.threshold[:stop])[kept])


def calibration_curve(labels: ArrayLike, probabilities: ArrayLike, n_bins: int = CALIBRATION_BINS) -> CalibrationCurve:
    """Compare mean probability and observed share of positives in equal-width bins; empty bins are left out."""
    if n_bins < 1:
        raise InputError(f"n_bins is {n_bins}, expected at least 1")
    positive, values = probability_pair(labels, probabilities)
    bins = probability_bins(values, n_bins)
    count = np.bincount(bins, minlength=n_bins)
    used = count > 0
    count = count[used]
    mean_predicted = np.bincount(bins, weights=values, minlength=n_bins)[used] / count
    fraction = np.bincount(bins, weights=positive, minlength=n_bins)[used] / count
    low, high = wilson_interval(fraction, count)
    return CalibrationCurve(mean_predicted, fraction, count, low, high)


def wilson_interval(fraction: Vector, count: NDArray[np.int64]) -> tuple[Vector, Vector]:
    """Return Wilson's 95 % score interval of a share `fraction` observed in `count` units (count > 0)."""
    shrink = 1 + Z_95**2 / count
    centre = (fraction + Z_95**2 / (2 * count)) / shrink
    half = Z_95 / shrink * np.sqrt(fraction * (1 - fraction) / count + Z_95**2 / (4 * count**2))
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def thin_line(x: Vector, y: Vector, max_points: int | None) -> NDArray[np.int64]:
    """Choose points of a line whose joined segments pass within `PIXEL` of all the others.

    The farthest point is added first, again and again (the splitting of Ramer, Douglas and Peucker), so a small
    `max_points` drops what matters least. Ends always stay. Returns increasing indices.
    """
    if max_points is None:
        return np.arange(x.size)
    if max_points < 2:
        raise InputError(f"max_points is {max_points}, expected at least 2")
    kept = [0, x.size - 1]
    waiting = [_farthest(x, y, 0, x.size - 1)]
    while waiting and len(kept) < max_points:
        distance, split, start, end = heapq.heappop(waiting)
        if -distance <= PIXEL:
            break
        kept.append(split)
        heapq.heappush(waiting, _farthest(x, y, start, split))
        heapq.heappush(waiting, _farthest(x, y, split, end))
    return np.unique(kept)


def _farthest(x: Vector, y: Vector, start: int, end: int) -> tuple[float, int, int, int]:
    """Return (-distance, index, start, end) of the inner point farthest from the segment start-end."""
    if end - start < 2:
        return 0.0, start, start, end
    along_x, along_y = x[end] - x[start], y[end] - y[start]
    off_x, off_y = x[start + 1 : end] - x[start], y[start + 1 : end] - y[start]
    length = along_x**2 + along_y**2
    share = np.clip((off_x * along_x + off_y * along_y) / length, 0, 1) if length else 0.0
    distances = np.hypot(off_x - share * along_x, off_y - share * along_y)
    farthest = int(np.argmax(distances))
    return -float(distances[farthest]), start + 1 + farthest, start, end
