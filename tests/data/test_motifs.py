"""Motifs on sequences: scores worked out by hand, exact chances, sites on both strands."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gxtool.data.alleles import allele_window
from gxtool.data.motifs import consensus, covered, hits, log_odds, threshold
from gxtool.data.sequence import reverse_complement, tokens_of

UNIFORM = np.full(4, 0.25)
# A, then C or G alike.
PROBABILITIES = np.array([[1, 0, 0, 0], [0, 0.5, 0.5, 0]])


def tokens(*sequences: str) -> np.ndarray:
    return np.stack([tokens_of(sequence) for sequence in sequences])


def test_scores_are_log_odds_with_a_hundredth_of_background() -> None:
    steps = log_odds(PROBABILITIES, UNIFORM).steps
    # 0.99 + 0.01 / 4 = 0.9925 against 0.25: log2 3.97 = 1.9891 bits; 0.4975: 0.9928; 0.0025: -6.6439.
    assert steps.tolist() == [[199, -664, -664, -664], [-664, 99, 99, -664]]


def test_a_threshold_is_the_least_score_rare_enough() -> None:
    scores = log_odds(PROBABILITIES, UNIFORM)
    # Of 16 words 2 score 298 (AC, AG); 2 (AA, AT) and 6 (CC, CG, GC, GG, TC, TG) less; 6 least.
    assert threshold(scores, 2 / 16) == 298
    assert threshold(scores, 4 / 16 - 1e-6) == 298
    assert threshold(scores, 4 / 16) == 199 - 664
    assert threshold(scores, 10 / 16) == 99 - 664
    assert threshold(scores, 1e-4) == 298, "no word is that rare: the best one counts"


def test_a_background_makes_letters_rare() -> None:
    scores = log_odds(PROBABILITIES, np.array([0.1, 0.4, 0.4, 0.1]))
    best = int(scores.steps.max(axis=1).sum())
    assert threshold(scores, 0.08) == best, "A and then C or G: 0.1 * 0.8"
    assert threshold(scores, 0.079) == best


def test_sites_stand_on_both_strands_and_never_over_n() -> None:
    found = hits(tokens("ACTTNGA", "CTAGCTT"), log_odds(PROBABILITIES, UNIFORM), 298)
    # AC at 0; CT is the other strand of AG; GT of AC. Row 2: CT at 0, AG at 2, CT at 4.
    assert found.astype(int).tolist() == [[1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 1, 0]]
    assert covered(found, 2, 7).astype(int).tolist() == [[1, 1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 0]]


def test_a_motif_longer_than_the_sequence_has_no_site() -> None:
    found = hits(tokens("A"), log_odds(PROBABILITIES, UNIFORM), 298)
    assert found.shape == (1, 0)
    assert covered(found, 2, 1).tolist() == [[False]]


def test_consensus_takes_the_first_of_equals() -> None:
    assert consensus(PROBABILITIES).tolist() == [0, 1]


@given(
    st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4).filter(any), min_size=1, max_size=4),
    st.lists(st.integers(1, 9), min_size=4, max_size=4),
    st.floats(1e-3, 0.9),
)
def test_the_chance_of_a_site_is_exact(counts: list, letters: list, p_value: float) -> None:
    probabilities = np.array(counts) / np.sum(counts, axis=1, keepdims=True)
    scores = log_odds(probabilities, np.array(letters) / sum(letters))
    words = list(product(range(4), repeat=len(counts)))
    totals = np.array([sum(scores.steps[place][base] for place, base in enumerate(word)) for word in words])
    chances = np.array([np.prod(scores.background[list(word)]) for word in words])
    least = threshold(scores, p_value)
    assert chances[totals >= least].sum() <= p_value * 1.0001 or least == totals.max()
    below = totals[totals < least]
    if below.size:
        assert chances[totals >= below.max()].sum() > p_value * 0.9999


@given(st.text("ACGTN", min_size=3, max_size=30))
def test_the_other_strand_has_the_same_sites(sequence: str) -> None:
    scores = log_odds(np.array([[0.7, 0.1, 0.1, 0.1], [0, 1, 0, 0], [0.2, 0.2, 0.3, 0.3]]), UNIFORM)
    row = tokens(sequence)
    assert (hits(row, scores, 50) == hits(reverse_complement(row), scores, 50)[:, ::-1]).all()


def test_alleles_are_centred_each_by_itself() -> None:
    contig = b"ACGTACGTAC"
    assert allele_window(contig, 4, 5, b"A", 5) == b"GTACG"
    assert allele_window(contig, 4, 5, b"G", 4) == b"TGCG", "one base more behind than in front"
    # ACG at 4 to 7 deleted but for A, and TTT inserted behind the A.
    assert allele_window(contig, 4, 7, b"ACG", 5) == b"TACGT"
    assert allele_window(contig, 4, 7, b"A", 5) == b"GTATA"
    assert allele_window(contig, 4, 5, b"ATTT", 6) == b"TATTTC"


def test_beyond_the_ends_stands_n() -> None:
    assert allele_window(b"ACGT", 0, 1, b"A", 6) == b"NNACGT"
    assert allele_window(b"ACGT", 3, 4, b"C", 6) == b"CGCNNN"
    assert allele_window(b"ACGT", 1, 2, b"GGGG", 4) == b"GGGG"
    with pytest.raises(ValueError, match="an allele has 5 bases, expected at most 4"):
        allele_window(b"ACGT", 1, 2, b"GGGGG", 4)
