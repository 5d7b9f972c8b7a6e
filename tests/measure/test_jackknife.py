"""Variance of units, seeds and samples in one t: known answers, and a null simulation that shares no code with it."""

import numpy as np
import pytest
from scipy.stats import nct, t, ttest_rel

from gxtool.measure.evidence import Evidence, Predictions, Rows, scored
from gxtool.measure.jackknife import Estimate, detectable, estimate_difference, estimate_score, interval


def evidence(scores, effects):
    """Scores (K, S) with the same unit effects (S, m) for every seed: no seed noise is explained by units."""
    scores, effects = np.asarray(scores, float), np.asarray(effects, float)
    n_samples, n_units = effects.shape
    return Evidence(scores, effects, np.zeros(n_samples), np.zeros(()), np.full(n_samples, n_units), n_units)


def test_unit_variance_by_hand():
    # Effects of mean 0 and squares 4 + 0 + 4; (3 - 1)/3 of 8.
    estimate = estimate_score(evidence([[0.7]], [[2, 0, -2]]))
    assert estimate.error == pytest.approx(np.sqrt(16 / 3))
    assert (estimate.value, estimate.df) == (0.7, 2)
    assert estimate.p_value == pytest.approx(2 * t.sf(0.7 / np.sqrt(16 / 3), 2))


def test_three_seeds_add_the_variance_of_their_mean_and_two_do_not():
    effects = [[0.1, -0.1, 0, 0]]
    two, three = (estimate_score(evidence([[s] for s in seeds], effects)) for seeds in ([1, 3], [1, 2, 3]))
    units = 0.75 * 0.02
    assert two.error**2 == pytest.approx(units)
    assert three.error**2 == pytest.approx(units + 1 / 3)
    # Satterthwaite: V² / (V_unit² / 3 + V_seed² / 2).
    assert three.df == pytest.approx((units + 1 / 3) ** 2 / (units**2 / 3 + (1 / 3) ** 2 / 2))


def test_seeds_that_vary_no_more_than_units_explain_add_nothing():
    one = evidence([[1], [2], [3]], [[0.1, -0.1, 0]])
    noisy = Evidence(one.scores, one.effects, one.seed_noise, np.array(1.0), one.sample_units, one.n_units)
    assert estimate_score(noisy).error == pytest.approx(np.sqrt(0.02 * 2 / 3))


def test_new_samples_add_their_variance_from_six_on():
    effects = np.tile([0.3, -0.3, 0, 0], (6, 1))
    scores = [[1, 2, 3, 4, 5, 6]]
    units, samples = 0.75 * 0.18, 3.5 / 6
    assert estimate_score(evidence(scores, effects)).error ** 2 == pytest.approx(units)
    assert estimate_score(evidence(scores, effects), new_samples=True).error ** 2 == pytest.approx(units + samples)
    five = estimate_score(evidence([[1, 2, 3, 4, 5]], effects[:5]), new_samples=True)
    assert five.error**2 == pytest.approx(units)
    assert estimate_score(evidence(scores, effects), sample=2, new_samples=True).error ** 2 == pytest.approx(units)


def test_degrees_of_freedom_of_samples_belong_to_all_that_varies_between_them():
    # Units explain 2.5 of the variance 3.5 between samples: what is left is 1, known no better than the 3.5.
    effects = np.kron(np.eye(6), [1, -1]) * np.sqrt(12 / 11 * 2.5 / 2)
    estimate = estimate_score(evidence([[1, 2, 3, 4, 5, 6]], effects), new_samples=True)
    units, samples = 2.5 / 6, 1 / 6
    assert estimate.error**2 == pytest.approx(units + samples)
    assert estimate.df == pytest.approx((units + samples) ** 2 / (units**2 / 11 + (3.5 / 6) ** 2 / 5))


def test_identical_predictions_differ_by_nothing_with_p_one():
    one = evidence([[0.8]], [[0.1, -0.1, 0]])
    assert estimate_difference(one, one)[::3] == (0, 1)


def test_same_predictions_on_another_scale_differ_by_nothing():
    generator = np.random.default_rng(0)
    labels, predictions = generator.normal(size=(2, 40))
    rows = Rows.of(labels, np.arange(40), np.zeros(40))
    a, b = (
        scored(rows, Predictions("x", own[None]), "pearson").evidence for own in (predictions, 0.1 + predictions / 3)
    )
    assert estimate_difference(a, b)[::3] == (0, 1)


def test_difference_without_variation_has_no_p_value():
    assert np.isnan(estimate_difference(evidence([[1]], [[0, 0, 0]]), evidence([[0]], [[0, 0, 0]])).p_value)


def test_perfect_score_is_compared_by_the_variance_of_the_other():
    perfect, other = evidence([[1]], [[0, 0, 0]]), evidence([[0.8]], [[0.1, -0.1, 0]])
    assert estimate_difference(perfect, other).error == estimate_score(other).error
    low, high = interval("auroc", estimate_score(perfect), 0.95)
    assert np.isnan([low, high]).all()


def test_correlation_has_the_textbook_interval_of_fisher():
    # atanh(0.6) ± t * 0.1, where 0.1 is the standard error on Fisher's scale: 0.064 / (1 - 0.36).
    estimate = Estimate(np.array(0.6), np.array(0.064), np.array(99.0), np.array(0.0))
    half = 0.1 * t.isf(0.025, 99)
    low, high = interval("pearson", estimate, 0.95)
    assert (low, high) == pytest.approx((np.tanh(np.arctanh(0.6) - half), np.tanh(np.arctanh(0.6) + half)))


def test_area_near_one_has_an_interval_below_one():
    low, high = interval("auroc", Estimate(np.array(0.99), np.array(0.01), np.array(29.0), np.array(0.0)), 0.95)
    assert 0.9 < low < 0.99 < high < 1


def test_errors_have_intervals_by_a_factor_and_shares_of_variance_by_a_sum():
    estimate = Estimate(np.array(2.0), np.array(0.5), np.array(10.0), np.array(0.0))
    assert interval("mse", estimate, 0.95) == pytest.approx((2 / np.exp(0.25 * 2.228139), 2 * np.exp(0.25 * 2.228139)))
    assert interval("r2_score", estimate, 0.95) == pytest.approx((2 - 0.5 * 2.228139, 2 + 0.5 * 2.228139))


@pytest.mark.parametrize("df", [2, 4, 8, 29, 1000])
def test_detectable_difference_is_found_in_four_of_five_repetitions(df):
    found = nct.sf(t.isf(0.025, df), df, detectable(1.0, df, 0.95))
    assert found == pytest.approx(0.8, abs=0.03)


def test_ten_standard_errors_are_found_among_190_comparisons_at_eight_degrees_of_freedom_and_not_at_four():
    assert 190 * 2 * t.sf(10, 8) < 0.05 < 190 * 2 * t.sf(10, 4)


# The null, simulated here from scratch: 40 genes in 4 cell types that share most of the error, three seeds a run.


def null_table(generator, n_genes, n_samples, n_seeds, seed_sd):
    gene = generator.normal(size=n_genes)
    runs = [[] for _ in range(2)]
    labels = []
    gene_errors = generator.normal(size=(2, n_genes))
    seed_shift = seed_sd * generator.normal(size=(2, n_seeds, 1))
    for _ in range(n_samples):
        truth = gene + 0.7 * generator.normal(size=n_genes)
        labels.append(truth)
        for run in range(2):
            own = gene_errors[run] + 0.5 * generator.normal(size=(n_seeds, n_genes))
            runs[run].append(truth * (1 + seed_shift[run]) + own)
    return np.concatenate(labels), [np.concatenate(own, axis=1) for own in runs]


@pytest.mark.parametrize(("metric", "seed_sd"), [("pearson", 0.0), ("pearson", 0.4), ("auroc", 0.0), ("auroc", 0.4)])
def test_equal_recipes_differ_in_about_five_of_a_hundred_tables(metric, seed_sd):
    generator = np.random.default_rng(11)
    n_genes, n_samples, n_tables = 40, 4, 200
    genes, samples = np.tile(np.arange(n_genes), n_samples), np.repeat(np.arange(n_samples), n_genes)
    clear = 0
    for _ in range(n_tables):
        labels, runs = null_table(generator, n_genes, n_samples, 3, seed_sd)
        rows = Rows.of(labels > 0 if metric == "auroc" else labels, genes, samples)
        a, b = (scored(rows, Predictions("x", own), metric).evidence for own in runs)
        clear += estimate_difference(a, b).p_value < 0.05
    # 5 % of 200 are 10, and 22 is 3.9 standard errors of a binomial above.
    assert clear <= 22


def test_interval_of_a_correlation_covers_it_in_about_95_of_a_hundred_tables():
    generator = np.random.default_rng(12)
    covered = 0
    for _ in range(400):
        x = generator.normal(size=100)
        y = 0.6 * x + 0.8 * generator.normal(size=100)
        rows = Rows.of(x, np.arange(100), np.zeros(100))
        estimate = estimate_score(scored(rows, Predictions("a", y[None]), "pearson").evidence)
        low, high = interval("pearson", estimate, 0.95)
        covered += low < 0.6 < high
    assert 364 <= covered <= 395  # 380 expected, 4.4 its standard error


def test_difference_of_means_is_the_paired_t_test():
    # A difference of mean squared errors is a mean of pairs.
    generator = np.random.default_rng(13)
    labels, first, second = generator.normal(size=(3, 50))
    rows = Rows.of(labels, np.arange(50), np.zeros(50))
    a, b = (scored(rows, Predictions("x", own[None]), "mse").evidence for own in (first, second))
    test = ttest_rel((labels - first) ** 2, (labels - second) ** 2)
    assert estimate_difference(a, b).p_value == pytest.approx(test.pvalue)
