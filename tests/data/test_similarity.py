"""Near-duplicates: mutants, other strands and overlaps are joined, chance joins nothing; against counting all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gxtool.data.similarity import K, joined, kmer_codes, near_duplicates, overlapping_windows

COMPLEMENT = np.array([3, 2, 1, 0, 4], np.uint8)


def padded(sequences: list[str], length: int = 100) -> np.ndarray:
    """Return tokens (n, length) with the sequences in the middle."""
    tokens = np.full((len(sequences), length), 4, np.uint8)
    for row, text in zip(tokens, sequences, strict=True):
        start = (length - len(text)) // 2
        row[start : start + len(text)] = ["ACGTN".index(base) for base in text]
    return tokens


def drawn(random: np.random.Generator, n: int, length: int = 80) -> list[str]:
    return ["".join(random.choice(list("ACGT"), length)) for _ in range(n)]


def changed(text: str, *places: int) -> str:
    for place in places:
        text = text[:place] + "ACGT"["CGTA".index(text[place])] + text[place + 1 :]
    return text


def other_strand(text: str) -> str:
    return text[::-1].translate(str.maketrans("ACGT", "TGCA"))


def kmers(text: str) -> set[str]:
    found = (text[i : i + K] for i in range(len(text) - K + 1))
    return {min(word, other_strand(word)) for word in found if "N" not in word}


def by_counting(sequences: list[str]) -> np.ndarray:
    """Return groups from the definition: every pair is counted, in words."""
    sets = [kmers(text) for text in sequences]
    groups = np.arange(len(sequences))
    pairs = [
        (i, j)
        for i in range(len(sets))
        for j in range(i)
        if min(len(sets[i]), len(sets[j])) and 2 * len(sets[i] & sets[j]) >= min(len(sets[i]), len(sets[j]))
    ]
    for _ in sequences:
        for i, j in pairs:
            groups[[i, j]] = min(groups[i], groups[j])
    return groups


def test_code_of_a_16_mer_is_that_of_its_other_strand_and_n_has_none():
    word = "ACGTTGCAACGTAGCA"
    forward, backward = (kmer_codes(padded([text], 16)) for text in (word, other_strand(word)))
    assert forward == backward
    # 2 bits a base, A 0 to T 3, the smaller strand: this one begins with A, the other with T.
    assert int(forward[0, 0]) == int("".join(f"{'ACGT'.index(base):02b}" for base in word), 2)
    assert kmer_codes(padded([word[:8] + "N" + word[9:]], 16))[0, 0] == 2**32 - 1
    assert kmer_codes(padded(["T" * 16], 16))[0, 0] == 0
    assert kmer_codes(padded([word[:15]], 15)).shape == (1, 0)


@pytest.mark.parametrize("place", [0, 15, 39, 40, 64, 79])
def test_a_sequence_with_one_base_changed_is_joined_on_either_strand(place):
    random = np.random.default_rng(place)
    (text, *others) = drawn(random, 9)
    sequences = [*others, text, changed(text, place), other_strand(changed(text, place))]
    assert near_duplicates(padded(sequences)).tolist() == [*range(8), 8, 8, 8]


def test_every_mutant_among_thousands_is_found_and_no_stranger():
    random = np.random.default_rng(1)
    sequences = drawn(random, 3000)
    mutants = [changed(text, int(random.integers(80))) for text in sequences]
    groups = near_duplicates(padded(sequences + mutants))
    assert groups.tolist() == [*range(3000), *range(3000)]


def test_half_of_the_shorter_decides_for_unequal_lengths():
    random = np.random.default_rng(2)
    text, alien = drawn(random, 2, 90)
    alien = changed(text, 27)[27] + alien  # what follows 27 bases in common is no 28th
    inside = text[20:60]
    # 25 16-mers of 40 bases: 13 of them are 28 bases in common, 12 are 27.
    enough, too_few = text[:28] + alien[:12], text[:27] + alien[:13]
    sequences = [text, inside, enough, too_few]
    assert by_counting(sequences).tolist() == [0, 0, 0, 3]
    assert near_duplicates(padded(sequences)).tolist() == [0, 0, 0, 3]


def test_groups_are_what_pairs_connect():
    random = np.random.default_rng(3)
    first, last = drawn(random, 2, 60)
    chain = [first + last[:20], first[20:] + last[:40], first[40:] + last]
    assert near_duplicates(padded(chain)).tolist() == by_counting(chain).tolist() == [0, 0, 0]


def test_short_sequences_and_those_full_of_n_are_like_nothing():
    sequences = ["ACGTACGTACGTACG", "ACGTACGTACGTACG", "ACGTN" * 16, "ACGTN" * 16]
    assert near_duplicates(padded(sequences)).tolist() == [0, 1, 2, 3]
    assert near_duplicates(padded([])).tolist() == []


def test_thousands_that_share_half_are_joined_without_comparing_all():
    random = np.random.default_rng(4)
    scaffold = drawn(random, 1, 50)[0]
    sequences = [scaffold + tail for tail in drawn(random, 2000, 30)]
    assert not near_duplicates(padded(sequences)).any()


def test_some_rows_are_numbered_by_their_place_among_those():
    random = np.random.default_rng(5)
    (text, *others) = drawn(random, 5)
    tokens = padded([others[0], text, others[1], changed(text, 30), others[2]])
    assert near_duplicates(tokens, [3, 0, 1]).tolist() == [0, 1, 0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 6))
def test_found_groups_are_those_of_the_definition(seed, n_changes):
    random = np.random.default_rng(seed)
    sequences = drawn(random, 6, int(random.integers(40, 90)))
    for text in sequences[:3]:
        own = changed(text, *random.integers(0, len(text), n_changes).tolist())
        sequences.append(own if random.random() < 0.5 else other_strand(own))
    found, expected = near_duplicates(padded(sequences)), by_counting(sequences)
    # A pair may share half of its 16-mers in pieces too short for a minimiser in common; nothing else may differ.
    assert all(found[i] == i or expected[i] == expected[found[i]] for i in range(len(sequences)))
    if n_changes <= 1:
        assert found.tolist() == expected.tolist()


def test_windows_that_overlap_are_joined_and_those_that_touch_are_not():
    chrom = ["chr1", "chr1", "chr2", "chr1", "chr1", "chr1"]
    start, end = [100, 250, 100, 0, 300, 120], [200, 300, 200, 101, 400, 140]
    # Sorted on chr1: 0-101, 100-200, 120-140 overlap; 250-300 and 300-400 only touch.
    assert overlapping_windows(chrom, start, end).tolist() == [0, 1, 2, 0, 4, 0]
    assert overlapping_windows([], [], []).tolist() == []


def test_window_inside_a_long_one_is_joined_though_another_lies_between():
    assert overlapping_windows(["a"] * 3, [0, 10, 500], [1000, 20, 600]).tolist() == [0, 0, 0]


def test_joined_groups_are_called_by_their_first_member():
    assert joined(np.array([0, 1, 2, 1, 4]), np.array([[4, 3], [2, 2]])).tolist() == [0, 1, 2, 1, 1]
