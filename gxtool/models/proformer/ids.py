"""Short names of sequences, the same on every machine: who may not stand on both sides of a split. No torch."""

from __future__ import annotations

import numpy as np
import polars as pl

from gxtool.data.sequence import reverse_complement
from gxtool.io.nucleotides import N_TOKEN

DIGITS = 12
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
# Odd constants of SplitMix64 (Steele et al. 2014), and the golden ratio that starts it.
_GOLDEN, _FIRST, _SECOND = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_TOP_53 = 2.0**-53


def sequence_ids(tokens: np.ndarray, lengths: np.ndarray) -> pl.Series:
    """Return an id of 12 hex digits for each insert, the same for its reverse complement and however it is padded.

    tokens (n, L) are padded in the middle, lengths (n,) are those of the inserts. Of 7 million different inserts, less
    than one pair is expected to share an id.
    """
    keys = np.empty(len(tokens), np.uint64)
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        first = (tokens.shape[1] - length) // 2
        inserts = tokens[rows, first : first + length]
        keys[rows] = np.minimum(_keys(inserts), _keys(reverse_complement(inserts)))
    digits = keys.astype(">u8")[:, None].view(np.uint8)[:, : DIGITS // 2]  # (n, 6)
    text = np.full((len(keys), DIGITS + 1), ord("\n"), np.uint8)
    text[:, 0:DIGITS:2], text[:, 1:DIGITS:2] = _HEX[digits >> 4], _HEX[digits & 15]
    lines = pl.Series("group", [text.tobytes()[:-1].decode("ascii")] if len(keys) else [], pl.String)
    return lines.str.split("\n").explode()


def hash_units(ids: pl.Series, seed: int) -> np.ndarray:
    """Map ids (n,) and a seed to numbers in [0, 1) (n,)."""
    keys = ids.str.to_integer(base=16, dtype=pl.UInt64).to_numpy()
    mixed = _mix(_mix(keys + _GOLDEN) ^ _mix(np.full(1, seed, np.uint64) + _GOLDEN))
    return (mixed >> np.uint64(11)) * _TOP_53


def _keys(tokens: np.ndarray) -> np.ndarray:
    """Return 64 bits for each of some sequences of one length (n, L), mixed 8 bases at a time."""
    padded = np.full((len(tokens), -(-tokens.shape[1] // 8) * 8), N_TOKEN, np.uint8)
    padded[:, : tokens.shape[1]] = tokens
    keys = np.full(len(tokens), _GOLDEN)
    for word in padded.view("<u8").T:
        keys = _mix((keys ^ word) + _GOLDEN)
    return keys


def _mix(values: np.ndarray) -> np.ndarray:
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    return values ^ (values >> np.uint64(31))
