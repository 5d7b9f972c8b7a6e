"""Measured values that nothing could be learned from."""

from __future__ import annotations

import numpy as np
import pytest

from gxtool.data.values import require_variation
from gxtool.errors import InputError


def test_values_that_are_all_the_same_are_refused_with_their_target() -> None:
    with pytest.raises(InputError, match="a.tsv: all 3 values of expression are 2, expected values that differ"):
        require_variation(np.full(3, 2.0), "a.tsv")
    with pytest.raises(InputError, match="all 2 values of b are 0"):
        require_variation(np.array([[1.0, 0.0], [2.0, 0.0]]), "a.tsv", ("a", "b"))


def test_values_that_differ_and_a_single_one_are_accepted() -> None:
    require_variation(np.array([1.0, 2.0]), "a.tsv")
    require_variation(np.array([1.0]), "a.tsv")
    require_variation(np.empty(0), "a.tsv")
