"""Are test labels measured on the scale that a model was trained on? Scores that need one scale say nothing across two.

What the maker of a dataset declares (`same`, `other`) counts; without a word (`auto`) the labels are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gxtool.measure.metrics import METRICS

TEST_SCALE = "test_scale"
"""Where a dataset's manifest declares the scale of its test labels; a dataset that says nothing is `auto`."""
TestScale = Literal["auto", "same", "other"]
# Labels are on another scale when their mean is further away than so many standard deviations, or their standard
# deviation differs by more than this factor; both limits are wider by so many standard errors of few test rows.
OTHER_MEAN, OTHER_SD, ERRORS = 1.0, 2.0, 4.0
# What scores predictions where no metric of a family goes across two scales.
CORRELATION = "pearson"


class Moments(NamedTuple):
    """Number, mean and standard deviation of labels."""

    n: int
    mean: float
    sd: float


def moments(labels: ArrayLike) -> Moments:
    """Return those of labels (n,) that are numbers."""
    values = np.asarray(labels, np.float64)
    values = values[np.isfinite(values)]
    return Moments(len(values), float(values.mean()), float(values.std())) if len(values) else Moments(0, 0.0, 0.0)


def on_other_scale(train: Moments, test: Moments, declared: TestScale = "auto") -> bool:
    """Say whether test labels are on another scale than training labels; constant labels do not tell."""
    if declared != "auto":
        return declared == "other"
    if min(train.sd, test.sd) <= 0:
        return False
    wider = ERRORS / test.n**0.5
    largest = OTHER_SD * (1 + wider / 2**0.5)
    ratio = train.sd / test.sd
    return not 1 / largest < ratio < largest or abs(train.mean - test.mean) > (OTHER_MEAN + wider) * train.sd


def across_scales(metrics: Iterable[str]) -> tuple[str, ...]:
    """Return the metrics that mean something across two scales: those of order and correlation."""
    return tuple(name for name in metrics if not METRICS[name].needs_one_scale) or (CORRELATION,)


def scale_sentence(where: Sequence[str], left_out: Sequence[str]) -> str:
    """Say which scores are not shown, and why."""
    labels = ", ".join(METRICS[name].label for name in left_out)
    shown = f"{labels}, residuals and the line of equality are" if labels else "residuals and the line of equality are"
    return f"Test labels of {', '.join(where)} are on another scale than training labels, so {shown} not shown."
