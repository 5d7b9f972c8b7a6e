"""Curves by hand, against scikit-learn, and after thinning still the same line on the screen."""

import itertools

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from gxtool.errors import InputError
from gxtool.measure.curves import (
    PIXEL,
    calibration_curve,
    precision_recall_curve,
    roc_curve,
    thin_line,
)
from gxtool.measure.metrics import auprc, auroc

LABELS = [0, 0, 1, 1, 1]
SCORES = [0.1, 0.4, 0.4, 0.35, 0.8]

binary_data = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9)), min_size=2, max_size=60).filter(
    lambda rows: len({label for label, _ in rows}) == 2
)


def simulated(n_genes, seed=3):
    generator = np.random.default_rng(seed)
    labels = generator.random(n_genes) < 0.4
    return labels, labels * 1.3 + generator.normal(size=n_genes)


def distances_to_line(x, y, kept):
    """Distance of every point to the nearest segment of the thinned line, by brute force."""
    nearest = np.full(x.size, np.inf)
    for start, end in itertools.pairwise(kept):
        along = np.array([x[end] - x[start], y[end] - y[start]])
        off = np.stack([x - x[start], y - y[start]], axis=1)
        share = np.clip(off @ along / max(along @ along, 1e-300), 0, 1)
        nearest = np.minimum(nearest, np.linalg.norm(off - share[:, None] * along, axis=1))
    return nearest


def test_roc_steps_by_hand():
    curve = roc_curve(LABELS, SCORES, max_points=None)
    assert curve.fpr.tolist() == [0, 0, 0.5, 0.5, 1]
    assert curve.tpr.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1, 1])
    assert curve.threshold.tolist() == [np.inf, 0.8, 0.4, 0.35, 0.1]


def test_precision_recall_by_hand_stops_at_full_recall():
    curve = precision_recall_curve(LABELS, SCORES, max_points=None)
    assert curve.recall.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert curve.precision.tolist() == pytest.approx([1, 1, 2 / 3, 0.75])
    assert curve.threshold.tolist() == [np.inf, 0.8, 0.4, 0.35]


@given(binary_data)
def test_unthinned_curves_have_the_metrics_as_areas(rows):
    labels, scores = (np.array(column) for column in zip(*rows, strict=True))
    roc = roc_curve(labels, scores, max_points=None)
    assert np.trapezoid(roc.tpr, roc.fpr) == pytest.approx(auroc(labels, scores))
    line = precision_recall_curve(labels, scores, max_points=None)
    assert np.diff(line.recall) @ line.precision[1:] == pytest.approx(auprc(labels, scores))


@given(binary_data)
def test_unthinned_curves_agree_with_scikit_learn(rows):
    labels, scores = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    fpr, tpr, threshold = sklearn.metrics.roc_curve(labels, scores, drop_intermediate=False)
    ours = roc_curve(labels, scores, max_points=None)
    np.testing.assert_allclose(ours.fpr, fpr)
    np.testing.assert_allclose(ours.tpr, tpr)
    np.testing.assert_allclose(ours.threshold, threshold)
    precision, recall, _ = sklearn.metrics.precision_recall_curve(labels, scores)
    ours = precision_recall_curve(labels, scores, max_points=None)
    # scikit-learn goes upwards in threshold, on past full recall, and starts at precision 1.
    np.testing.assert_allclose(ours.precision[1:], precision[:-1][::-1][: ours.recall.size - 1])
    np.testing.assert_allclose(ours.recall[1:], recall[:-1][::-1][: ours.recall.size - 1])


@pytest.mark.parametrize("n_genes", [211, 6600])
def test_thinned_curves_stay_within_a_pixel(n_genes):
    labels, scores = simulated(n_genes)
    full = roc_curve(labels, scores, max_points=None)
    kept = thin_line(full.fpr, full.tpr, 1000)
    assert distances_to_line(full.fpr, full.tpr, kept).max() <= PIXEL * (1 + 1e-9)
    line = precision_recall_curve(labels, scores, max_points=None)
    kept = thin_line(line.recall, line.precision, 1000)
    assert distances_to_line(line.recall, line.precision, kept).max() <= PIXEL * (1 + 1e-9)


def test_thinning_drops_most_points_of_a_long_curve():
    labels, scores = simulated(20011)
    full, thinned = roc_curve(labels, scores, max_points=None), roc_curve(labels, scores)
    assert full.fpr.size == 20012
    assert thinned.fpr.size < 300
    assert np.trapezoid(thinned.tpr, thinned.fpr) == pytest.approx(auroc(labels, scores), abs=PIXEL)
    assert (thinned.fpr[0], thinned.tpr[0], thinned.fpr[-1], thinned.tpr[-1]) == (0, 0, 1, 1)


def test_max_points_is_a_limit():
    labels, scores = simulated(997)
    assert roc_curve(labels, scores, max_points=12).fpr.size == 12
    with pytest.raises(InputError, match="max_points is 1, expected at least 2"):
        roc_curve(labels, scores, max_points=1)


def test_points_on_a_straight_line_are_dropped():
    x = np.array([0, 0.25, 0.5, 0.75, 1.0])
    assert thin_line(x, x / 2, 1000).tolist() == [0, 4]


def test_closed_line_keeps_its_farthest_point():
    x, y = np.array([0.0, 1.0, 0.4, 0.0]), np.array([0.0, 0.0, 0.6, 0.0])
    assert thin_line(x, y, 1000).tolist() == [0, 1, 2, 3]


def test_one_class_has_no_curve():
    assert roc_curve([1, 1, 1], [0.1, 0.2, 0.2]).fpr.size == 0
    assert precision_recall_curve([0, 0], [0.1, 0.2]).recall.size == 0


def test_calibration_by_hand_leaves_out_empty_bins():
    curve = calibration_curve([0, 1, 0, 1, 1], [0.1, 0.15, 0.3, 0.95, 1.0])
    assert curve.mean_predicted.tolist() == pytest.approx([0.125, 0.3, 0.975])
    assert curve.fraction_positive.tolist() == [0.5, 0, 1]
    assert curve.count.tolist() == [2, 1, 2]


def test_wilson_interval_of_a_published_example():
    # 81 of 263: Newcombe (1998), method 3, gives 0.2553 to 0.3662.
    labels = [1] * 81 + [0] * 182
    curve = calibration_curve(labels, [0.3] * 263, n_bins=3)
    assert curve.low.tolist() == pytest.approx([0.2553], abs=5e-5)
    assert curve.high.tolist() == pytest.approx([0.3662], abs=5e-5)


def test_wilson_interval_stays_between_zero_and_one():
    curve = calibration_curve([0, 0, 0, 1, 1], [0.05, 0.05, 0.05, 0.95, 0.95])
    assert curve.low.tolist() == pytest.approx([0, 0.342380], abs=1e-5)
    assert curve.high.tolist() == pytest.approx([0.561497, 1], abs=1e-5)


def test_calibration_needs_a_bin():
    with pytest.raises(InputError, match="n_bins is 0, expected at least 1"):
        calibration_curve([0, 1], [0.2, 0.4], n_bins=0)
