"""Adjusting p-values of several tests, and the interval of a mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from gxtool.errors import InputError
from gxtool.measure.checks import vector


class Mean(NamedTuple):
    """A mean of n independent values and its interval; NaN ends for fewer than two values."""

    estimate: float
    low: float
    high: float
    n: int


def mean_interval(values: ArrayLike, level: float = 0.95) -> Mean:
    """Return the mean of independent values (n,) with Student's t interval."""
    numbers = vector(values, "values")
    estimate = float(numbers.mean())
    if numbers.size < 2:
        return Mean(estimate, float("nan"), float("nan"), numbers.size)
    error = float(numbers.std(ddof=1)) / np.sqrt(numbers.size)
    half = float(stdtrit(numbers.size - 1, (1 + level) / 2)) * error
    return Mean(estimate, estimate - half, estimate + half, numbers.size)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p-values of one family of tests by Holm's step-down method, in the order given.

    None (no test was made) stays None and does not count as a test.
    """
    tested = [index for index, value in enumerate(p_values) if value is not None]
    if not tested:
        return list(p_values)
    values = vector([p_values[index] for index in tested], "p_values")
    if values.min() < 0 or values.max() > 1:
        raise InputError(f"p_values lie between {values.min():g} and {values.max():g}, expected 0 to 1")
    order = np.argsort(values, kind="stable")
    stepped = values[order] * np.arange(values.size, 0, -1)
    adjusted = np.minimum(np.maximum.accumulate(stepped), 1.0)
    result = list(p_values)
    for position, value in zip(order, adjusted, strict=True):
        result[tested[position]] = float(value)
    return result
