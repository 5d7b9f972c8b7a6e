"""Closed forms against the plain way: leave a unit out, score what is left."""

import time

import numpy as np
import pytest

from gxtool.measure.contributions import CLOSED_FORMS, ONE_ROW_A_UNIT, unit_effects
from gxtool.measure.metrics import METRICS

BINARY = [name for name, metric in METRICS.items() if metric.kind == "binary" and name in CLOSED_FORMS]
REGRESSION = [name for name, metric in METRICS.items() if metric.kind == "regression"]


def left_out(name, labels, predictions, units):
    """Score minus score without each unit, one recomputation a unit."""
    function = METRICS[name].function
    whole = function(labels, predictions)
    return np.array([whole - function(labels[units != u], predictions[units != u]) for u in range(units.max() + 1)])


def rows(name, generator, n, tied):
    if METRICS[name].kind == "binary":
        labels = (np.arange(n) % 3 == 0).astype(float)
        predictions = np.clip(labels * 0.3 + generator.uniform(size=n) * 0.7, 0, 1)
    else:
        labels = generator.normal(size=n)
        predictions = labels + generator.normal(size=n)
    if tied:
        labels, predictions = (np.round(values, 1) for values in (labels, predictions))
    return labels, predictions


def test_auroc_of_five_genes_by_hand():
    # Positives 0.9 and 0.4 over negatives 0.1, 0.4, 0.5: wins 3 + (1 + 1/2) of 6 pairs.
    without = unit_effects("auroc", np.array([1, 1, 0, 0, 0]), np.array([0.9, 0.4, 0.1, 0.4, 0.5]))
    assert without.score == pytest.approx(4.5 / 6)
    left = [1.5 / 3, 3 / 3, 2.5 / 4, 3 / 4, 3.5 / 4]
    assert without.effects == pytest.approx(4.5 / 6 - np.array(left))


def test_mean_squared_error_of_three_genes_by_hand():
    # Squared errors 0, 1, 5**2; without each gene the mean is 13, 12.5, 0.5.
    without = unit_effects("mse", np.array([0.0, 0.0, 0.0]), np.array([0.0, 1.0, 5.0]))
    assert without.effects == pytest.approx(26 / 3 - np.array([13, 12.5, 0.5]))


def test_gene_with_two_rows_takes_both_along():
    # Gene 1 has a positive and a negative row: without it 0.9 beats 0.2, 1 of 1; with it wins are 3 of 4.
    labels, predictions = np.array([1, 1, 0, 0]), np.array([0.9, 0.3, 0.5, 0.2])
    without = unit_effects("auroc", labels, predictions, np.array([0, 1, 1, 2]))
    assert without.score == 0.75
    assert without.effects[1] == pytest.approx(0.75 - 1)
    assert np.isnan(unit_effects("auroc", labels, predictions, np.array([0, 0, 1, 2])).effects[0])


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("name", BINARY + REGRESSION)
def test_one_row_a_unit_equals_leaving_it_out(name, tied):
    labels, predictions = rows(name, np.random.default_rng(3), 41, tied)
    without = unit_effects(name, labels, predictions)
    assert without.score == pytest.approx(METRICS[name].function(labels, predictions))
    assert without.effects == pytest.approx(left_out(name, labels, predictions, np.arange(41)), abs=1e-10)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("name", sorted({*BINARY, *REGRESSION} - ONE_ROW_A_UNIT))
def test_rows_of_a_unit_leave_together(name, tied):
    generator = np.random.default_rng(4)
    labels, predictions = rows(name, generator, 57, tied)
    units = generator.permutation(np.repeat(np.arange(19), [1, 2, 6] * 6 + [3]))
    without = unit_effects(name, labels, predictions, units)
    assert without.effects == pytest.approx(left_out(name, labels, predictions, units), abs=1e-10)


def test_scores_of_order_with_several_rows_a_unit_have_no_closed_form():
    assert unit_effects("spearman", np.arange(4.0), np.arange(4.0), np.array([0, 0, 1, 2])) is None
    assert unit_effects("ece", np.array([0, 1]), np.array([0.2, 0.3])) is None


def test_many_genes_rank_pairs_in_steps_without_a_visible_error():
    generator = np.random.default_rng(5)
    labels = generator.normal(size=1201)
    predictions = labels + 0.5 * generator.normal(size=1201)
    effects = unit_effects("spearman", labels, predictions).effects
    exact = left_out("spearman", labels, predictions, np.arange(1201))
    assert np.abs(effects - exact).max() < 1e-4 * np.abs(exact).max()


@pytest.mark.parametrize("name", ["auroc", "auprc", "pearson", "spearman", "mse", "r2_score"])
def test_leading_axes_are_scored_one_by_one(name):
    generator = np.random.default_rng(6)
    labels = np.stack([rows(name, generator, 23, False)[0] for _ in range(2)])
    predictions = np.round(generator.uniform(size=(2, 3, 23)), 2)
    together = unit_effects(name, labels[:, None], predictions)
    assert together.score.shape == (2, 3)
    alone = unit_effects(name, labels[1], predictions[1, 2])
    assert together.effects[1, 2] == pytest.approx(alone.effects)


@pytest.mark.parametrize("name", ["auroc", "auprc"])
def test_the_only_positive_leaves_nothing_to_score(name):
    effects = unit_effects(name, np.array([0, 0, 1, 0]), np.array([0.1, 0.4, 0.3, 0.2])).effects
    assert np.isnan(effects).tolist() == [False, False, True, False]


@pytest.mark.parametrize("name", ["pearson", "spearman", "r2_score"])
def test_the_only_value_that_differs_leaves_a_constant(name):
    labels = np.array([0.1, 0.1, 0.1, 0.7])
    effects = unit_effects(name, labels, np.array([0.1, 0.4, 0.2, 0.9])).effects
    assert np.isnan(effects).tolist() == [False, False, False, True]


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_correlation_knows_no_scale(scale):
    labels, predictions = rows("pearson", np.random.default_rng(7), 31, False)
    scaled = unit_effects("pearson", labels * scale, predictions * scale)
    assert scaled.effects == pytest.approx(unit_effects("pearson", labels, predictions).effects)


def test_eighteen_thousand_genes_take_no_recomputation():
    labels, predictions = rows("auroc", np.random.default_rng(8), 18_000, False)
    start = time.process_time()
    unit_effects("auroc", labels, predictions)
    # Recomputing 18,000 times takes a minute.
    assert time.process_time() - start < 1
