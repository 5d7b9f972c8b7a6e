"""What every designed sequence must be: how far each is from it, for arrays of tokens, and what may be changed.

Flanks count where they meet the insert: a run or a site that reaches into a flank is one, and one that lies in a flank
alone is not, as nothing can be done about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gxtool.config import DesignConfig, position_range
from gxtool.data.sequence import COMPLEMENT, tokens_of
from gxtool.errors import ConfigError
from gxtool.io.nucleotides import IUPAC, N_TOKEN
from gxtool.models.base import DesignSpace

N_LETTERS = 5
# Shares such as 0.3 of 10 bases are 3.0000000000000004 of them.
SLACK = 1e-9


@dataclass(frozen=True)
class Constraints:
    """Bounds of GC content (shares), the longest run (0: any), sites, and the flanks (tokens) around every insert."""

    gc_min: float
    gc_max: float
    max_homopolymer: int
    forbidden: Sequence[str]
    flanks: tuple[np.ndarray, np.ndarray]

    @cached_property
    def _sites(self) -> list[np.ndarray]:
        """Which letters stand at each place (k, 5) of every site, and of its other strand where that differs."""
        found = {}
        for site in self.forbidden:
            forward = np.zeros((len(site), N_LETTERS), bool)
            for place, letter in enumerate(site):
                forward[place, tokens_of(IUPAC[letter])] = True
            other = forward[::-1][:, COMPLEMENT[:N_LETTERS]]
            found |= {pattern.tobytes(): pattern for pattern in (forward, other)}
        return list(found.values())

    def faults(self, tokens: np.ndarray, bounds: np.ndarray) -> np.ndarray:
        """Count faults (m,) of tokens (m, L), inserts at `bounds` (m, 2); 0: the sequence is as it must be.

        One fault is a base of G or C too few or too many, a site, or a window of one letter more than a run may have.
        """
        count = self._gc_faults(tokens, bounds)
        if not self.max_homopolymer and not self._sites:
            return count
        whole, inner = self._with_flanks(tokens, bounds)
        if self.max_homopolymer:
            same = (whole[:, 1:] == whole[:, :-1]) & (whole[:, 1:] < N_TOKEN)
            count += _windows([same] * self.max_homopolymer, inner, self.max_homopolymer + 1)
        for pattern in self._sites:
            count += _windows([letters[whole] for letters in pattern], inner, len(pattern))
        return count

    def _gc_faults(self, tokens: np.ndarray, bounds: np.ndarray) -> np.ndarray:
        strong = ((tokens == 1) | (tokens == 2)).sum(axis=1)
        n_known = (tokens < N_TOKEN).sum(axis=1)
        fewest, most = np.ceil(self.gc_min * n_known - SLACK), np.floor(self.gc_max * n_known + SLACK)
        return (np.maximum(fewest - strong, 0) + np.maximum(strong - most, 0)).astype(np.int64)

    def _with_flanks(self, tokens: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the sequences with flanks beside their inserts (m, before + L + after), and the inserts' bounds."""
        before, after = (len(flank) for flank in self.flanks)
        whole = np.pad(tokens, [(0, 0), (before, after)], constant_values=N_TOKEN)
        rows = np.arange(len(tokens))[:, None]
        inner = bounds.astype(np.int64) + before
        whole[rows, inner[:, :1] - before + np.arange(before)] = self.flanks[0]
        whole[rows, inner[:, 1:] + np.arange(after)] = self.flanks[1]
        return whole, inner


def _windows(places: Sequence[np.ndarray], inner: np.ndarray, width: int) -> np.ndarray:
    """Count windows (m,) that hold at every place and touch the insert; `places[i]` is about the i-th place (m, W)."""
    n_windows = places[0].shape[1] - len(places) + 1
    if n_windows < 1:
        return np.zeros(len(inner), np.int64)
    held = np.ones((len(inner), n_windows), bool)
    for offset, place in enumerate(places):
        held &= place[:, offset : offset + n_windows]
    starts = np.arange(n_windows)
    return (held & (starts < inner[:, 1:]) & (starts + width > inner[:, :1])).sum(axis=1)


def constraints_of(config: DesignConfig, flanks: tuple[str, str]) -> Constraints:
    """Return what a configuration asks for, between the given flanks."""
    ends = (tokens_of(flanks[0]), tokens_of(flanks[1]))
    return Constraints(config.gc_min, config.gc_max, config.max_homopolymer, config.forbidden, ends)


def editable(space: DesignSpace, protected: Sequence[str]) -> np.ndarray:
    """Return which positions (n, L) may be changed: known bases of the inserts that are not protected.

    Raises:
        ConfigError: a protected position beyond the longest insert.
    """
    places = np.arange(space.tokens.shape[1])
    first, last = space.bounds[:, :1], space.bounds[:, 1:]
    free = (places >= first) & (places < last) & (space.tokens < N_TOKEN)
    longest = int((last - first).max(initial=0))
    for text in protected:
        start, stop = position_range(text)
        if stop > longest:
            raise ConfigError(f"design.protected: found {text}, expected positions up to {longest}, the longest insert")
        free &= (places < first + start) | (places >= first + stop)
    return free
