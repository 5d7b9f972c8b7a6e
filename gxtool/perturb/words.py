"""Which short word does a sequence hold more often than training rows do? A search repeats what a network rewards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gxtool.data.sequence import kmer_counts, kmer_names, kmer_pairs, reverse_complement, sequence_of, tokens_of

K = 4
WITHIN = 0.999
"""Share of the training rows that hold a word no more often than its limit; of each word by itself."""


class Extreme(NamedTuple):
    """The word of each sequence (n,) that is furthest beyond its limit, its count there, and the limit."""

    word: list[str]
    count: np.ndarray
    limit: np.ndarray


@dataclass(frozen=True)
class WordUse:
    """Limits and mean counts (W,) of the words of K bases in training rows; a word and its other strand are one.

    share: how many of the training rows hold some word beyond its limit: a hundred words have a hundred limits.
    """

    limits: np.ndarray
    means: np.ndarray
    share: float = 0.0

    def most_extreme(self, tokens: np.ndarray) -> Extreme:
        """Return what of tokens (n, L) is furthest beyond its limit; of equals, what training rows hold least."""
        counts = word_counts(tokens)
        rarity = 1 - self.means / (1 + self.means.max())
        places = (counts - self.limits + 0.5 * rarity).argmax(axis=1)
        words = np.array(kmer_names(K))[kmer_pairs(K)[0]]
        rows = np.arange(len(tokens))
        return Extreme(words[places].tolist(), counts[rows, places], self.limits[places])


def word_counts(tokens: np.ndarray) -> np.ndarray:
    """Count in tokens (n, L) each word on either strand (n, W), overlaps too; one that is its own other strand once."""
    first, other = kmer_pairs(K)
    counts = kmer_counts(tokens, K)[:, first]
    counts[:, other[first] == first] /= 2
    return counts.astype(np.int64)


def fit_words(tokens: np.ndarray) -> WordUse:
    """Fit limits on training rows (n, L): the count of each word that 99.9 % of them do not exceed."""
    counts = word_counts(tokens)
    limits = np.quantile(counts, WITHIN, axis=0, method="inverted_cdf").astype(np.int64)
    return WordUse(limits, counts.mean(axis=0), float((counts > limits).any(axis=1).mean()))


def occurrences(sequence: str, word: str) -> int:
    """Count a word in a sequence of letters on either strand, overlaps too; its own other strand once."""
    other = sequence_of(reverse_complement(tokens_of(word)[None])[0])
    return sum(len(re.findall(f"(?={one})", sequence)) for one in {word, other})
