"""Motifs on sequences: what a word scores, which scores are too good to be chance, and where such words stand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gxtool.data.sequence import COMPLEMENT, N_BASES

# Share of the background that is mixed into every position, as if one more site in a hundred had been seen.
PSEUDO_SHARE = 0.01
# Steps that a bit of score is divided into: the distribution of scores is exact for scores rounded to them.
STEPS_PER_BIT = 100


class Scores(NamedTuple):
    """What each base at each position of a motif scores, in steps of 1/100 bit (w, 4) int64."""

    steps: np.ndarray
    background: np.ndarray


def log_odds(probabilities: np.ndarray, background: np.ndarray) -> Scores:
    """Return log2 odds of probabilities (w, 4) over the background (4,), rounded to steps; none is infinite."""
    floor = np.maximum(background, 1e-6)
    floor = floor / floor.sum()
    mixed = (1 - PSEUDO_SHARE) * probabilities + PSEUDO_SHARE * floor
    return Scores(np.rint(STEPS_PER_BIT * np.log2(mixed / floor)).astype(np.int64), floor)


def threshold(scores: Scores, p_value: float) -> int:
    """Return the least score (in steps) that a random word of the background reaches with at most `p_value`.

    A motif so short that not even its best word is that rare has the score of that word.
    """
    lowest = int(scores.steps.min(axis=1).sum())
    chances = np.ones(1)  # of scores above the lowest so far
    for row in scores.steps:
        offsets = row - row.min()
        longer = np.zeros(len(chances) + int(offsets.max()))
        for offset, chance in zip(offsets.tolist(), scores.background.tolist(), strict=True):
            longer[offset : offset + len(chances)] += chance * chances
        chances = longer
    at_least = chances[::-1].cumsum()[::-1]
    rare = np.flatnonzero(at_least <= p_value * (1 + 1e-9))
    reached = np.flatnonzero(chances > 0)
    best = int(reached[-1])
    # Of the scores that can be reached, the least rare enough one.
    rare = np.intersect1d(rare, reached)
    return lowest + (int(rare[0]) if len(rare) else best)


def hits(tokens: np.ndarray, scores: Scores, least: int) -> np.ndarray:
    """Say where a word begins that scores at least so much on either strand: (n, L - w + 1); never over an N."""
    width = len(scores.steps)
    if tokens.shape[1] < width:
        return np.zeros((len(tokens), 0), bool)
    both = (scores.steps, scores.steps[::-1, COMPLEMENT[:N_BASES]])
    return np.any([_totals(tokens, steps) >= least for steps in both], axis=0)


def covered(starts: np.ndarray, width: int, length: int) -> np.ndarray:
    """Say which places (n, length) lie in a word of `width` bases that begins where `starts` (n, places) says so."""
    inside = np.zeros((len(starts), length), bool)
    for offset in range(width if starts.shape[1] else 0):
        inside[:, offset : offset + starts.shape[1]] |= starts
    return inside


def consensus(probabilities: np.ndarray) -> np.ndarray:
    """Return the most likely base at each position (w,) uint8, the first in the alphabet of equals."""
    return probabilities.argmax(axis=1).astype(np.uint8)


def _totals(tokens: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return the score of the word that begins at each place (n, L - w + 1)."""
    impossible = -1 - int(np.abs(steps).sum()) * 2
    table = np.full((len(steps), len(COMPLEMENT)), impossible, np.int64)
    table[:, :N_BASES] = steps
    places = tokens.shape[1] - len(steps) + 1
    total = np.zeros((len(tokens), places), np.int64)
    for offset, row in enumerate(table):
        total += row[tokens[:, offset : offset + places]]
    return total
