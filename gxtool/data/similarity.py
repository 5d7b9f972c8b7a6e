"""Groups of near-duplicate sequences, in time that grows with their number: what a split should keep on one side.

Two sequences are near-duplicates when they share at least half of the 16-mers of the one that has fewer, either strand
counting as the other. A group is all that such pairs connect. Candidates are sequences that share a minimiser (Roberts
et al. 2004: the 16-mer with the smallest hash of 16 in a row), so that any two with 31 bases in common meet; each pair
is then compared base by base, so that chance joins nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gxtool.errors import InputError
from gxtool.io.nucleotides import N_TOKEN

K = 16
# 16-mers in a row of which the smallest is a minimiser.
WINDOW = 16
SHARED = 0.5
# Sequences of a bucket are compared with so many before them: one of thousands then costs thousands of comparisons.
NEIGHBOURS = 3
BLOCK = 65_536
PAIRS = 32_768
# Sorted minimisers that are paired at a time; groups grow from one such part to the next.
PART = 8_000_000
# No 16-mer: 16 T, whose other strand, 16 A, is the smaller number.
_NONE = np.uint32(2**32 - 1)
_LOW, _HALF = np.uint64(2**32 - 1), np.uint64(32)
# Odd constants of MurmurHash3's last step (Appleby 2011).
_FIRST, _SECOND = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)

Indices = NDArray[np.int64]
Codes = NDArray[np.uint32]


class Tokens(Protocol):
    """Tokens (n, L) uint8 (A0 C1 G2 T3 N4, padded with N), in memory or mapped from a file."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Indices) -> NDArray[np.uint8]: ...


def near_duplicates(tokens: Tokens, chosen: ArrayLike | None = None) -> Indices:
    """Return the group of each sequence (m,): the place of its first member.

    `chosen` (m,) are rows of `tokens`, all of them where it is None. Sequences with less than 16 bases in a row are
    near-duplicates of none.

    Raises:
        InputError: more sequences than 32 bits count.
    """
    rows = np.arange(len(tokens)) if chosen is None else np.asarray(chosen, np.int64)
    if len(rows) >= 2**32:
        raise InputError(f"{len(rows):,} sequences, expected less than 2**32 to look for near-duplicates among")
    groups = np.arange(len(rows))
    buckets = _buckets(tokens, rows)
    for start in range(0, len(buckets), PART):
        part = buckets[start : start + PART + NEIGHBOURS]
        edges = [_compared(tokens, rows, _unlike(groups, pairs)) for pairs in _candidates(part)]
        groups = joined(groups, np.concatenate(edges))
    return groups


def overlapping_windows(chrom: ArrayLike, start: ArrayLike, end: ArrayLike) -> Indices:
    """Return the group of each window (n,) of a genome, the place of its first member: windows that overlap are one.

    Windows are half-open; those that only touch do not overlap.
    """
    chroms, starts, ends = np.unique(np.asarray(chrom), return_inverse=True)[1], np.asarray(start), np.asarray(end)
    order = np.lexsort((starts, chroms))
    furthest = np.zeros(len(order), np.int64)
    for number in np.unique(chroms):
        own = chroms[order] == number
        furthest[own] = np.maximum.accumulate(ends[order][own])
    apart = np.ones(len(order), bool)
    apart[1:] = (np.diff(chroms[order]) != 0) | (starts[order][1:] >= furthest[:-1])
    run = np.cumsum(apart) - 1
    first = np.minimum.reduceat(order, np.flatnonzero(apart)) if len(order) else order
    groups = np.empty(len(order), np.int64)
    groups[order] = first[run]
    return groups


def joined(groups: Indices, pairs: Indices) -> Indices:
    """Return groups (n,) after the groups of some pairs (m, 2) of members have become one; first members name them."""
    if not len(pairs):
        return groups
    ends = groups[pairs]
    graph = coo_array((np.ones(len(ends), bool), (ends[:, 0], ends[:, 1])), (len(groups), len(groups)))
    _, component = connected_components(graph, directed=False)
    first = np.full(component.max() + 1, len(groups))
    np.minimum.at(first, component, np.arange(len(groups)))
    return first[component][groups]


def _buckets(tokens: Tokens, rows: Indices) -> NDArray[np.uint64]:
    """Return the minimisers of all sequences, sorted: the hash of each, and the place of its sequence in the low 32."""
    parts = [np.empty(0, np.uint64)]
    for start in range(0, len(rows), BLOCK):
        hashes, places = _minimisers(tokens[rows[start : start + BLOCK]])
        parts.append((hashes.astype(np.uint64) << _HALF) | (places + start).astype(np.uint64))
    buckets = np.concatenate(parts)
    buckets.sort()
    return buckets


def _minimisers(tokens: NDArray[np.uint8]) -> tuple[Codes, Indices]:
    """Return the hashes of the minimisers (m,) of sequences (n, L), and which sequences (m,) they are of."""
    codes = kmer_codes(tokens)
    if not codes.shape[1]:
        return np.empty(0, np.uint32), np.empty(0, np.int64)
    hashes = np.where(codes == _NONE, _NONE, _hashed(codes))
    most, smallest, width = min(WINDOW, hashes.shape[1]), hashes, 1
    while width < most:
        step = min(width, most - width)
        smallest, width = np.minimum(smallest[:, :-step], smallest[:, step:]), width + step
    new = smallest != _NONE
    new[:, 1:] &= smallest[:, 1:] != smallest[:, :-1]
    return smallest[new], np.nonzero(new)[0]


def kmer_codes(tokens: NDArray[np.uint8]) -> Codes:
    """Return a number for each 16-mer of sequences (n, L), (n, L - 15): the same for both strands; 2**32 - 1 for N."""
    n, length = tokens.shape
    if length < K:
        return np.empty((n, 0), np.uint32)
    base = tokens.astype(np.uint32)
    forward, backward, width = base, np.uint32(3) - base, 1
    known = tokens < N_TOKEN
    while width < K:
        bits = np.uint32(2 * width)
        forward = (forward[:, :-width] << bits) | forward[:, width:]
        backward = (backward[:, width:] << bits) | backward[:, :-width]
        known = known[:, :-width] & known[:, width:]
        width *= 2
    return np.where(known, np.minimum(forward, backward), _NONE)


def _hashed(codes: Codes) -> Codes:
    """Return 32 bits for each number, another for another, in an order that has nothing to do with theirs."""
    codes = (codes ^ (codes >> np.uint32(16))) * _FIRST
    codes = (codes ^ (codes >> np.uint32(13))) * _SECOND
    return codes ^ (codes >> np.uint32(16))


def _candidates(buckets: NDArray[np.uint64]) -> Iterator[Indices]:
    """Yield pairs (m, 2) of places that stand near each other in a bucket."""
    for lag in range(1, NEIGHBOURS + 1):
        same = (buckets[lag:] ^ buckets[:-lag]) <= _LOW
        pairs = np.stack([buckets[:-lag][same] & _LOW, buckets[lag:][same] & _LOW], 1).astype(np.int64)
        yield pairs[pairs[:, 0] != pairs[:, 1]]


def _unlike(groups: Indices, pairs: Indices) -> Indices:
    """Return each pair once, without those that are of one group already."""
    apart = pairs[groups[pairs[:, 0]] != groups[pairs[:, 1]]]
    return np.unique(np.sort(apart, 1), axis=0)


def _compared(tokens: Tokens, rows: Indices, pairs: Indices) -> Indices:
    """Return the pairs (m, 2) that share enough 16-mers."""
    kept = [np.empty((0, 2), np.int64)]
    for start in range(0, len(pairs), PAIRS):
        some = pairs[start : start + PAIRS]
        first, second = (kmer_codes(tokens[rows[places]]) for places in some.T)
        shared, fewest = _shared(first, second)
        kept.append(some[(shared >= SHARED * fewest) & (fewest > 0)])
    return np.concatenate(kept)


def _shared(first: Codes, second: Codes) -> tuple[Indices, Indices]:
    """Count the distinct 16-mers (n,) that two sequences share, and those of the one with fewer."""
    sizes = []
    for codes in (first, second):
        own = np.sort(codes, 1)
        new = np.ones(own.shape, bool)
        new[:, 1:] = own[:, 1:] != own[:, :-1]
        sizes.append((new & (own != _NONE)).sum(1))
    # Which of the two a 16-mer is of stands in one more bit.
    both = np.concatenate([first.astype(np.uint64) << 1, (second.astype(np.uint64) << 1) | 1], 1)
    both.sort(1)
    pair = ((both[:, 1:] ^ both[:, :-1]) == 1) & (both[:, 1:] >> 1 != _NONE)
    return pair.sum(1), np.minimum(*sizes)
