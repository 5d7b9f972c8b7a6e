"""Scores of folds too small for a score of their own: deviations from each fold's training mean, uncentred.

Leave one tissue out, and a fold has one test value per gene. Pooling folds and correlating as usual is wrong there: the
training mean falls when the held-out value is high, so that it correlates -1 with the truth. Measured from it, the
training mean scores 0 by definition.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gxtool.errors import InputError
from gxtool.measure.contributions import ROUNDING

# A correlation within a fold needs as many units; folds with fewer are scored here.
FEWEST_IN_FOLD = 20

Array = NDArray[np.float64]


class DeviationScores(NamedTuple):
    """Scores over the last axis, (...,).

    r_dev = Σ(ŷ-ȳ)(y-ȳ) / √(Σ(ŷ-ȳ)² Σ(y-ȳ)²) and skill = 1 - Σ(y-ŷ)² / Σ(y-ȳ)², ȳ the training mean of a value's own
    fold. A prediction that never leaves the training mean has r_dev 0; labels that never leave it define no score: NaN.
    """

    r_dev: Array
    skill: Array


def deviation_scores(labels: ArrayLike, predictions: ArrayLike, training_means: ArrayLike) -> DeviationScores:
    """Score predictions (..., n) of all folds together; `training_means` is that of each value's fold, same shape.

    For tables of genes over tissues put the tissues on the last axis: each gene gets its scores.

    Raises:
        InputError: shapes that do not go together, or values that are not finite.
    """
    label_deviations, predicted_deviations = _deviations(labels, predictions, training_means)
    total = np.sum(label_deviations**2, -1)
    explained = np.sum(predicted_deviations**2, -1)
    residual = np.sum((label_deviations - predicted_deviations) ** 2, -1)
    products = np.sum(label_deviations * predicted_deviations, -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        r_dev = np.where(explained > 0, products / np.sqrt(explained * total), 0.0)
        skill = 1 - residual / total
    return DeviationScores(np.where(total > 0, r_dev, np.nan), np.where(total > 0, skill, np.nan))


def deviation_effects(labels: ArrayLike, predictions: ArrayLike, training_means: ArrayLike) -> DeviationScores:
    """Return each value's effect (..., n) on both scores: the score minus the score without it, means kept.

    They go into `jackknife` as the effects of any other score: the folds of a gene, or the genes of a fold, are its
    units. NaN where nothing is left to score.
    """
    y, p = _deviations(labels, predictions, training_means)
    products, explained, total, residual = (_left(part) for part in (y * p, p * p, y * y, (y - p) ** 2))
    whole = deviation_scores(labels, predictions, training_means)
    with np.errstate(invalid="ignore", divide="ignore"):
        r_dev = np.where(explained > 0, products / np.sqrt(explained * total), 0.0)
        skill = 1 - residual / total
    r_dev, skill = (np.where(total > 0, part, np.nan) for part in (r_dev, skill))
    return DeviationScores(whole.r_dev[..., None] - r_dev, whole.skill[..., None] - skill)


def _left(parts: Array) -> Array:
    """Return the sum over the last axis without each value; what rounding leaves of an empty sum is 0."""
    whole = np.sum(parts, -1, keepdims=True)
    left = whole - parts
    return np.where(np.abs(left) <= ROUNDING * np.abs(parts), 0, left)


def _deviations(labels: ArrayLike, predictions: ArrayLike, training_means: ArrayLike) -> tuple[Array, Array]:
    """Return labels and predictions minus the training mean."""
    arrays = [np.asarray(values, np.float64) for values in (labels, predictions, training_means)]
    for name, values in zip(("labels", "predictions", "training_means"), arrays, strict=True):
        if values.shape != arrays[0].shape or not values.ndim or not values.shape[-1]:
            raise InputError(f"{name} has shape {values.shape}, labels {arrays[0].shape}: expected one value for each")
        if not np.isfinite(values).all():
            raise InputError(f"{name} has a value that is not finite, expected a number for each label")
    y, p, mean = arrays
    return y - mean, p - mean
