"""Leave-one-out: the training mean scores 0, noise scores 0 on average, and a true signal is found."""

import numpy as np
import pytest

from gxtool.errors import InputError
from gxtool.measure.deviations import deviation_effects, deviation_scores
from gxtool.measure.metrics import pearson


def leave_one_out_means(values):
    """Mean of the other values of each row (..., n)."""
    return (values.sum(-1, keepdims=True) - values) / (values.shape[-1] - 1)


def test_three_tissues_by_hand():
    # Deviations of labels 1, -2, 3 and of predictions 1, 0, 2.
    scores = deviation_scores([11, 8, 13], [11, 10, 12], [10, 10, 10])
    assert scores.r_dev == pytest.approx(7 / np.sqrt(5 * 14))
    assert scores.skill == pytest.approx(1 - (0 + 4 + 1) / 14)


def test_training_mean_scores_zero_where_pooled_correlation_is_minus_one():
    labels = np.random.default_rng(0).normal(size=(4, 7))
    means = leave_one_out_means(labels)
    assert pearson(labels[0], means[0]) == pytest.approx(-1)
    scores = deviation_scores(labels, means, means)
    assert scores.r_dev.tolist() == [0] * 4
    assert scores.skill.tolist() == [0] * 4


def test_noise_scores_zero_on_average_over_genes():
    generator = np.random.default_rng(1)
    labels = generator.normal(size=(3000, 8))
    means = leave_one_out_means(labels)
    scores = deviation_scores(labels, means + generator.normal(size=labels.shape), means)
    assert abs(scores.r_dev.mean()) < 4 * scores.r_dev.std() / np.sqrt(3000)
    assert scores.skill.mean() < -0.5


def test_truth_scores_one():
    labels = np.array([[1.0, 2.0, 4.0]])
    scores = deviation_scores(labels, labels, leave_one_out_means(labels))
    assert (scores.r_dev[0], scores.skill[0]) == (pytest.approx(1), 1)


def test_gene_that_never_leaves_its_mean_has_no_score():
    scores = deviation_scores([5.0, 5.0], [5.0, 6.0], [5.0, 5.0])
    assert np.isnan([scores.r_dev, scores.skill]).all()


def test_effects_are_those_of_leaving_each_tissue_out():
    labels, predictions, means = np.random.default_rng(2).normal(size=(3, 2, 6))
    effects = deviation_effects(labels, predictions, means)
    whole = deviation_scores(labels, predictions, means)
    for tissue in range(6):
        others = np.arange(6) != tissue
        left = deviation_scores(labels[:, others], predictions[:, others], means[:, others])
        assert effects.r_dev[:, tissue] == pytest.approx(whole.r_dev - left.r_dev)
        assert effects.skill[:, tissue] == pytest.approx(whole.skill - left.skill)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([1, 2], [1, 2, 3], [0, 0]), r"predictions has shape \(3,\), labels \(2,\): expected one value for each"),
        (([1, 2], [1, 2], [0, np.nan]), "training_means has a value that is not finite"),
        (([], [], []), r"labels has shape \(0,\)"),
    ],
)
def test_arrays_that_do_not_go_together_are_refused(arguments, sentence):
    with pytest.raises(InputError, match=sentence):
        deviation_scores(*arguments)
