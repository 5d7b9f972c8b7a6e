"""The sum of H3K4me3: a ranking by reads, on the scale of probabilities."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from gxtool.measure.baselines import Split, gradient_boosting
from gxtool.measure.requirements import why_not
from gxtool.models.histone.baselines import sum_h3k4me3, sum_h3k4me3_line

COLUMNS = ("H3K9me3:1", "H3K4me3:1", "H3K9me3:2", "H3K4me3:2")


def split(counts: np.ndarray, labels: np.ndarray, test: np.ndarray, columns: tuple[str, ...] = COLUMNS) -> Split:
    features = np.log1p(counts, dtype=np.float32)
    return Split(features, labels, features[::2], labels[::2], np.log1p(test, dtype=np.float32), columns)


def rows(reads: list[int]) -> np.ndarray:
    """Return genes whose H3K4me3 reads over two bins are these, with an H3K9me3 that ranks them otherwise."""
    return np.array([[99 - n, n // 2, 99 - n, n - n // 2] for n in reads])


def test_genes_are_ranked_by_their_reads_of_h3k4me3_in_the_window():
    labels = np.array([0, 0, 0, 1, 0, 1, 1, 1])
    result = sum_h3k4me3(split(rows([0, 1, 3, 5, 6, 8, 20, 40]), labels, rows([7, 0, 30, 2, 15])), 1)
    assert np.argsort(result.predictions).tolist() == [1, 3, 0, 4, 2]
    assert 0 < result.predictions.min() < 0.5 < result.predictions.max() < 1
    assert result.n_train == 8


def test_two_bins_count_as_much_as_one():
    labels = np.array([0, 1] * 4)
    test = np.array([[0, 8, 0, 0], [0, 4, 0, 4], [5, 0, 5, 8]])
    predictions = sum_h3k4me3(split(rows([1, 20, 2, 30, 3, 25, 1, 22]), labels, test), 1).predictions
    assert predictions == pytest.approx([predictions[0]] * 3)


def test_a_baseline_says_which_mark_it_needs():
    with_mark, without = ("H3K9me3:1", "H3K4me3:1"), ("H3K9me3:1", "H3K4me3like:1")
    for baseline in (sum_h3k4me3, sum_h3k4me3_line):
        assert (why_not(baseline, with_mark), why_not(baseline, without)) == ("", "the data have no mark H3K4me3")
    assert why_not(gradient_boosting, without) == ""
