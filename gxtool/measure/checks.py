"""The doors of this room: arrays are checked here once, so that a metric is only its formula."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gxtool.errors import InputError

Vector = NDArray[np.float64]
Labels = NDArray[np.bool_]


def vector(values: ArrayLike, name: str) -> Vector:
    """Return `values` (n,) as float64; n > 0 and every value finite, otherwise InputError names the first bad one."""
    try:
        array = np.asarray(values).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} cannot be read as numbers ({error}), expected one number per unit") from None
    if array.ndim != 1:
        raise InputError(f"{name} has shape {array.shape}, expected one axis")
    if not array.size:
        raise InputError(f"{name} is empty, expected at least one value")
    if not np.isfinite(array).all():
        first = int(np.argmin(np.isfinite(array)))
        raise InputError(f"{name}: value {first} (counted from 0) is {array[first]}, expected a finite number")
    return array


def pair(targets: ArrayLike, predictions: ArrayLike) -> tuple[Vector, Vector]:
    """Return both as checked vectors of one length."""
    target_values, predicted = vector(targets, "targets"), vector(predictions, "predictions")
    if target_values.size != predicted.size:
        raise InputError(
            f"targets has {target_values.size} values but predictions has {predicted.size}, expected as many"
        )
    return target_values, predicted


def binary_labels(labels: ArrayLike, name: str) -> Labels:
    """Return labels as booleans; one other than 0 or 1 is an InputError."""
    values = vector(labels, name)
    valid = (values == 0) | (values == 1)
    if not valid.all():
        first = int(np.argmin(valid))
        raise InputError(f"{name}: value {first} (counted from 0) is {values[first]:g}, expected 0 or 1")
    return values == 1


def binary_pair(labels: ArrayLike, scores: ArrayLike) -> tuple[Labels, Vector]:
    """Return labels as booleans and scores as floats, of one length."""
    label_values, score_values = pair(labels, scores)
    return binary_labels(label_values, "targets"), score_values


def probability_pair(labels: ArrayLike, probabilities: ArrayLike) -> tuple[Labels, Vector]:
    """Return labels as booleans and probabilities of label 1; one outside [0, 1] is an InputError."""
    label_values, values = binary_pair(labels, probabilities)
    valid = (values >= 0) & (values <= 1)
    if not valid.all():
        first = int(np.argmin(valid))
        raise InputError(
            f"predictions: value {first} (counted from 0) is {values[first]:g}, expected a probability between 0 and 1"
        )
    return label_values, values
