"""The noise ceiling: the correlation that a perfect prediction could reach with measurements as noisy as these."""

from __future__ import annotations

from itertools import combinations, permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gxtool.errors import InputError
from gxtool.measure.contributions import Units, unit_effects
from gxtool.measure.evidence import Part, gather
from gxtool.measure.jackknife import FEWEST_UNITS, estimate_score, interval


class Bounds(NamedTuple):
    """An estimate and its interval; NaN where there is none."""

    estimate: float
    low: float
    high: float

    def reached_by(self, high: float | None) -> bool:
        """Say whether a score whose interval ends at `high` is at the ceiling."""
        return high is not None and bool(high >= self.estimate)


class NoiseCeiling(NamedTuple):
    """Correlations of measurements with each other, and what they allow.

    `between` is the mean correlation of two single measurements (replicates, halves); `again` that of the label with
    another label of the same depth (Spearman and Brown); `perfect` that of a perfect prediction with the label, its
    square root: the ceiling of Pearson's r. `again` is also the ceiling of R².
    """

    between: Bounds
    again: Bounds
    perfect: Bounds
    n_units: int


def noise_ceiling(
    measurements: ArrayLike, depth: float | None = None, units: Units = None, level: float = 0.95
) -> NoiseCeiling:
    """Return the ceiling from repeated measurements (m, n) of n rows, with an interval over their units.

    `depth` is how many measurements the label is worth: m where it is their mean (the default), 2 for two halves of
    the cells behind it, 1 where it is one of the replicates. `units` (n,) numbers each row's unit from 0. Correlations
    below 0 leave no ceiling but 0.

    Raises:
        InputError: fewer than two measurements, values that are not finite, or measurements that are constant.
    """
    values = np.asarray(measurements, np.float64)
    if values.ndim != 2 or len(values) < 2:
        raise InputError(f"measurements have shape {values.shape}, expected at least two (measurements, rows)")
    if not np.isfinite(values).all():
        raise InputError("measurements have a value that is not finite, expected a number for each row")
    if (np.ptp(values, axis=1) == 0).any():
        raise InputError("a measurement is the same for all rows, expected values that differ")
    pairs = np.array(list(combinations(range(len(values)), 2)))
    without = unit_effects("pearson", values[pairs[:, 0]], values[pairs[:, 1]], units)
    n_units = without.effects.shape[-1]
    mean = Part(without.score.mean(keepdims=True), without.effects.mean(0, keepdims=True), n_units)
    estimate = estimate_score(gather([mean], n_units))
    low, high = interval("pearson", estimate, level) if n_units >= FEWEST_UNITS else (np.nan, np.nan)
    between = np.array([estimate.value, low, high], np.float64)
    times = len(values) if depth is None else depth
    again = spearman_brown(np.maximum(between, 0), times)
    return NoiseCeiling(*(Bounds(*map(float, ends)) for ends in (between, again, np.sqrt(again))), n_units)


def auroc_of(correlation: ArrayLike) -> NDArray[np.float64]:
    """Return the AUROC of a prediction for classes above and below the median of what it correlates with.

    Both bell-shaped: 1/2 + 2/pi * arcsin(r / sqrt(2)), from the orthant probability of three normal variables.
    """
    return 0.5 + 2 / np.pi * np.arcsin(np.asarray(correlation, np.float64) / np.sqrt(2))


def class_ceiling(repeat: Bounds, times: float) -> Bounds:
    """Return the AUROC of a perfect prediction for classes made of the mean of `times` measurements.

    `repeat` is how well one measurement predicts the classes that another gives (`repeat_score`): it is brought to the
    correlation that two bell-shaped measurements would then have, and that to the one of the truth with their mean.
    """
    between = np.sqrt(2) * np.sin(np.pi / 2 * (np.maximum(repeat, 0.5) - 0.5))
    return Bounds(*map(float, auroc_of(np.sqrt(spearman_brown(between, times)))))


def spearman_brown(correlation: ArrayLike, times: float) -> NDArray[np.float64]:
    """Return the correlation of measurements `times` as deep; times = 2 brings two halves to full depth."""
    r = np.asarray(correlation, np.float64)
    return times * r / (1 + (times - 1) * r)


def repeat_score(metric: str, values: ArrayLike, positive: ArrayLike, level: float = 0.95) -> tuple[Bounds, int]:
    """Return how well one measurement predicts the classes that another gives, and the number of rows.

    values (m, n): m measurements of n rows, each row a unit; positive (m, n) bool: the class each of them puts a row
    in. The mean is over all ordered pairs. A perfect prediction is at least as good: it has the noise of the classes
    alone, a second measurement that of both.

    Raises:
        InputError: as `noise_ceiling`, or a measurement that puts all rows in one class.
    """
    measured, classes = np.asarray(values, np.float64), np.asarray(positive, bool)
    if measured.ndim != 2 or len(measured) < 2 or classes.shape != measured.shape:
        raise InputError(f"measurements have shape {measured.shape}, expected at least two (measurements, rows)")
    if (classes.all(axis=1) | ~classes.any(axis=1)).any():
        raise InputError("a measurement puts all rows in one class, expected both")
    pairs = np.array(list(permutations(range(len(measured)), 2)))
    without = unit_effects(metric, classes[pairs[:, 0]], measured[pairs[:, 1]])
    n_units = without.effects.shape[-1]
    mean = Part(without.score.mean(keepdims=True), without.effects.mean(0, keepdims=True), n_units)
    estimate = estimate_score(gather([mean], n_units))
    low, high = interval(metric, estimate, level) if n_units >= FEWEST_UNITS else (np.nan, np.nan)
    return Bounds(float(estimate.value), float(low), float(high)), n_units
