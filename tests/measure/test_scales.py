"""Labels on another scale are told from their means and spreads, or declared; scores across scales are left out."""

from __future__ import annotations

import numpy as np
import pytest

from gxtool.measure.metrics import METRICS
from gxtool.measure.scales import Moments, across_scales, moments, on_other_scale, scale_sentence

TRAIN = Moments(6000, 11.0, 2.5)


def test_moments_are_those_of_numbers() -> None:
    assert moments([1.0, 3.0, np.nan, 5.0]) == (3, 3.0, pytest.approx((8 / 3) ** 0.5))
    assert moments([]) == moments([np.nan]) == (0, 0.0, 0.0)


# Limits of 400 rows: 1 + 4 / 20 = 1.2 standard deviations, and a factor of 2 (1 + 0.2 / sqrt(2)) = 2.283.
@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (Moments(400, 0.0, 0.7), True),
        (Moments(400, 11.0, 2.5), False),
        (Moments(400, 11.0 + 1.19 * 2.5, 2.5), False),
        (Moments(400, 11.0 + 1.21 * 2.5, 2.5), True),
        (Moments(400, 11.0 - 1.21 * 2.5, 2.5), True),
        (Moments(400, 11.0, 2.5 / 2.27), False),
        (Moments(400, 11.0, 2.5 / 2.29), True),
        (Moments(400, 11.0, 2.5 * 2.29), True),
        (Moments(400, 0.0, 0.0), False),
    ],
)
def test_scale_is_told_from_mean_and_spread(test: Moments, expected: bool) -> None:
    assert on_other_scale(TRAIN, test) is expected


def test_few_rows_of_the_same_scale_are_not_taken_for_another() -> None:
    generator = np.random.default_rng(3)
    values = generator.normal(11.0, 2.5, (4000, 10))
    assert sum(on_other_scale(TRAIN, moments(ten)) for ten in values) < 4000 * 0.005


def test_what_is_declared_counts() -> None:
    same, other = Moments(400, 11.0, 2.5), Moments(400, 0.0, 0.7)
    assert on_other_scale(TRAIN, same, "other")
    assert not on_other_scale(TRAIN, other, "same")


def test_correlations_alone_go_across_scales() -> None:
    assert across_scales(("pearson", "spearman", "r2_pearson", "r2_score", "mse", "mae")) == (
        "pearson",
        "spearman",
        "r2_pearson",
    )
    assert across_scales(("mse",)) == ("pearson",)


def test_what_the_metrics_say_of_themselves_is_true() -> None:
    generator = np.random.default_rng(1)
    labels = generator.normal(size=50)
    predicted = labels + generator.normal(size=50)
    for name, metric in METRICS.items():
        if metric.kind == "regression":
            same = metric.function(labels, predicted) == pytest.approx(metric.function(10 + 3 * labels, predicted))
            assert same is not metric.needs_one_scale, name


def test_sentence_names_samples_and_scores() -> None:
    assert scale_sentence(["random"], ["r2_score", "mse"]) == (
        "Test labels of random are on another scale than training labels, so R² (determination), MSE, residuals and "
        "the line of equality are not shown."
    )
