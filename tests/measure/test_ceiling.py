"""Noise ceilings of measurements whose noise is known."""

import numpy as np
import pytest

from gxtool.errors import InputError
from gxtool.measure.ceiling import Bounds, noise_ceiling, spearman_brown
from gxtool.measure.metrics import pearson


def replicates(n, count, noise, seed=0):
    generator = np.random.default_rng(seed)
    truth = generator.normal(size=n)
    return truth, truth + noise * generator.normal(size=(count, n))


def test_two_halves_to_full_depth():
    assert spearman_brown(0.6, 2) == pytest.approx(0.75)
    assert spearman_brown([0, 1], 5).tolist() == [0, 1]


@pytest.mark.parametrize(("count", "depth"), [(2, None), (3, None), (3, 1)])
def test_ceiling_is_what_the_truth_itself_reaches(count, depth):
    truth, measured = replicates(20_000, count, 1.0)
    label = measured.mean(0) if depth is None else measured[0]
    ceiling = noise_ceiling(measured, depth)
    assert ceiling.perfect.estimate == pytest.approx(pearson(truth, label), abs=0.01)
    assert ceiling.between.estimate == pytest.approx(0.5, abs=0.02)
    assert ceiling.perfect.low < ceiling.perfect.estimate < ceiling.perfect.high


def test_interval_covers_the_ceiling():
    # r = 1 / (1 + 1) between replicates; of their mean 2/3; of the truth with it its root.
    covered = sum(
        bounds.low < np.sqrt(2 / 3) < bounds.high
        for bounds in (noise_ceiling(replicates(60, 2, 1.0, seed)[1]).perfect for seed in range(300))
    )
    assert 273 <= covered <= 296  # 285 expected, 3.8 its standard error


def test_sequence_in_two_wells_counts_once():
    _, measured = replicates(40, 2, 1.0)
    once = noise_ceiling(measured)
    twice = noise_ceiling(np.repeat(measured, 2, axis=1), units=np.repeat(np.arange(40), 2))
    assert twice.n_units == 40
    assert twice.between == pytest.approx(once.between)


def test_replicates_that_disagree_leave_no_room():
    ceiling = noise_ceiling([[1, 2, 3, 4.0], [4, 3, 2, 1.5]])
    assert ceiling.between.estimate < -0.9
    assert (ceiling.again.estimate, ceiling.perfect.estimate) == (0, 0)


def test_too_few_genes_have_no_interval():
    assert np.isnan(noise_ceiling(replicates(9, 2, 1.0)[1]).perfect.low)


def test_score_is_at_the_ceiling_when_its_interval_reaches_it():
    ceiling = Bounds(0.9, 0.85, 0.95)
    assert [ceiling.reached_by(high) for high in (0.89, 0.9, None)] == [False, True, False]


@pytest.mark.parametrize(
    ("measurements", "sentence"),
    [
        ([[1, 2, 3]], r"measurements have shape \(1, 3\), expected at least two"),
        ([[1, 2, np.nan], [1, 2, 3]], "measurements have a value that is not finite"),
        ([[1, 1, 1], [1, 2, 3]], "a measurement is the same for all rows"),
    ],
)
def test_measurements_that_tell_nothing_are_refused(measurements, sentence):
    with pytest.raises(InputError, match=sentence):
        noise_ceiling(measurements)
