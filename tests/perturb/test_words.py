"""Words that a design holds more often than training rows do, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from gxtool.data.sequence import kmer_names, kmer_pairs, tokens_of
from gxtool.perturb.words import K, fit_words, occurrences, word_counts

WORDS = [kmer_names(K)[place] for place in kmer_pairs(K)[0]]


def tokens(*texts: str, length: int = 20) -> np.ndarray:
    """Return sequences padded with N in front."""
    return np.stack([np.pad(tokens_of(text), (length - len(text), 0), constant_values=4) for text in texts])


# TTTT is AAAA on the other strand; ACGT and CGCG are their own other strand and stand there once; N ends words.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AAAAA", {"AAAA": 2}),
        ("AAAANTTTT", {"AAAA": 2}),
        ("CGCGCG", {"CGCG": 2, "GCGC": 1}),
        ("ACGT", {"ACGT": 1}),
        ("GATAN", {"GATA": 1}),
        ("TATC", {"GATA": 1}),
        ("ACG", {}),
    ],
)
def test_words_are_counted_on_either_strand(text: str, expected: dict[str, int]) -> None:
    counts = word_counts(tokens(text))[0]
    assert len(counts) == 136
    assert {word: n for word, n in zip(WORDS, counts.tolist(), strict=True) if n} == expected
    assert {word: n for word in WORDS if (n := occurrences(text, word))} == expected


def test_most_extreme_word_and_its_limit() -> None:
    """1,999 training rows hold CGCG once, one of them three times: 99.9 % hold it once at most."""
    training = tokens(*["CGCG"] * 1998, "CGCGCGCG", "CGCG")
    use = fit_words(training)
    assert use.limits[WORDS.index("CGCG")] == 1
    assert use.share == 1 / 2000
    found = use.most_extreme(tokens("CGCGCGCG", "CGCG", "GATAGATAN"))
    # GCGC, which stands in 1 of 2,000 rows, is beyond 0 by 2 in the first; CGCG by 3 - 1 = 2: the rarer one is named.
    assert (found.word[0], found.count[0], found.limit[0]) == ("GCGC", 2, 0)
    assert (found.word[2], found.count[2], found.limit[2]) == ("GATA", 2, 0)
    assert found.count[1] <= found.limit[1]


def test_a_word_that_training_rows_hold_as_often_is_within_its_limit() -> None:
    random = np.random.default_rng(2).integers(0, 4, (3000, 80)).astype(np.uint8)
    use = fit_words(random)
    new = np.random.default_rng(3).integers(0, 4, (3000, 80)).astype(np.uint8)
    found = use.most_extreme(new)
    assert (found.count > found.limit).mean() == pytest.approx(use.share, abs=0.03)
    spam = new[:50].copy()
    spam[:, 10:30] = tokens_of("CGCG" * 5)
    found = use.most_extreme(spam)
    assert (found.count > found.limit).all()
    assert set(found.word) <= {"CGCG", "GCGC"}
