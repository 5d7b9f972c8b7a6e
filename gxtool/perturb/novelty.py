"""How unlike the training rows is a sequence: by its composition alone, whatever any network says of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gxtool.data.sequence import kmer_counts

K = 3
# Directions that training rows hardly vary in (shares add up to 1; words of both strands are equal) are left out.
RELATIVE_VARIANCE = 1e-6
WITHIN = 0.999
"""Share of the training rows that is no further from their centre than the limit."""


@dataclass(frozen=True)
class Composition:
    """Mean shares of 3-mers (64,) in training rows, the whitening of what is left (64, d), and the limit."""

    mean: np.ndarray
    whitening: np.ndarray
    limit: float

    def distance(self, tokens: np.ndarray) -> np.ndarray:
        """Return the Mahalanobis distance (n,) of tokens (n, L) from the training rows' centre."""
        return np.linalg.norm((_shares(tokens) - self.mean) @ self.whitening, axis=1)


def fit_composition(tokens: np.ndarray) -> Composition:
    """Fit the centre and spread of 3-mer shares of training rows (n, L), and the distance that 99.9 % of them keep.

    Words are counted on both strands, so that a sequence is as far away as its reverse complement; GC content follows
    from the shares.
    """
    shares = _shares(tokens)
    mean = shares.mean(axis=0)
    centred = shares - mean
    variance, directions = np.linalg.eigh(centred.T @ centred / max(1, len(tokens) - 1))
    kept = variance > max(RELATIVE_VARIANCE * variance.max(), np.finfo(float).tiny)
    whitening = directions[:, kept] / np.sqrt(variance[kept])
    distances = np.linalg.norm(centred @ whitening, axis=1)
    return Composition(mean, whitening, float(np.quantile(distances, WITHIN)))


def _shares(tokens: np.ndarray) -> np.ndarray:
    counts = kmer_counts(tokens, K).astype(np.float64)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
