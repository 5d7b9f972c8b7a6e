"""How unlike the training rows is a sequence: by its composition alone, whatever any network says of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gxtool.data.sequence import gc_content, kmer_counts

K = 3
# Directions that training rows hardly vary in (shares add up to 1; words of both strands are equal) are left out.
RELATIVE_VARIANCE = 1e-6
WITHIN = 0.999
"""Share of the training rows that is no further from their centre than the limit."""


@dataclass(frozen=True)
class Composition:
    """Mean shares of 3-mers (64,) in training rows, the whitening of what is left (64, d), and mean GC content.

    limits: what 99.9 % of the training rows keep to, of the Mahalanobis distance of 3-mers and of the difference in GC
    content; limit: the same, of the larger of both in units of their limits.
    """

    mean: np.ndarray
    whitening: np.ndarray
    mean_gc: float
    limits: tuple[float, float] = (1.0, 1.0)
    limit: float = 1.0

    def distance(self, tokens: np.ndarray) -> np.ndarray:
        """Return how far tokens (n, L) are from the training rows' centre (n,): by 3-mers or by GC, whichever is more.

        GC content follows from the 3-mers, but stands for itself: among as many directions its own hardly counts.
        """
        return np.max([own / limit for own, limit in zip(self.each(tokens), self.limits, strict=True)], axis=0)

    def each(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the Mahalanobis distance of 3-mers (n,) and the difference in GC content (n,)."""
        words = np.linalg.norm((_shares(tokens) - self.mean) @ self.whitening, axis=1)
        return words, np.abs(np.nan_to_num(gc_content(tokens), nan=self.mean_gc) - self.mean_gc)


def fit_composition(tokens: np.ndarray) -> Composition:
    """Fit centre and spread of the composition of training rows (n, L), and the distance that 99.9 % of them keep.

    Words are counted on both strands, so that a sequence is as far away as its reverse complement.
    """
    shares = _shares(tokens)
    centred = shares - shares.mean(axis=0)
    variance, directions = np.linalg.eigh(centred.T @ centred / max(1, len(tokens) - 1))
    kept = variance > max(RELATIVE_VARIANCE * variance.max(), np.finfo(float).tiny)
    whitening = directions[:, kept] / np.sqrt(variance[kept])
    raw = Composition(shares.mean(axis=0), whitening, float(np.nan_to_num(np.nanmean(gc_content(tokens)))))
    words, gc = (float(np.quantile(own, WITHIN)) or 1.0 for own in raw.each(tokens))
    scaled = Composition(raw.mean, whitening, raw.mean_gc, (words, gc))
    limit = float(np.quantile(scaled.distance(tokens), WITHIN))
    return Composition(raw.mean, whitening, raw.mean_gc, (words, gc), limit)


def _shares(tokens: np.ndarray) -> np.ndarray:
    counts = kmer_counts(tokens, K).astype(np.float64)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
