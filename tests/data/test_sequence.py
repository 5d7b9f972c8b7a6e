"""DNA as arrays: each function against what can be seen by eye, and what holds for any sequence."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gxtool.data.sequence import (
    centre_pad,
    dinucleotide_shuffle,
    gc_content,
    kmer_counts,
    kmer_names,
    kmer_pairs,
    one_hot,
    reverse_complement,
    sequence_of,
    tokens_of,
    with_flanks,
)
from gxtool.errors import InputError

DNA = st.text(alphabet="ACGTN", min_size=1, max_size=40)
KNOWN = st.text(alphabet="ACGT", min_size=1, max_size=40)
COMPLEMENTS = str.maketrans("ACGTN", "TGCAN")


def test_bases_become_0_to_4_in_either_case_and_iupac_codes_n():
    assert tokens_of("ACGTNacgtnRyK").tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 4, 4, 4]
    assert tokens_of("").tolist() == []


@pytest.mark.parametrize(("sequence", "letter", "place"), [("ACXT", "'X'", 3), ("U", "'U'", 1), ("AC GT", "' '", 3)])
def test_letter_that_is_no_dna_is_refused(sequence, letter, place):
    with pytest.raises(InputError, match=f"found {letter} at base {place} of a sequence, expected letters of DNA"):
        tokens_of(sequence)


def test_masked_base_reads_n():
    assert sequence_of(np.array([0, 5, 4, 3], np.uint8)) == "ANNT"


@given(DNA)
def test_letters_there_and_back_are_the_same(sequence):
    assert sequence_of(tokens_of(sequence)) == sequence


@given(DNA)
def test_reverse_complement_is_that_of_the_letters_and_twice_is_identity(sequence):
    tokens = tokens_of(sequence)
    assert sequence_of(reverse_complement(tokens)) == sequence.translate(COMPLEMENTS)[::-1]
    assert np.array_equal(reverse_complement(reverse_complement(tokens)), tokens)


def test_reverse_complement_turns_every_row():
    tokens = np.array([[0, 0, 1], [5, 4, 2]], np.uint8)
    assert reverse_complement(tokens).tolist() == [[2, 3, 3], [1, 4, 5]]


@pytest.mark.parametrize(("length", "padded"), [(3, "ACG"), (4, "ACGN"), (5, "NACGN"), (6, "NACGNN")])
def test_padding_is_larger_on_the_right(length, padded):
    assert sequence_of(centre_pad(tokens_of("ACG"), length)) == padded


def test_padding_of_several_rows_keeps_them_apart():
    assert centre_pad(np.array([[0], [3]], np.uint8), 3).tolist() == [[4, 0, 4], [4, 3, 4]]


def test_sequence_longer_than_the_padding_is_refused():
    with pytest.raises(InputError, match="a sequence has 3 bases, expected at most 2"):
        centre_pad(tokens_of("ACG"), 2)


def test_one_hot_has_channels_a_c_g_t_and_zeros_for_n():
    encoded = one_hot(tokens_of("TNAC")[None])
    assert encoded.shape == (1, 4, 4)
    assert encoded.dtype == np.float32
    assert encoded[0].tolist() == [[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert not one_hot(np.array([5], np.uint8)).any()


@given(DNA)
def test_reverse_complement_turns_both_axes_of_one_hot(sequence):
    tokens = tokens_of(sequence)
    assert np.array_equal(one_hot(reverse_complement(tokens)), one_hot(tokens)[::-1, ::-1])


def test_gc_content_is_over_known_bases():
    tokens = np.array([tokens_of("GCATN"), tokens_of("GGGGA"), tokens_of("NNNNN")])
    assert gc_content(tokens)[:2].tolist() == [0.5, 0.8]
    assert np.isnan(gc_content(tokens)[2])


def test_kmers_of_both_strands_are_counted():
    counts = kmer_counts(np.array([tokens_of("AACG"), tokens_of("NTTN")]), 2)
    found = [dict(zip(kmer_names(2), row, strict=True)) for row in counts.tolist()]
    assert {name: n for name, n in found[0].items() if n} == {"AA": 1, "AC": 1, "CG": 2, "GT": 1, "TT": 1}
    assert {name: n for name, n in found[1].items() if n} == {"TT": 1, "AA": 1}


@given(KNOWN, st.integers(1, 4))
def test_kmer_counts_are_those_of_a_sliding_window_over_two_strings(sequence, k):
    strands = (sequence, sequence.translate(COMPLEMENTS)[::-1])
    expected = Counter(strand[i : i + k] for strand in strands for i in range(len(strand) - k + 1))
    (row,) = kmer_counts(tokens_of(sequence)[None], k).tolist()
    assert {name: n for name, n in zip(kmer_names(k), row, strict=True) if n} == expected


def test_of_a_kmer_and_its_reverse_complement_the_first_stands_for_both():
    kept, other = kmer_pairs(2)
    names = kmer_names(2)
    assert [names[n] for n in kept] == ["AA", "AC", "AG", "AT", "CA", "CC", "CG", "GA", "GC", "TA"]
    assert [names[n] for n in other[:4]] == ["TT", "GT", "CT", "AT"]


@given(
    st.text("ACGTN", max_size=12).map(lambda inside: f"G{inside}T"),
    st.text("ACGT", max_size=5),
    st.text("ACGT", max_size=5),
    st.integers(0, 6),
)
def test_flanks_are_put_next_to_the_insert_as_far_as_they_reach(insert, five_prime, three_prime, gap):
    padded = "N" * gap + insert + "N" * (gap + 1)
    before = ("N" * gap + five_prime)[-gap:] if gap else ""
    behind = (three_prime + "N" * (gap + 1))[: gap + 1]
    filled = with_flanks(tokens_of(padded)[None], tokens_of(five_prime), tokens_of(three_prime))
    assert sequence_of(filled[0]) == before + insert + behind


def test_each_row_gets_flanks_by_its_own_length_and_unknown_rows_none():
    rows = np.stack([tokens_of(text) for text in ("NNGATNNN", "NGATTACN", "NNNNNNNN")])
    filled = with_flanks(rows, tokens_of("AC"), tokens_of("TG"))
    assert [sequence_of(row) for row in filled] == ["ACGATTGN", "CGATTACT", "NNNNNNNN"]
    assert sequence_of(rows[0]) == "NNGATNNN", "what was given stays as it is"


def test_sequence_shorter_than_k_has_no_kmer():
    assert kmer_counts(tokens_of("ACG")[None], 5).sum() == 0
    assert kmer_counts(np.empty((0, 9), np.uint8), 5).shape == (0, 1024)


@pytest.mark.parametrize("k", [0, 9])
def test_k_that_is_no_sense_is_refused(k):
    with pytest.raises(ValueError, match=f"k is {k}, expected 1 to 8"):
        kmer_counts(tokens_of("ACG")[None], k)


@given(st.text(alphabet="ACGTN", min_size=0, max_size=60), st.integers(0, 2**32))
def test_shuffle_keeps_every_dinucleotide_and_both_ends(sequence, seed):
    tokens = tokens_of(sequence)
    shuffled = dinucleotide_shuffle(tokens, np.random.default_rng(seed))
    text = sequence_of(shuffled)
    assert Counter(pairwise(text)) == Counter(pairwise(sequence))
    assert (text[:1], text[-1:]) == (sequence[:1], sequence[-1:])


def test_padding_stays_where_it_is():
    tokens = tokens_of("NNNACGTACCATTGACNN")
    shuffled = sequence_of(dinucleotide_shuffle(tokens, np.random.default_rng(3)))
    assert shuffled[:3] == "NNN"
    assert shuffled[-2:] == "NN"
    assert "N" not in shuffled[3:-2]


def test_every_order_comes_up_about_as_often_as_another():
    # Three loops from A (over C, G and T) can be walked in six orders.
    tokens = tokens_of("ACAGATA")
    rng = np.random.default_rng(1)
    seen = Counter(sequence_of(dinucleotide_shuffle(tokens, rng)) for _ in range(3000))
    assert set(seen) == {"ACAGATA", "ACATAGA", "AGACATA", "AGATACA", "ATACAGA", "ATAGACA"}
    assert 400 < min(seen.values()) <= max(seen.values()) < 600


def test_same_seed_gives_the_same_shuffle():
    tokens = tokens_of("ACGATTACAGGCATCGA" * 4)
    first, second = (dinucleotide_shuffle(tokens, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, tokens)


def test_tokens_of_another_type_or_value_are_refused():
    with pytest.raises(ValueError, match="expected uint8 from 0 to 5"):
        one_hot(np.array([0, 1, 6], np.uint8))
    with pytest.raises(ValueError, match="tokens are int64"):
        reverse_complement(np.array([0, 1]))
