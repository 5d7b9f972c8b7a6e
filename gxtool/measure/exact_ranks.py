"""Exact null distributions of rank sums, ties included, counted by adding one rank after another.

Ranks are passed doubled, so that the mean ranks of ties are integers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gxtool.measure.checks import Vector


def signed_rank_distribution(doubled_ranks: NDArray[np.int64]) -> Vector:
    """Return P(sum = s), s = 0 ... total, when each rank joins the sum with chance one half (Wilcoxon's W+)."""
    probability = np.zeros(int(doubled_ranks.sum()) + 1)
    probability[0] = 1.0
    for rank in doubled_ranks:
        joined = np.zeros_like(probability)
        joined[rank:] = probability[: probability.size - rank]
        probability = (probability + joined) / 2
    return probability


def rank_sum_distribution(doubled_ranks: NDArray[np.int64], n_first: int) -> Vector:
    """Return P(sum = s), s = 0 ... total, of the ranks of a random group of `n_first` (Mann and Whitney's test)."""
    ways = np.zeros((n_first + 1, int(doubled_ranks.sum()) + 1))
    ways[0, 0] = 1.0
    for rank in doubled_ranks:
        joined = np.zeros_like(ways)
        joined[1:, rank:] = ways[:-1, : ways.shape[1] - rank]
        ways = ways + joined
    return ways[n_first] / ways[n_first].sum()


def two_sided_p(distribution: Vector, observed: int) -> float:
    """Return twice the smaller tail probability at the observed sum, at most 1."""
    lower, upper = distribution[: observed + 1].sum(), distribution[observed:].sum()
    return float(min(1.0, 2 * min(lower, upper)))


def order_statistic(distribution: Vector, level: float) -> int:
    """Return k: the k-th smallest and k-th largest candidate bound an interval of at least `level`.

    `distribution` is that of the test's statistic counted in candidates (0 ... number of candidates). With very few
    units k is 1 and the whole range of candidates falls short of `level`; callers ask for enough units.
    """
    reached = int(np.searchsorted(np.cumsum(distribution), (1 - level) / 2))
    return max(1, reached)
