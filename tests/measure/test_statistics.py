"""Adjusted p-values by hand, and the interval of a mean against a textbook and simulated values."""

import math

import numpy as np
import pytest

from gxtool.errors import InputError
from gxtool.measure.statistics import holm, mean_interval


def test_mean_interval_by_hand():
    # 1, 2, 3, 4: mean 2.5, sd sqrt(5/3), t(3, 0.975) = 3.18245, half = 3.18245 sqrt(5/12).
    found = mean_interval([1, 2, 3, 4])
    assert (found.estimate, found.n) == (2.5, 4)
    assert found.high - 2.5 == pytest.approx(3.182446 * math.sqrt(5 / 12), abs=1e-5)
    assert 2.5 - found.low == pytest.approx(found.high - 2.5)


def test_mean_of_one_value_has_no_interval():
    found = mean_interval([3])
    assert (found.estimate, found.n) == (3, 1)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_mean_interval_covers_the_true_mean():
    values = np.random.default_rng(0).exponential(size=(2000, 40))
    covered = sum(found.low <= 1 <= found.high for found in map(mean_interval, values))
    # Skewed values: somewhat below the nominal 95 %.
    assert 0.91 <= covered / 2000 <= 0.96


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
