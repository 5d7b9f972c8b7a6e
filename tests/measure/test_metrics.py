"""Every metric against answers worked out by hand, and against scikit-learn and scipy on data with ties."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from gxtool.errors import ConfigError, InputError
from gxtool.measure import metrics
from gxtool.measure.metrics import METRICS, score

LABELS = [0, 0, 1, 1, 1]
SCORES = [0.1, 0.4, 0.4, 0.35, 0.8]
TARGETS = [1.0, 2.0, 3.0, 4.0]
SHUFFLED = [1.0, 3.0, 2.0, 4.0]

# Few distinct values, so that ties are the rule.
coarse = st.integers(0, 6).map(lambda step: step / 6)
binary_data = st.lists(st.tuples(st.integers(0, 1), coarse), min_size=2, max_size=40)
two_classes = binary_data.filter(lambda rows: len({label for label, _ in rows}) == 2)
regression_data = st.lists(st.tuples(st.integers(-5, 5), st.integers(-4, 7)), min_size=3, max_size=40)


def columns(rows):
    return tuple(np.array(column, dtype=float) for column in zip(*rows, strict=True))


def test_auroc_counts_won_pairs_and_half_of_tied_ones():
    # 0.4 beats 0.1 and ties 0.4; 0.35 beats 0.1; 0.8 beats both: 4.5 of 6 pairs.
    assert metrics.auroc(LABELS, SCORES) == pytest.approx(0.75)


def test_auprc_gives_tied_scores_one_threshold():
    # 0.8: precision 1; 0.4 (a tie): 2/3; 0.35: 3/4; each gains a third of the recall.
    assert metrics.auprc(LABELS, SCORES) == pytest.approx(29 / 36)


def test_constant_scores_rank_nothing():
    assert metrics.auroc(LABELS, [0.3] * 5) == 0.5
    assert metrics.auprc(LABELS, [0.3] * 5) == pytest.approx(0.6)


def test_probability_of_exactly_one_half_calls_label_one():
    assert metrics.accuracy([1, 0, 1], [0.5, 0.5, 0.2]) == pytest.approx(1 / 3)


def test_brier_is_mean_squared_distance():
    assert metrics.brier([1, 0, 1], [0.8, 0.3, 0.5]) == pytest.approx(0.38 / 3)


def test_log_loss_in_nats():
    assert metrics.log_loss([1, 0], [0.5, 0.75]) == pytest.approx(1.0397207708399179)


def test_one_certain_mistake_costs_36_nats_and_not_infinity():
    assert metrics.log_loss([0], [1.0]) == pytest.approx(36.0436533891)


def test_ece_weights_the_gap_of_each_bin_by_its_share():
    # Bin [0.1, 0.2): mean 0.125 and one of two; [0.3, 0.4): 0.3 and none of one; [0.9, 1]: 0.975 and two of two.
    labels, probabilities = [0, 1, 0, 1, 1], [0.1, 0.15, 0.3, 0.95, 1.0]
    assert metrics.ece(labels, probabilities) == pytest.approx(0.375 * 2 / 5 + 0.3 / 5 + 0.025 * 2 / 5)


def test_correlations_by_hand():
    assert metrics.pearson(TARGETS, SHUFFLED) == pytest.approx(0.8)
    assert metrics.r2_pearson(TARGETS, SHUFFLED) == pytest.approx(0.64)
    assert metrics.spearman([1, 2, 2, 3], [10, 20, 25, 90]) == pytest.approx(4.5 / math.sqrt(22.5))


def test_errors_by_hand():
    assert metrics.r2_score(TARGETS, SHUFFLED) == pytest.approx(0.6)
    assert metrics.mse(TARGETS, SHUFFLED) == 0.5
    assert metrics.mae([1.0, 2.0, 4.0], [1.5, 2.0, 1.0]) == pytest.approx(3.5 / 3)


def test_r2_score_is_negative_below_the_mean_while_r2_pearson_is_perfect():
    assert metrics.r2_score([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]) == pytest.approx(-3.0)
    assert metrics.r2_pearson([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]) == pytest.approx(1.0)


@pytest.mark.parametrize("labels", [[1, 1, 1], [0, 0, 0]])
def test_one_class_leaves_ranking_undefined(labels):
    assert math.isnan(metrics.auroc(labels, [0.1, 0.2, 0.3]))
    assert math.isnan(metrics.auprc(labels, [0.1, 0.2, 0.3]))


@pytest.mark.parametrize("name", ["pearson", "spearman", "r2_pearson"])
def test_correlation_with_a_constant_is_nan(name):
    # 0.1 has no exact mean in floating point; it is constant all the same.
    assert math.isnan(METRICS[name].function([0.1] * 3, [1.0, 2.0, 4.0]))
    assert math.isnan(METRICS[name].function([1.0, 2.0, 4.0], [0.1] * 3))


def test_r2_score_of_constant_targets_is_nan():
    assert math.isnan(metrics.r2_score([2.0, 2.0], [1.0, 3.0]))


def test_pearson_survives_huge_and_tiny_units():
    assert metrics.pearson([1e200, 2e200, 3e200, 4e200], [1e-200, 3e-200, 2e-200, 4e-200]) == pytest.approx(0.8)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_every_metric_refuses_nan(name):
    with pytest.raises(InputError, match=r"predictions: value 1 \(counted from 0\) is nan"):
        METRICS[name].function([0, 1, 1], [0.2, np.nan, 0.4])


@given(two_classes)
def test_ranking_metrics_agree_with_scikit_learn(rows):
    labels, scores = columns(rows)
    assert metrics.auroc(labels, scores) == pytest.approx(sklearn.metrics.roc_auc_score(labels, scores))
    assert metrics.auprc(labels, scores) == pytest.approx(sklearn.metrics.average_precision_score(labels, scores))


@given(binary_data)
def test_probability_metrics_agree_with_scikit_learn(rows):
    labels, values = columns(rows)
    assert metrics.brier(labels, values) == pytest.approx(sklearn.metrics.brier_score_loss(labels, values))
    assert metrics.log_loss(labels, values) == pytest.approx(
        sklearn.metrics.log_loss(labels, values, labels=[0, 1]), rel=1e-9, abs=1e-12
    )
    assert metrics.accuracy(labels, values) == pytest.approx(sklearn.metrics.accuracy_score(labels, values >= 0.5))


@given(regression_data)
def test_regression_metrics_agree_with_scikit_learn_and_scipy(rows):
    targets, predictions = columns(rows)
    assert metrics.mse(targets, predictions) == pytest.approx(sklearn.metrics.mean_squared_error(targets, predictions))
    assert metrics.mae(targets, predictions) == pytest.approx(sklearn.metrics.mean_absolute_error(targets, predictions))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", scipy.stats.ConstantInputWarning)
        pearson = scipy.stats.pearsonr(targets, predictions).statistic
        spearman = scipy.stats.spearmanr(targets, predictions).statistic
    assert metrics.pearson(targets, predictions) == pytest.approx(pearson, nan_ok=True, abs=1e-12)
    assert metrics.spearman(targets, predictions) == pytest.approx(spearman, nan_ok=True, abs=1e-12)
    if np.ptp(targets):
        assert metrics.r2_score(targets, predictions) == pytest.approx(
            sklearn.metrics.r2_score(targets, predictions), abs=1e-12
        )


@given(two_classes)
def test_monotone_transform_changes_no_ranking_metric(rows):
    labels, scores = columns(rows)
    assert metrics.auroc(labels, np.exp(3 * scores) - 7) == metrics.auroc(labels, scores)
    assert metrics.auprc(labels, np.exp(3 * scores) - 7) == metrics.auprc(labels, scores)


@given(two_classes)
def test_flipping_labels_or_scores_mirrors_auroc(rows):
    labels, scores = columns(rows)
    assert metrics.auroc(1 - labels, scores) == pytest.approx(1 - metrics.auroc(labels, scores))
    assert metrics.auroc(labels, -scores) == pytest.approx(1 - metrics.auroc(labels, scores))


@given(two_classes, st.randoms())
@settings(max_examples=30)
def test_order_of_units_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    names = ["auroc", "auprc", "accuracy", "brier", "log_loss", "ece"]
    before, after = score(names, *columns(rows)), score(names, *columns(shuffled))
    assert after == pytest.approx(before, abs=1e-12)


def test_score_keeps_the_order_asked_for():
    scores = score(["auprc", "auroc"], LABELS, SCORES)
    assert list(scores) == ["auprc", "auroc"]
    assert scores["auroc"] == pytest.approx(0.75)


def test_unknown_metric_names_the_nearest_one():
    with pytest.raises(ConfigError) as error:
        score(["aurocc"], LABELS, SCORES)
    assert str(error.value) == "metric 'aurocc' is not known; did you mean 'auroc'?"


def test_registry_says_which_way_is_better_and_what_is_needed():
    assert {name for name, metric in METRICS.items() if not metric.higher_is_better} == {
        "brier",
        "log_loss",
        "ece",
        "mse",
        "mae",
    }
    assert {name for name, metric in METRICS.items() if metric.needs == "probability"} == {
        "accuracy",
        "brier",
        "log_loss",
        "ece",
    }
    assert METRICS["auroc"].label == "AUROC"
    assert all(metric.name == name and metric.definition for name, metric in METRICS.items())


def test_registry_cannot_be_changed():
    with pytest.raises(TypeError):
        METRICS["auroc"] = METRICS["brier"]


def test_registry_says_what_guessing_scores_where_that_is_known():
    assert {name: metric.chance for name, metric in METRICS.items() if metric.chance is not None} == {
        "auroc": 0.5,
        "pearson": 0.0,
        "spearman": 0.0,
        "r2_score": 0.0,
    }


def test_interval_shows_skill_only_when_it_lies_wholly_beyond_chance():
    auroc = METRICS["auroc"]
    assert auroc.shows_skill(0.51, 0.7) is True
    assert auroc.shows_skill(0.5, 0.7) is False
    assert auroc.shows_skill(0.2, 0.4) is False
    assert METRICS["spearman"].shows_skill(-0.1, 0.2) is False
    assert METRICS["pearson"].shows_skill(0.01, 0.2) is True


@pytest.mark.parametrize(("name", "low"), [("brier", 0.1), ("auprc", 0.6), ("auroc", None), ("auroc", math.nan)])
def test_skill_is_unknown_without_a_chance_value_or_an_interval(name, low):
    assert METRICS[name].shows_skill(low, 0.9) is None


def test_skill_of_an_error_is_judged_by_its_upper_end():
    error = replace(METRICS["mse"], chance=2.0)
    assert error.shows_skill(0.5, 1.9) is True
    assert error.shows_skill(0.5, 2.1) is False
