"""How sure is a score, and do two models differ: intervals and tests over test units, cell types or seeds.

A test unit is what a new test set would draw anew: a gene, a tissue, a donor. Rows that share a unit (one gene in many
cell types) share its name in `groups` and are resampled or swapped together. Differences are always a - b.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from gxtool.errors import InputError
from gxtool.measure.checks import Vector, pair, vector
from gxtool.measure.exact_ranks import (
    order_statistic,
    rank_sum_distribution,
    signed_rank_distribution,
    two_sided_p,
)
from gxtool.measure.faults import has_score
from gxtool.measure.metrics import MetricFunction
from gxtool.measure.weighted import ORDER_METRICS, weighted_metric

# Below 6 pairs not even a clean sweep has p < 0.05: 2 / 2**5 = 0.0625.
FEWEST_PAIRS = 6
# The exact distribution takes about n**3 additions: seconds for 1,000 pairs, milliseconds for 56.
MOST_PAIRS = 1000
FEWEST_SEEDS = 8
BOOTSTRAP, WILCOXON = "paired bootstrap", "Wilcoxon signed-rank test"
MOST_SEEDS = 100


@dataclass(frozen=True)
class Resampling:
    """How often to draw, which share of the draws an interval holds, and the seed of the draws."""

    n_resamples: int = 2000
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_resamples < 1:
            raise InputError(f"n_resamples is {self.n_resamples}, expected at least 1")
        if not 0 < self.level < 1:
            raise InputError(f"level is {self.level}, expected a share between 0 and 1")


DEFAULT_RESAMPLING = Resampling()


@dataclass(frozen=True)
class Interval:
    """A score and the range that resampled test sets give it.

    `n_resamples` were used; `n_dropped` more left the metric undefined. `low` and `high` are NaN when the score is NaN,
    when there is one unit only, or when more than half of the resamples were dropped.
    """

    estimate: float
    low: float
    high: float
    n_resamples: int
    n_dropped: int
    n_units: int


@dataclass(frozen=True)
class PairedResult:
    """A difference a - b (positive: a's number is the larger one, be it a score or an error).

    `low` and `high` are NaN where the method gives no interval. `p_value` is two-sided, and None when there was no
    test, for the `reason` given.
    """

    difference: float
    low: float
    high: float
    p_value: float | None
    n_units: int
    method: str
    reason: str | None = None


def bootstrap_interval(
    metric: MetricFunction,
    targets: ArrayLike,
    predictions: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> Interval:
    """Return the percentile bootstrap interval of a metric over test units.

    Units are drawn with replacement and without stratification: class shares vary from resample to resample as they
    would between test sets. A resample in which the metric is undefined (one class only) is dropped and counted.
    Resampling adds noise: the interval of a metric that noise can only raise, such as `ece`, lies somewhat too high.
    """
    target_values, predicted = pair(targets, predictions)
    unit, n_units = _units(groups, target_values.size)
    estimate = metric(target_values, predicted)
    of_counts = weighted_metric(metric, target_values, predicted)
    draws = np.array([of_counts(counts) for counts in _resampled_counts(unit, n_units, resampling)])
    usable = draws[np.isfinite(draws)]
    low, high = _percentiles(usable, draws.size, n_units, resampling.level)
    if np.isnan(estimate):
        low, high = float("nan"), float("nan")
    return Interval(estimate, low, high, usable.size, draws.size - usable.size, n_units)


def paired_bootstrap(
    metric: MetricFunction,
    targets: ArrayLike,
    predictions_a: ArrayLike,
    predictions_b: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> PairedResult:
    """Return metric(a) - metric(b) with its percentile interval, both scored on the same resampled units.

    p is twice the share of resamples on the far side of zero, (count + 1) / (n + 1), the counterpart of the interval.
    """
    target_values, first = pair(targets, predictions_a)
    _, second = pair(targets, predictions_b)
    unit, n_units = _units(groups, target_values.size)
    difference = metric(target_values, first) - metric(target_values, second)
    of_first = weighted_metric(metric, target_values, first)
    of_second = weighted_metric(metric, target_values, second)
    draws = np.array([of_first(counts) - of_second(counts) for counts in _resampled_counts(unit, n_units, resampling)])
    usable = draws[np.isfinite(draws)]
    low, high = _percentiles(usable, draws.size, n_units, resampling.level)
    method = BOOTSTRAP
    if np.isnan(difference) or np.isnan(low):
        return _untested(difference, n_units, method, "the metric is not defined on these units")
    beyond = min(np.sum(usable <= 0), np.sum(usable >= 0))
    p_value = min(1.0, 2 * (float(beyond) + 1) / (usable.size + 1))
    return PairedResult(difference, low, high, p_value, n_units, method)


def compared_rows(
    metric: MetricFunction,
    targets: ArrayLike,
    predictions_a: ArrayLike,
    predictions_b: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> PairedResult:
    """Return `paired_bootstrap` of two predictors, and no test where one of them predicts NaN or infinite values."""
    if has_score(predictions_a) and has_score(predictions_b):
        return paired_bootstrap(metric, targets, predictions_a, predictions_b, groups=groups, resampling=resampling)
    _, n_units = _units(groups, len(np.asarray(targets)))
    return _untested(float("nan"), n_units, BOOTSTRAP, "predictions are not finite")


def compared_samples(
    values_a: Mapping[str, float | None], values_b: Mapping[str, float | None], *, level: float
) -> PairedResult:
    """Return `paired_wilcoxon` of the scores of two predictors by sample; None is an undefined score.

    Samples on which neither has a score say nothing and are left out. Where one of the two alone has a score there is
    no test: what is left would be the samples that the other one did not fail on.
    """
    pairs = [(values_a[name], values_b[name]) for name in values_a]
    defined = [pair for pair in pairs if pair != (None, None)]
    if not defined or any(None in pair for pair in defined):
        return _untested(float("nan"), len(defined), WILCOXON, "the score is undefined on some samples")
    return paired_wilcoxon(*zip(*defined, strict=True), level=level)


def paired_permutation(
    metric: MetricFunction,
    targets: ArrayLike,
    predictions_a: ArrayLike,
    predictions_b: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> PairedResult:
    """Test metric(a) = metric(b) by swapping a and b in each unit with chance one half.

    For metrics of order alone (auroc, auprc, spearman) predictions are replaced by their ranks first, since a swap
    between two scales would mean nothing (as in Bandos, Rockette and Gur's test of two AUCs, 2005). No interval.
    """
    target_values, first = pair(targets, predictions_a)
    _, second = pair(targets, predictions_b)
    unit, n_units = _units(groups, target_values.size)
    if metric in ORDER_METRICS:
        first, second = rankdata(first), rankdata(second)
    # Rows of a above rows of b: a swap is then a choice of rows, 0 or 1 times each.
    of_rows = weighted_metric(metric, np.tile(target_values, 2), np.concatenate([first, second]))

    def swapped_difference(swap: NDArray[np.int64]) -> float:
        by_row = swap if unit is None else swap[unit]
        chosen, others = np.concatenate([1 - by_row, by_row]), np.concatenate([by_row, 1 - by_row])
        return of_rows(chosen) - of_rows(others)

    method = "paired permutation"
    difference = swapped_difference(np.zeros(n_units, dtype=np.int64))
    if np.isnan(difference):
        return _untested(difference, n_units, method, "the metric is not defined on these units")
    generator = np.random.default_rng(resampling.seed)
    draws = np.array(
        [
            swapped_difference(generator.integers(0, 2, size=n_units, dtype=np.int64))
            for _ in range(resampling.n_resamples)
        ]
    )
    # The slack keeps rounding from telling equal differences apart.
    as_large = int(np.sum(np.abs(draws) >= abs(difference) * (1 - 1e-9)))
    return PairedResult(
        difference,
        float("nan"),
        float("nan"),
        (as_large + 1) / (resampling.n_resamples + 1),
        n_units,
        method,
    )


def paired_wilcoxon(values_a: ArrayLike, values_b: ArrayLike, *, level: float = 0.95) -> PairedResult:
    """Compare two models over cell types, tissues or donors: Wilcoxon's signed-rank test, exact also with ties.

    Zero differences do not count in the test. `difference` is the pseudo-median (Hodges and Lehmann: the median mean of
    two differences) with its interval. Fewer than 6 pairs are not tested; more than 1,000 are an InputError.
    """
    first, second = vector(values_a, "values_a"), vector(values_b, "values_b")
    if first.size != second.size:
        raise InputError(f"values_a has {first.size} values but values_b has {second.size}, expected pairs")
    if first.size > MOST_PAIRS:
        raise InputError(f"{first.size} pairs, expected at most {MOST_PAIRS}; use a paired bootstrap")
    differences = first - second
    moves = _rounded(differences, np.concatenate([first, second]))
    # Mean of every pair of differences, each with itself as well (Walsh averages).
    left, right = np.triu_indices(differences.size)
    means = np.sort((differences[left] + differences[right]) / 2)
    method = WILCOXON
    if differences.size < FEWEST_PAIRS:
        reason = f"too few pairs ({differences.size} of at least {FEWEST_PAIRS})"
        return _untested(float(np.median(means)), differences.size, method, reason)
    moved = moves[moves != 0]
    ranks = np.rint(2 * rankdata(np.abs(moved))).astype(np.int64)
    p_value = two_sided_p(signed_rank_distribution(ranks), int(ranks[moved > 0].sum()))
    k = order_statistic(signed_rank_distribution(np.arange(1, differences.size + 1)), level)
    return PairedResult(
        float(np.median(means)), float(means[k - 1]), float(means[-k]), p_value, differences.size, method
    )


def seed_test(values_a: ArrayLike, values_b: ArrayLike, *, level: float = 0.95) -> PairedResult:
    """Compare two recipes by a score per seed: Mann and Whitney's test, exact also with ties.

    Seeds of a and b are not paired, and their numbers may differ. `difference` is the median difference of a seed of a
    and a seed of b (Hodges and Lehmann) with its interval. Fewer than 8 seeds on either side are not tested.
    """
    first, second = vector(values_a, "values_a"), vector(values_b, "values_b")
    if max(first.size, second.size) > MOST_SEEDS:
        raise InputError(f"{max(first.size, second.size)} seeds on one side, expected at most {MOST_SEEDS}")
    both = np.concatenate([first, second])
    differences = np.sort(np.subtract.outer(first, second), axis=None)
    method = "Mann-Whitney test over seeds"
    fewest = min(first.size, second.size)
    if fewest < FEWEST_SEEDS:
        reason = f"too few seeds ({fewest} of at least {FEWEST_SEEDS})"
        return _untested(float(np.median(differences)), both.size, method, reason)
    ranks = np.rint(2 * rankdata(_rounded(both, both))).astype(np.int64)
    p_value = two_sided_p(rank_sum_distribution(ranks, first.size), int(ranks[: first.size].sum()))
    smallest_sum = first.size * (first.size + 1) // 2
    without_ties = rank_sum_distribution(np.arange(1, both.size + 1), first.size)
    k = order_statistic(without_ties[smallest_sum:], level)
    return PairedResult(
        float(np.median(differences)),
        float(differences[k - 1]),
        float(differences[-k]),
        p_value,
        both.size,
        method,
    )


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p-values of one family of tests by Holm's step-down method, in the order given.

    None (no test was made) stays None and does not count as a test.
    """
    tested = [index for index, value in enumerate(p_values) if value is not None]
    if not tested:
        return list(p_values)
    values = vector([p_values[index] for index in tested], "p_values")
    if values.min() < 0 or values.max() > 1:
        raise InputError(f"p_values lie between {values.min():g} and {values.max():g}, expected 0 to 1")
    order = np.argsort(values, kind="stable")
    stepped = values[order] * np.arange(values.size, 0, -1)
    adjusted = np.minimum(np.maximum.accumulate(stepped), 1.0)
    result = list(p_values)
    for position, value in zip(order, adjusted, strict=True):
        result[tested[position]] = float(value)
    return result


def distinguishable(result: PairedResult, alpha: float = 0.05) -> bool:
    """Tell whether a test was made and its p-value lies below `alpha`."""
    return result.p_value is not None and result.p_value < alpha


def _untested(difference: float, n_units: int, method: str, reason: str) -> PairedResult:
    return PairedResult(difference, float("nan"), float("nan"), None, n_units, method, reason)


def _units(groups: ArrayLike | None, n_rows: int) -> tuple[NDArray[np.int64] | None, int]:
    """Number the unit of each row; None stands for one unit per row."""
    if groups is None:
        return None, n_rows
    names = np.asarray(groups)
    if names.shape != (n_rows,):
        raise InputError(f"groups has shape {names.shape}, expected one name for each of {n_rows} rows")
    distinct, unit = np.unique(names, return_inverse=True)
    return unit, distinct.size


def _resampled_counts(
    unit: NDArray[np.int64] | None, n_units: int, resampling: Resampling
) -> Iterator[NDArray[np.int64]]:
    """Yield how often each row is present in each resample of the units."""
    generator = np.random.default_rng(resampling.seed)
    for _ in range(resampling.n_resamples):
        counts = np.bincount(generator.integers(0, n_units, size=n_units), minlength=n_units)
        yield counts if unit is None else counts[unit]


def _percentiles(usable: Vector, n_drawn: int, n_units: int, level: float) -> tuple[float, float]:
    if n_units < 2 or 2 * usable.size < n_drawn:
        return float("nan"), float("nan")
    low, high = np.quantile(usable, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _rounded(values: Vector, scale_of: Vector) -> Vector:
    """Return values for ranking, rounded at 1e-12 of the largest in `scale_of`: 0.85 - 0.80 then ties 0.75 - 0.70."""
    return np.round(values / (np.abs(scale_of).max() or 1.0), 12)
