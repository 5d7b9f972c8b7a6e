"""The challenge's scores: the published numbers, a case by hand, and what the final score leaves out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gxtool.errors import InputError
from gxtool.measure.dream import WEIGHTS, by_row, dream_scores, weighted_scores, without_public

# Correlations of an example submission in the challenge's own evaluation, with the scores it found.
PEARSON = {
    "all": 0.957144539749361,
    "high": 0.6200899915,
    "low": 0.6211738514,
    "yeast": 0.8382821112,
    "random": 0.9677444394,
    "challenging": 0.9354983555,
    "SNVs": 0.8227819184,
    "motif_perturbation": 0.9671482009,
    "motif_tiling": 0.9449999832,
}
SPEARMAN = {
    "all": 0.9614516531,
    "high": 0.5754373259,
    "low": 0.5960335416,
    "yeast": 0.8390603315,
    "random": 0.9702871920,
    "challenging": 0.9289802083,
    "SNVs": 0.6775184532,
    "motif_perturbation": 0.9611406142,
    "motif_tiling": 0.9273541130,
}


def test_published_correlations_give_the_published_scores():
    by_pearson, by_spearman = weighted_scores(PEARSON, SPEARMAN)
    assert by_pearson == pytest.approx(0.7657255845, abs=2e-10)
    assert by_spearman == pytest.approx(0.8228750904, abs=2e-10)
    assert sum(WEIGHTS.values()) == pytest.approx(4.65)


MEASURED = [0.0, 1.0, 2.0, 4.0, np.nan]
PREDICTED = [1.0, 3.0, 2.0, 4.0, np.nan]


def test_scores_of_a_case_by_hand():
    # high: rows 0, 1, 2 measured 0, 1, 2 and predicted 1, 3, 2: r = rho = 1/2.
    # SNVs: differences 1-0 = 1, 4-2 = 2, 4-0 = 4 measured and 2, 2, 3 predicted.
    #   centred -4/3, -1/3, 5/3 and -1/3, -1/3, 2/3: r = (15/9) / sqrt(42/9 * 6/9) = 15 / sqrt(252).
    #   ranks 1, 2, 3 and 1.5, 1.5, 3: rho = 1.5 / sqrt(2 * 1.5) = sqrt(3) / 2.
    subsets = {"SNVs": np.array([[1, 0], [3, 2], [3, 0]]), "high": np.array([0, 1, 2])}
    found = dream_scores(subsets, MEASURED, PREDICTED)
    assert [(one.subset, one.n, one.weight) for one in found.subsets] == [("high", 3, 0.3), ("SNVs", 3, 1.25)]
    assert found.subsets[0].pearson == pytest.approx(0.5)
    assert found.subsets[0].spearman == pytest.approx(0.5)
    assert found.subsets[1].pearson == pytest.approx(15 / math.sqrt(252))
    assert found.subsets[1].spearman == pytest.approx(math.sqrt(3) / 2)
    assert found.score_pearson == pytest.approx((0.3 * 0.25 + 1.25 * 225 / 252) / 1.55)
    assert found.score_spearman == pytest.approx((0.3 * 0.5 + 1.25 * math.sqrt(3) / 2) / 1.55)
    assert found.weight == pytest.approx(1.55)
    assert found.missing == ("all", "low", "yeast", "random", "challenging", "motif_perturbation", "motif_tiling")


def test_a_negative_correlation_counts_for_pearson_and_against_for_spearman():
    found = dream_scores({"all": np.arange(4)}, MEASURED, [4.0, 3.0, 2.0, 0.0, np.nan])
    assert found.score_pearson > 0
    assert found.score_spearman == pytest.approx(-1.0)


def test_constant_predictions_have_no_score():
    found = dream_scores({"all": np.arange(4)}, MEASURED, np.ones(5))
    assert math.isnan(found.score_pearson)
    assert math.isnan(found.subsets[0].spearman)


def test_no_subset_has_no_score():
    found = dream_scores({}, MEASURED, PREDICTED)
    assert math.isnan(found.score_pearson)
    assert (found.weight, len(found.missing)) == (0, 9)


def test_final_score_leaves_out_whatever_was_public():
    subsets = {
        "all": np.arange(8),
        "high": np.array([0, 5, 6]),
        "low": np.array([1, 2]),
        "SNVs": np.array([[1, 2], [3, 2], [6, 5]]),
        "motif_tiling": np.array([[1, 2], [4, 7]]),
    }
    public = {"all": np.array([1, 2, 6]), "high": np.array([6]), "SNVs": np.array([[1, 2]]), "low": np.array([1])}
    found = without_public(subsets, public)
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "all": [0, 3, 4, 5, 7],
        "high": [0, 5],
        # low is public throughout; pairs stay although a member was public, but for the public pair itself.
        "SNVs": [[3, 2], [6, 5]],
        "motif_tiling": [[1, 2], [4, 7]],
    }


def test_pair_in_the_other_direction_is_another_pair():
    found = without_public({"SNVs": np.array([[2, 1]])}, {"SNVs": np.array([[1, 2]])})
    assert found["SNVs"].tolist() == [[2, 1]]


def test_without_anything_public_nothing_is_left_out():
    assert without_public({"all": np.arange(3)}, {})["all"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("subsets", "sentence"),
    [
        ({"highest": np.array([0, 1])}, "subset highest is not known"),
        ({"high": np.array([0, 1, 0])}, "subset high holds a row or pair twice"),
        ({"SNVs": np.array([[0, 1], [0, 1]])}, "subset SNVs holds a row or pair twice"),
        ({"high": np.array([0, 5])}, "subset high: test row 5 does not exist, expected 0 to 4"),
        ({"high": np.array([0, -1])}, "subset high: test row -1 does not exist"),
        ({"SNVs": np.array([[0, 4], [1, 2]])}, "subset SNVs: test row 4 has no measured value"),
    ],
)
def test_subsets_that_cannot_be_scored_are_refused(subsets, sentence):
    with pytest.raises(InputError, match=sentence):
        dream_scores(subsets, MEASURED, PREDICTED)


def test_missing_prediction_is_refused():
    with pytest.raises(InputError, match="subset high: test row 1 has no prediction"):
        dream_scores({"high": np.array([0, 1, 2])}, MEASURED, [1.0, np.nan, 2.0, 4.0, 1.0])


def test_values_by_row_leave_the_rest_unknown():
    found = by_row({2: 5.0, 0: -1.0}, 4)
    assert found[[0, 2]].tolist() == [-1.0, 5.0]
    assert np.isnan(found[[1, 3]]).all()
    with pytest.raises(InputError, match="test row 4 does not exist, expected 0 to 3"):
        by_row({4: 1.0}, 4)
