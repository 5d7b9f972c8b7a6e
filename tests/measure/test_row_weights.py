"""A weight of 2 is two rows of weight 1, for every metric; equal weights change nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gxtool.errors import InputError
from gxtool.measure.metrics import METRICS, score
from gxtool.measure.row_weights import weighted_score

RNG = np.random.default_rng(0)
COUNTS = RNG.integers(0, 5, 40)
LABELS = {"binary": RNG.integers(0, 2, 40), "regression": RNG.normal(size=40).round(1)}
PREDICTIONS = {"binary": RNG.random(40).round(1), "regression": RNG.normal(size=40).round(1)}
WEIGHED = [name for name in METRICS if name != "ece"]


@pytest.mark.parametrize("name", WEIGHED)
def test_weights_count_rows(name: str) -> None:
    kind = METRICS[name].kind
    rows = np.repeat(np.arange(40), COUNTS)
    repeated = score([name], LABELS[kind][rows], PREDICTIONS[kind][rows])[name]
    for scale in (1, 0.37, 1000):
        found = weighted_score([name], LABELS[kind], PREDICTIONS[kind], COUNTS * scale)[name]
        assert found == pytest.approx(repeated, rel=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_equal_weights_change_nothing(name: str) -> None:
    kind = METRICS[name].kind
    plain = score([name], LABELS[kind], PREDICTIONS[kind])[name]
    assert weighted_score([name], LABELS[kind], PREDICTIONS[kind], np.full(40, 0.3))[name] == pytest.approx(plain)


def test_constant_and_infinite_predictions_score_what_they_score() -> None:
    weights = np.array([1.0, 2, 0, 3])
    constant = weighted_score(["auroc", "brier"], [0, 1, 1, 0], [0.5] * 4, weights)
    assert constant == {"auroc": 0.5, "brier": 0.25}
    values = weighted_score(["pearson", "spearman", "mse"], [1.0, 2, 3, 4], [0.1] * 4, weights)
    assert math.isnan(values["pearson"])
    assert math.isnan(values["spearman"])
    assert values["mse"] > 0
    assert math.isnan(weighted_score(["mse"], [1.0, 2], [np.inf, 1], [1, 1])["mse"])


def test_columns_are_averaged() -> None:
    targets = np.stack([LABELS["regression"], -LABELS["regression"]], axis=1)
    predictions = np.stack([PREDICTIONS["regression"]] * 2, axis=1)
    assert weighted_score(["pearson"], targets, predictions, COUNTS)["pearson"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("weights", [[1, 1], [1, -1, 1], [0, 0, 0], [1, np.nan, 1]])
def test_weights_that_are_none_are_refused(weights: list[float]) -> None:
    with pytest.raises(InputError, match="weights"):
        weighted_score(["mse"], [1.0, 2, 3], [1.0, 2, 4], weights)
