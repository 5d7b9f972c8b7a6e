"""Windows: where the TSS lies in them, by hand, on both strands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gxtool.data.windows import cut_windows, orient
from gxtool.errors import ConfigError


def cut(tss: list[int], minus: list[bool], window_size: int, orientation: str) -> list[tuple[int, int, bool]]:
    windows = cut_windows(np.array(tss), np.array(minus), window_size, orientation)
    return list(zip(windows.start.tolist(), windows.end.tolist(), windows.flipped.tolist(), strict=True))


def test_without_orientation_both_strands_have_the_same_window_and_none_is_flipped():
    assert cut([5000, 5000], [False, True], 10_000, "none") == [(0, 10_000, False), (0, 10_000, False)]


def test_even_window_of_the_plus_strand_has_one_base_more_in_front_of_the_tss_than_behind():
    # Bases 16 17 18 19 [20] 21 22 23: the TSS is the fifth of eight.
    assert cut([20], [False], 8, "strand") == [(16, 24, False)]


def test_even_window_of_the_minus_strand_has_one_base_more_behind_the_tss_in_the_genome():
    # Read from the right: 24 23 22 21 [20] 19 18 17: the TSS is the fifth of eight.
    assert cut([20], [True], 8, "strand") == [(17, 25, True)]


def test_odd_window_is_the_same_on_both_strands_but_for_the_direction():
    # 17 18 19 [20] 21 22 23: the fourth of seven from either side.
    assert cut([20, 20], [False, True], 7, "strand") == [(17, 24, False), (17, 24, True)]


def test_window_of_one_base_is_the_tss():
    assert cut([20, 20], [False, True], 1, "strand") == [(20, 21, False), (20, 21, True)]


def test_window_near_the_start_of_a_chromosome_begins_below_zero():
    assert cut([0, 2, 3], [False, True, False], 8, "strand") == [(-4, 4, False), (-1, 7, True), (-1, 7, False)]


def test_no_genes_give_no_windows_of_the_same_types():
    windows = cut_windows(np.array([], np.int64), np.array([], bool), 8, "strand")
    assert [array.dtype for array in windows] == [np.int64, np.int64, np.bool_]
    assert [len(array) for array in windows] == [0, 0, 0]


def test_flipped_is_an_array_of_its_own():
    minus = np.array([True, False])
    cut_windows(np.array([20, 30]), minus, 8, "strand").flipped[:] = False
    assert minus.tolist() == [True, False]


def test_positions_far_beyond_32_bits_are_kept():
    assert cut_windows(np.array([3_000_000_000]), np.array([False]), 8, "none").start.tolist() == [2_999_999_996]


@pytest.mark.parametrize(
    ("window_size", "orientation", "sentence"),
    [
        (0, "none", "window_size 0 is no width, expected at least 1 bp"),
        (8, "both", "orientation 'both' is unknown, expected none or strand"),
    ],
)
def test_impossible_windows_are_refused(window_size, orientation, sentence):
    with pytest.raises(ConfigError) as caught:
        cut([20], [False], window_size, orientation)
    assert str(caught.value) == sentence


def test_orient_reverses_positions_of_flipped_rows_and_leaves_channels_and_the_argument():
    signal = np.array([[[1, 10], [2, 20], [3, 30]], [[4, 40], [5, 50], [6, 60]]])  # (G=2, N=3, C=2)
    flipped = orient(signal, np.array([False, True]))
    assert flipped.tolist() == [[[1, 10], [2, 20], [3, 30]], [[6, 60], [5, 50], [4, 40]]]
    assert signal[1].tolist() == [[4, 40], [5, 50], [6, 60]]


def test_orient_of_plain_rows_keeps_their_type():
    flipped = orient(np.array([[1, 2, 3, 4]], np.uint16), np.array([True]))
    assert flipped.tolist() == [[4, 3, 2, 1]]
    assert flipped.dtype == np.uint16


@given(
    tss=st.integers(-(10**6), 10**9),
    minus=st.booleans(),
    window_size=st.integers(1, 300),
    orientation=st.sampled_from(["none", "strand"]),
)
def test_oriented_window_holds_the_tss_in_the_middle(tss, minus, window_size, orientation):
    windows = cut_windows(np.array([tss]), np.array([minus]), window_size, orientation)
    positions = np.arange(windows.start[0], windows.end[0])[None]  # (1, N): each base says where it is
    assert orient(positions, windows.flipped)[0, window_size // 2] == tss
    assert positions.shape == (1, window_size)
    assert windows.flipped[0] == (minus and orientation == "strand")


@given(rows=st.lists(st.booleans(), max_size=5), n=st.integers(0, 7))
def test_orienting_twice_is_no_change(rows, n):
    signal = np.arange(len(rows) * n * 2).reshape(len(rows), n, 2)
    flipped = np.array(rows, bool)
    assert np.array_equal(orient(orient(signal, flipped), flipped), signal)
