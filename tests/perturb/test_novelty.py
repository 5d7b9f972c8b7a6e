"""How usual a sequence is, by its composition alone."""

from __future__ import annotations

import numpy as np

from gxtool.data.sequence import reverse_complement, tokens_of
from gxtool.perturb.novelty import fit_composition


def sequences(n: int, length: int = 60, weights: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)) -> np.ndarray:
    return np.random.default_rng(5).choice(4, (n, length), p=weights).astype(np.uint8)


def test_training_rows_are_within_the_limit_but_for_one_in_a_thousand() -> None:
    training = sequences(4000)
    composition = fit_composition(training)
    assert (composition.distance(training) > composition.limit).sum() == 4
    # Independent directions of unit variance: 32 words of both strands, whose shares add up.
    assert composition.whitening.shape[1] == 31
    assert np.isclose((composition.each(training)[0] ** 2).mean(), 31, rtol=0.01)


def test_what_is_composed_otherwise_is_far() -> None:
    composition = fit_composition(sequences(4000))
    assert (composition.distance(sequences(50, weights=(0.05, 0.45, 0.45, 0.05))) > composition.limit).all()
    repeated = tokens_of("TTACCCG" * 9)[None, :60]
    assert composition.distance(repeated)[0] > 1.4 * composition.limit
    assert composition.each(repeated)[1][0] < composition.limits[1], "GC content alone would not have told"
    new = np.random.default_rng(6).integers(0, 4, (500, 60)).astype(np.uint8)
    assert (composition.distance(new) > composition.limit).mean() < 0.01


def test_strand_and_padding_do_not_matter() -> None:
    composition = fit_composition(sequences(800))
    some = sequences(3, 50)
    padded = np.pad(some, [(0, 0), (4, 6)], constant_values=4)
    assert np.allclose(composition.distance(some), composition.distance(padded))
    assert np.allclose(composition.distance(some), composition.distance(reverse_complement(some)))


def test_training_rows_that_are_all_alike_set_no_trap() -> None:
    composition = fit_composition(np.repeat(sequences(1), 5, axis=0))
    assert np.isfinite(composition.distance(sequences(2))).all()
