"""A metric of counted rows is the metric of the rows repeated as often."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gxtool.measure.metrics import METRICS
from gxtool.measure.weighted import ORDER_METRICS, weighted_metric

rows_with_counts = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=30
).filter(lambda rows: any(count for _, _, count in rows))


@pytest.mark.parametrize("name", ["auroc", "auprc", "spearman", "brier", "ece"])
@given(rows=rows_with_counts)
def test_counted_rows_equal_repeated_rows(name, rows):
    targets, steps, counts = (np.array(column) for column in zip(*rows, strict=True))
    targets, predictions = targets.astype(float), steps / 5
    expected = METRICS[name].function(np.repeat(targets, counts), np.repeat(predictions, counts))
    counted = weighted_metric(METRICS[name].function, targets, predictions)(counts)
    assert counted == pytest.approx(expected, nan_ok=True, abs=1e-12)


@pytest.mark.parametrize("name", ["auroc", "spearman", "mae"])
def test_no_rows_at_all_is_nan(name):
    of_counts = weighted_metric(METRICS[name].function, np.array([0.0, 1.0, 1.0]), np.array([0.1, 0.2, 0.3]))
    assert math.isnan(of_counts(np.zeros(3, dtype=np.int64)))


def test_order_metrics_are_those_a_monotone_transform_leaves_alone():
    targets = np.array([0.0, 1, 0, 1, 1, 0, 1])
    predictions = np.array([0.05, 0.3, 0.35, 0.5, 0.6, 0.62, 0.9])
    for name, metric in METRICS.items():
        same = math.isclose(metric.function(targets, predictions), metric.function(targets, predictions**3))
        assert same == (metric.function in ORDER_METRICS), name
