"""Null distributions small enough to count on paper."""

import numpy as np
import pytest

from gxtool.measure.exact_ranks import (
    order_statistic,
    rank_sum_distribution,
    signed_rank_distribution,
    two_sided_p,
)


def test_signed_ranks_of_three_units():
    # Subsets of {1, 2, 3} by their sum: {}, 1, 2, (3 and 1+2), 1+3, 2+3, 1+2+3.
    assert (8 * signed_rank_distribution(np.array([1, 2, 3]))).tolist() == [1, 1, 1, 2, 1, 1, 1]


def test_signed_ranks_with_a_tie():
    # Ranks 1.5, 1.5, 3 doubled are 3, 3, 6.
    distribution = 8 * signed_rank_distribution(np.array([3, 3, 6]))
    assert {total: ways for total, ways in enumerate(distribution) if ways} == {0: 1, 3: 2, 6: 2, 9: 2, 12: 1}


def test_rank_sums_of_two_among_five():
    # Pairs from 1 ... 5: sums 3, 4, 5, 5, 6, 6, 7, 7, 8, 9.
    distribution = 10 * rank_sum_distribution(np.array([1, 2, 3, 4, 5]), 2)
    assert distribution[3:10].tolist() == pytest.approx([1, 1, 2, 2, 2, 1, 1])
    assert distribution[:3].sum() == distribution[10:].sum() == 0


def test_p_doubles_the_smaller_tail_up_to_one():
    distribution = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
    assert two_sided_p(distribution, 0) == pytest.approx(0.2)
    assert two_sided_p(distribution, 3) == pytest.approx(0.6)
    assert two_sided_p(distribution, 2) == 1.0


def test_order_statistic_of_ten_pairs_is_that_of_printed_tables():
    # Wilcoxon's table: at n = 10 the two-sided 5 % critical value is 8, so the 9th candidates bound the interval.
    assert order_statistic(signed_rank_distribution(np.arange(1, 11)), 0.95) == 9
