"""Intervals that cover, tests that keep their level, and honest answers when there is too little data."""

import math

import numpy as np
import pytest
import scipy.stats

from gxtool.errors import InputError
from gxtool.measure.metrics import METRICS, accuracy, auprc, auroc, brier, mse, pearson, spearman
from gxtool.measure.statistics import (
    PairedResult,
    Resampling,
    bootstrap_interval,
    distinguishable,
    holm,
    paired_bootstrap,
    paired_permutation,
    paired_wilcoxon,
    seed_test,
)

FEW = Resampling(n_resamples=199)


def simulated(n_genes, shift, seed):
    generator = np.random.default_rng(seed)
    labels = np.arange(n_genes) % 3 == 0
    return labels, labels * shift + generator.normal(size=n_genes)


# Bootstrap intervals


def test_interval_holds_the_estimate_and_counts_its_units():
    labels, scores = simulated(203, 1.0, seed=1)
    interval = bootstrap_interval(auroc, labels, scores, resampling=FEW)
    assert interval.estimate == auroc(labels, scores)
    assert interval.low < interval.estimate < interval.high
    assert (interval.n_resamples, interval.n_dropped, interval.n_units) == (199, 0, 203)


def test_same_seed_gives_the_same_interval_and_another_seed_another():
    labels, scores = simulated(101, 1.0, seed=2)
    first = bootstrap_interval(auprc, labels, scores, resampling=FEW)
    assert bootstrap_interval(auprc, labels, scores, resampling=FEW) == first
    assert bootstrap_interval(auprc, labels, scores, resampling=Resampling(199, seed=5)).low != first.low


def test_wider_level_gives_a_wider_interval():
    labels, scores = simulated(101, 1.0, seed=2)
    narrow = bootstrap_interval(auroc, labels, scores, resampling=Resampling(199, level=0.5))
    wide = bootstrap_interval(auroc, labels, scores, resampling=Resampling(199, level=0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_interval_of_a_mean_is_that_of_the_textbook():
    # The error of a mean: standard deviation / sqrt(n), 1.96 times to either side.
    errors = np.random.default_rng(0).normal(size=900)
    interval = bootstrap_interval(mse, np.zeros(900), np.sqrt(np.abs(errors)))
    half = 1.96 * np.abs(errors).std() / 30
    assert interval.high - interval.low == pytest.approx(2 * half, rel=0.08)
    assert interval.high + interval.low == pytest.approx(2 * np.abs(errors).mean(), rel=0.01)


def test_resamples_of_one_class_are_dropped_and_counted():
    # A resample of 5 misses the only positive with chance 0.8**5 = 0.33.
    interval = bootstrap_interval(auroc, [1, 0, 0, 0, 0], [0.9, 0.1, 0.2, 0.95, 0.4])
    assert interval.n_resamples + interval.n_dropped == 2000
    assert 560 < interval.n_dropped < 750
    assert interval.low < 0.75 < interval.high


def test_one_class_has_neither_score_nor_interval():
    interval = bootstrap_interval(auroc, [1, 1, 1], [0.9, 0.1, 0.2], resampling=FEW)
    assert math.isnan(interval.estimate)
    assert math.isnan(interval.low)
    assert interval.n_dropped == 199


def test_one_unit_has_no_interval():
    interval = bootstrap_interval(auroc, [1, 0, 0], [0.9, 0.1, 0.2], groups=["g1"] * 3, resampling=FEW)
    assert interval.estimate == 1
    assert math.isnan(interval.high)
    assert interval.n_units == 1


def test_grouped_rows_are_drawn_together():
    # Each gene three times over: no more is known than from each gene once.
    labels, scores = simulated(80, 1.0, seed=4)
    once = bootstrap_interval(auroc, labels, scores, resampling=FEW)
    repeated = bootstrap_interval(
        auroc, np.repeat(labels, 3), np.repeat(scores, 3), groups=np.repeat(np.arange(80), 3), resampling=FEW
    )
    ignored = bootstrap_interval(auroc, np.repeat(labels, 3), np.repeat(scores, 3), resampling=FEW)
    assert (repeated.low, repeated.high) == pytest.approx((once.low, once.high))
    assert repeated.n_units == 80
    assert ignored.high - ignored.low < 0.75 * (once.high - once.low)


def test_groups_of_another_length_are_refused():
    with pytest.raises(InputError, match=r"groups has shape \(2,\), expected one name for each of 3 rows"):
        bootstrap_interval(auroc, [0, 1, 1], [0.1, 0.2, 0.3], groups=["a", "b"], resampling=FEW)


def test_intervals_cover_the_true_auroc_about_95_times_in_100():
    true_auroc = scipy.stats.norm.cdf(1 / math.sqrt(2))
    covered = 0
    for seed in range(200):
        labels, scores = simulated(90, 1.0, seed=1000 + seed)
        interval = bootstrap_interval(auroc, labels, scores, resampling=Resampling(200, seed=seed))
        covered += interval.low <= true_auroc <= interval.high
    assert 178 <= covered <= 199


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"n_resamples": 0}, "n_resamples is 0, expected at least 1"),
        ({"level": 1.0}, "level is 1.0, expected a share between 0 and 1"),
    ],
)
def test_impossible_resampling_is_refused(settings, sentence):
    with pytest.raises(InputError) as error:
        Resampling(**settings)
    assert str(error.value) == sentence


# Paired comparisons over units


@pytest.mark.parametrize("test", [paired_bootstrap, paired_permutation])
@pytest.mark.parametrize("metric", [auroc, spearman, pearson])
def test_identical_predictions_differ_by_zero_with_p_one(test, metric):
    labels, scores = simulated(61, 1.0, seed=5)
    result = test(metric, labels, scores, scores, resampling=FEW)
    assert (result.difference, result.p_value, result.n_units) == (0, 1, 61)
    assert not distinguishable(result)


@pytest.mark.parametrize("test", [paired_bootstrap, paired_permutation])
def test_same_order_on_another_scale_is_the_same_auroc(test):
    labels, scores = simulated(61, 1.0, seed=5)
    result = test(auroc, labels, scores, 100 * np.exp(scores), resampling=FEW)
    assert (result.difference, result.p_value) == (0, 1)


@pytest.mark.parametrize("test", [paired_bootstrap, paired_permutation])
def test_clearly_better_model_is_distinguishable(test):
    labels, good = simulated(211, 2.5, seed=6)
    _, poor = simulated(211, 0.3, seed=7)
    result = test(auroc, labels, good, poor)
    assert result.difference == pytest.approx(auroc(labels, good) - auroc(labels, poor))
    assert result.p_value <= 0.002
    assert distinguishable(result)


@pytest.mark.parametrize("test", [paired_bootstrap, paired_permutation])
def test_exchanging_a_and_b_changes_the_sign_only(test):
    labels, first = simulated(80, 1.0, seed=8)
    _, second = simulated(80, 0.8, seed=9)
    forward = test(auroc, labels, first, second, resampling=FEW)
    backward = test(auroc, labels, second, first, resampling=FEW)
    assert backward.difference == pytest.approx(-forward.difference)
    assert backward.p_value == pytest.approx(forward.p_value)


def test_difference_of_an_error_is_negative_for_the_better_model():
    labels = np.array([0, 1] * 40)
    result = paired_bootstrap(brier, labels, 0.2 + 0.6 * labels, np.full(80, 0.5), resampling=FEW)
    assert result.difference == pytest.approx(0.04 - 0.25)
    assert distinguishable(result)


def test_bootstrap_p_and_interval_agree_about_zero():
    for seed in range(12):
        labels, first = simulated(70, 1.2, seed=20 + seed)
        _, second = simulated(70, 0.6, seed=50 + seed)
        result = paired_bootstrap(auroc, labels, first, second, resampling=Resampling(999, seed=seed))
        # Apart from a resample or two on the very border.
        if not 0.045 < result.p_value < 0.055:
            assert (result.low > 0 or result.high < 0) == (result.p_value < 0.05)


def test_pairing_sees_a_small_steady_gain_that_single_intervals_hide():
    labels, scores = simulated(301, 1.0, seed=10)
    better = scores + 0.12 * labels
    single, paired = (
        bootstrap_interval(auroc, labels, scores, resampling=FEW),
        paired_bootstrap(auroc, labels, better, scores, resampling=FEW),
    )
    assert single.low < auroc(labels, better) < single.high
    assert distinguishable(paired)


def test_permutation_p_is_uniform_when_a_and_b_are_exchangeable():
    p_values = []
    for seed in range(200):
        labels, _ = simulated(37, 0.0, seed=0)
        generator = np.random.default_rng(3000 + seed)
        first, second = labels + generator.normal(size=(2, 37))
        resampling = Resampling(99, seed=seed)
        p_values.append(paired_permutation(auroc, labels, first, second, resampling=resampling).p_value)
    assert scipy.stats.kstest(p_values, "uniform").pvalue > 0.01
    assert 8 <= np.sum(np.array(p_values) <= 0.1) <= 34


def test_permutation_of_three_units_counts_all_eight_swaps():
    # Absolute errors: a is wrong by 1, b by 2, in every unit; only no swap and all swaps are as far apart.
    result = paired_permutation(METRICS["mae"].function, [0, 0, 0], [1, 1, 1], [2, 2, 2])
    assert result.difference == -1
    assert result.p_value == pytest.approx(0.25, abs=0.04)


def test_grouped_swaps_move_all_rows_of_a_gene():
    # Two genes with three rows each: 4 swaps, of which 2 are as far apart; single rows would give 2 of 64.
    groups = ["g1", "g2"] * 3
    result = paired_permutation(METRICS["mae"].function, [0] * 6, [1] * 6, [2] * 6, groups=groups)
    assert result.p_value == pytest.approx(0.5, abs=0.05)
    assert result.n_units == 2


@pytest.mark.parametrize("test", [paired_bootstrap, paired_permutation])
def test_undefined_metric_is_not_tested(test):
    result = test(auroc, [1, 1, 1], [0.1, 0.2, 0.3], [0.3, 0.2, 0.1], resampling=FEW)
    assert result.p_value is None
    assert result.reason == "the metric is not defined on these units"
    assert not distinguishable(result)


def test_paired_predictions_must_be_as_long_as_the_targets():
    with pytest.raises(InputError, match="targets has 3 values but predictions has 2"):
        paired_bootstrap(accuracy, [0, 1, 1], [0.1, 0.2, 0.3], [0.1, 0.2], resampling=FEW)


# Over cell types


def test_wilcoxon_of_a_clean_sweep_by_hand():
    # All 7 signs positive: one of 2**7 ways, both tails.
    result = paired_wilcoxon([0.81, 0.82, 0.83, 0.84, 0.85, 0.86, 0.87], [0.80, 0.80, 0.80, 0.80, 0.80, 0.80, 0.80])
    assert result.p_value == pytest.approx(2 / 128)
    assert result.difference == pytest.approx(0.04)
    # Critical value 2 at n = 7, so the third of 0.01, 0.015, 0.02, ..., 0.06, 0.065, 0.07 from either end.
    assert (result.low, result.high) == pytest.approx((0.02, 0.06))
    assert distinguishable(result)


@pytest.mark.parametrize("n_pairs", [6, 13, 56])
def test_wilcoxon_agrees_with_scipy(n_pairs):
    generator = np.random.default_rng(n_pairs)
    first, second = generator.normal(0.1, 0.3, size=n_pairs), generator.normal(size=n_pairs)
    expected = scipy.stats.wilcoxon(first, second, method="exact").pvalue
    assert paired_wilcoxon(first, second).p_value == pytest.approx(expected)


def test_wilcoxon_with_ties_and_zeros_counts_sign_patterns():
    # Differences 0, 1, 1, 1, -1, 2, 0 (hundredths): ranks 2.5 x 4 and 5, W+ = 12.5 of 15. Of 32 patterns those with
    # W- <= 2.5 are none and one of the four tied alone: 5, so p = 2 * 5 / 32.
    result = paired_wilcoxon([0.80, 0.81, 0.76, 0.71, 0.69, 0.92, 0.50], [0.80, 0.80, 0.75, 0.70, 0.70, 0.90, 0.50])
    assert result.p_value == pytest.approx(10 / 32)
    assert result.n_units == 7


def test_wilcoxon_of_equal_values_has_p_one():
    values = [0.7, 0.8, 0.9, 0.6, 0.75, 0.85]
    result = paired_wilcoxon(values, values)
    assert (result.difference, result.low, result.high, result.p_value) == (0, 0, 0, 1)


def test_wilcoxon_says_when_there_are_too_few_pairs():
    result = paired_wilcoxon([0.81, 0.82, 0.83, 0.84, 0.85], [0.8] * 5)
    assert result.p_value is None
    assert result.reason == "too few pairs (5 of at least 6)"
    assert result.difference == pytest.approx(0.03)
    assert math.isnan(result.low)


def test_wilcoxon_interval_covers_the_true_shift():
    covered = 0
    for seed in range(200):
        generator = np.random.default_rng(seed)
        result = paired_wilcoxon(generator.normal(0.5, 1, size=15), np.zeros(15))
        covered += result.low <= 0.5 <= result.high
    assert 182 <= covered <= 199


def test_wilcoxon_refuses_unequal_or_too_many_pairs():
    with pytest.raises(InputError, match="values_a has 3 values but values_b has 2, expected pairs"):
        paired_wilcoxon([1, 2, 3], [1, 2])
    with pytest.raises(InputError, match="1001 pairs, expected at most 1000; use a paired bootstrap"):
        paired_wilcoxon(np.zeros(1001), np.ones(1001))


# Over seeds


def test_three_seeds_are_too_few():
    result = seed_test([0.91, 0.92, 0.93], [0.90] * 9)
    assert result.p_value is None
    assert result.reason == "too few seeds (3 of at least 8)"
    assert result.difference == pytest.approx(0.02)
    assert not distinguishable(result)


def test_eight_against_nine_seeds_fully_apart():
    # One of the C(17, 8) = 24,310 ways to choose the ranks of a, both tails.
    result = seed_test(np.arange(8) + 20, np.arange(9))
    assert result.p_value == pytest.approx(2 / 24310)
    assert result.difference == pytest.approx(19.5)
    assert result.low < 19.5 < result.high


def test_seed_test_agrees_with_scipy():
    generator = np.random.default_rng(3)
    first, second = generator.normal(0.4, 1, size=11), generator.normal(size=8)
    expected = scipy.stats.mannwhitneyu(first, second, method="exact").pvalue
    assert seed_test(first, second).p_value == pytest.approx(expected)


def test_seeds_with_equal_scores_are_not_distinguishable():
    result = seed_test([0.9] * 8, [0.9] * 10)
    assert (result.difference, result.low, result.high, result.p_value) == (0, 0, 0, 1)


def test_seed_interval_covers_the_true_shift():
    covered = 0
    for seed in range(200):
        generator = np.random.default_rng(seed)
        result = seed_test(generator.normal(1, 1, size=8), generator.normal(size=10))
        covered += result.low <= 1 <= result.high
    assert 182 <= covered <= 199


def test_more_seeds_than_the_exact_test_can_count_are_refused():
    with pytest.raises(InputError, match="101 seeds on one side, expected at most 100"):
        seed_test(np.zeros(101), np.ones(9))


# Many tests at once


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.03, 0.5 times 4, 3, 2, 1, never falling: 0.04, 0.06, 0.06, 0.5.
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])


def test_holm_leaves_tests_that_were_not_made_alone():
    adjusted = holm([None, 0.02, 0.9, None])
    assert adjusted[0] is None
    assert adjusted[3] is None
    assert adjusted[1:3] == pytest.approx([0.04, 0.9])
    assert holm([]) == []
    assert holm([None]) == [None]


def test_holm_never_exceeds_one_and_refuses_what_is_no_p_value():
    assert holm([0.7, 0.8]) == [1.0, 1.0]
    with pytest.raises(InputError, match=r"p_values lie between 0\.2 and 1\.2, expected 0 to 1"):
        holm([0.2, 1.2])


def test_distinguishable_means_below_alpha():
    result = PairedResult(0.1, 0.0, 0.2, 0.05, 30, "paired bootstrap")
    assert not distinguishable(result)
    assert distinguishable(result, alpha=0.1)
