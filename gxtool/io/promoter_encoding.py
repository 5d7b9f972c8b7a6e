"""From the text of many sequences to padded tokens, without a Python step per sequence."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from gxtool.errors import ConfigError, quoted
from gxtool.io.nucleotides import (
    AMBIGUOUS,
    BASES,
    IS_AMBIGUOUS,
    IS_N,
    LOWER_CASE,
    N_TOKEN,
    NO_LETTER,
    TOKEN_BITS,
    letter_codes,
)

# Constant ends of every sequence of the DREAM 2022 challenge: vector DNA around 80 random bases.
DREAM_FIVE_PRIME, DREAM_THREE_PRIME = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"
EMPTY = "is empty, expected a sequence"
# Rows encoded at once: temporaries of 4,096 x 100 bytes stay in the cache of one core.
_ROWS = 4_096
_UPPER = np.uint8(0xDF)  # clears the bit that makes a letter of ASCII a small one
_CODES = letter_codes()


@dataclass(frozen=True)
class InsertRules:
    """How the part between two constant flanks becomes `length` tokens.

    five_prime, three_prime: flanks that a sequence must begin and end with; empty: none is looked for.
    length: L, bases that an insert may have.
    without_flanks: a sequence without both flanks is an error, or is kept whole as an insert.
    too_long: an insert longer than L is an error, loses as much on both sides, or is left out.

    Raises:
        ConfigError: a flank with other letters than A, C, G and T, or a length below 1 or above 65,535.
    """

    five_prime: str = DREAM_FIVE_PRIME
    three_prime: str = DREAM_THREE_PRIME
    length: int = 100
    without_flanks: Literal["refuse", "keep"] = "refuse"
    too_long: Literal["refuse", "trim", "drop"] = "refuse"

    def __post_init__(self) -> None:
        for name in ("five_prime", "three_prime"):
            if set(getattr(self, name)) - set("ACGT"):
                raise ConfigError(
                    f"{name} is {quoted(getattr(self, name))}, expected a flank of A, C, G and T, or nothing"
                )
        if not 1 <= self.length <= np.iinfo(np.uint16).max:
            raise ConfigError(f"length is {quoted(self.length)}, expected between 1 and 65535 bases")

    @property
    def margin(self) -> int:
        """Return the bytes that must stand before and after the text of the sequences."""
        return self.length + len(self.five_prime) + len(self.three_prime)


@dataclass(frozen=True)
class Tally:
    """Numbers of sequences: read, and of these dropped, trimmed, kept whole for want of flanks, and holding in their
    insert lower-case letters, IUPAC codes for several bases (now N), or N."""

    read: int = 0
    dropped: int = 0
    trimmed: int = 0
    without_flanks: int = 0
    lower_case: int = 0
    ambiguous: int = 0
    with_n: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


class Encoded(NamedTuple):
    """n of the sequences: tokens (n, L) uint8, lengths of the inserts (n,) uint16, and which ones they are (n,)."""

    tokens: np.ndarray
    lengths: np.ndarray
    rows: np.ndarray
    tally: Tally


class RowError(Exception):
    """What is wrong with one row, counted from 0 among those given; whoever knows the file adds where."""

    def __init__(self, row: int, fault: str) -> None:
        super().__init__(fault)
        self.row, self.fault = row, fault


class _Inserts(NamedTuple):
    """Where inserts stand (first byte and length), and which rows they are of."""

    starts: np.ndarray
    lengths: np.ndarray
    rows: np.ndarray


def encode_rows(buffer: np.ndarray, starts: np.ndarray, ends: np.ndarray, rules: InsertRules) -> Encoded:
    """Return padded tokens of the sequences buffer[start:end] (n,): padding is N, floor(gap / 2) of it on the left.

    `buffer` has at least `rules.margin` bytes before the first sequence and after the last.

    Raises:
        RowError: no base at all, another letter than of the DNA alphabet, missing flanks, or an insert that is too
            long.
    """
    inserts, without = _strip(buffer, starts, ends, rules)
    inserts, trimmed = _fit(inserts, rules)
    tokens = np.empty((len(inserts.rows), rules.length), np.uint8)
    tally = Tally(len(starts), len(starts) - len(inserts.rows), trimmed, without)
    for first in range(0, len(tokens), _ROWS):
        part = slice(first, first + _ROWS)
        tally += _fill(tokens[part], buffer, _Inserts(*(array[part] for array in inserts)))
    return Encoded(tokens, inserts.lengths.astype(np.uint16), inserts.rows, tally)


def _strip(buffer: np.ndarray, starts: np.ndarray, ends: np.ndarray, rules: InsertRules) -> tuple[_Inserts, int]:
    """Return inserts without flanks, and how many sequences were kept whole."""
    before, after = len(rules.five_prime), len(rules.three_prime)
    lengths = ends - starts
    flanked = _stands_at(buffer, starts, rules.five_prime) & _stands_at(buffer, ends - after, rules.three_prime)
    flanked &= lengths >= before + after
    if rules.without_flanks == "refuse" and not flanked.all():
        row = int(np.argmin(flanked))
        raise RowError(row, _flank_fault(_text(buffer, starts[row], ends[row]), rules))
    inserts = _Inserts(starts + before * flanked, lengths - (before + after) * flanked, np.arange(len(starts)))
    if len(starts) and not inserts.lengths.all():
        row = int(np.argmin(inserts.lengths))
        raise RowError(row, "found no base between the flanks, expected a sequence" if lengths[row] else EMPTY)
    return inserts, int(len(flanked) - flanked.sum())


def _stands_at(buffer: np.ndarray, starts: np.ndarray, flank: str) -> np.ndarray:
    """Say for each start whether the flank stands there, in capital or small letters."""
    if not flank or not len(starts):
        return np.ones(len(starts), bool)
    letters = sliding_window_view(buffer, len(flank))[starts]  # (n, len(flank))
    wanted = np.frombuffer(flank.encode(), np.uint8)
    same = letters == wanted
    return np.ones(len(starts), bool) if same.all() else ((letters & _UPPER) == wanted).all(axis=1)


def _fit(inserts: _Inserts, rules: InsertRules) -> tuple[_Inserts, int]:
    """Return inserts of at most `length` bases, and how many were trimmed for it."""
    excess = inserts.lengths - rules.length
    too_long = excess > 0
    if not too_long.any():
        return inserts, 0
    if rules.too_long == "refuse":
        row = int(np.argmax(too_long))
        found = int(inserts.lengths[row])
        raise RowError(
            int(inserts.rows[row]),
            f"the insert has {found} bases, expected at most {rules.length} (data.too_long=trim cuts both "
            "ends, data.too_long=drop leaves it out)",
        )
    if rules.too_long == "drop":
        return _Inserts(*(array[~too_long] for array in inserts)), 0
    excess[~too_long] = 0
    return inserts._replace(starts=inserts.starts + excess // 2, lengths=inserts.lengths - excess), int(too_long.sum())


@lru_cache(maxsize=8)
def _masks(length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return for an insert of each length (length + 1, L): 3 where its bases go and 0 elsewhere; 0 there and N else."""
    sizes = np.arange(length + 1)[:, None]
    left = (length - sizes) // 2
    column = np.arange(length)
    inside = (column >= left) & (column < left + sizes)
    return np.where(inside, 3, 0).astype(np.uint8), np.where(inside, 0, N_TOKEN).astype(np.uint8)


def _fill(tokens: np.ndarray, buffer: np.ndarray, inserts: _Inserts) -> Tally:
    """Write the tokens of some inserts (m, L)."""
    length = tokens.shape[1]
    inside, padding = (mask.take(inserts.lengths, axis=0) for mask in _masks(length))  # (m, L)
    # Windows that begin so much before the insert that it stands where it belongs; what is around it is masked.
    letters = sliding_window_view(buffer, length)[inserts.starts - (length - inserts.lengths) // 2]
    # The second and third lowest bits of A, C, G and T are 00, 01, 11 and 10.
    np.right_shift(letters, 1, out=tokens)
    third = letters >> 2
    third &= 1
    tokens ^= third
    tokens &= inside
    tokens |= padding
    plain = padding.astype(bool)
    for base in b"ACGT":
        plain |= letters == base
    others = np.flatnonzero(~plain.all(axis=1))
    return _fill_others(tokens, letters, inside, others, inserts.rows) if others.size else Tally()


def _fill_others(
    tokens: np.ndarray, letters: np.ndarray, inside: np.ndarray, others: np.ndarray, rows: np.ndarray
) -> Tally:
    """Write the tokens of inserts that hold something else than A, C, G and T."""
    bases = inside[others] > 0
    codes = np.where(bases, _CODES[letters[others]], N_TOKEN)
    wrong = (codes == NO_LETTER).any(axis=1)
    if wrong.any():
        row = int(np.argmax(wrong))
        insert = letters[others[row]][bases[row]].tobytes()
        raise RowError(int(rows[others[row]]), letter_fault(insert) or "holds no DNA")
    tokens[others] = codes & TOKEN_BITS
    having = {name: int((codes & bit).any(axis=1).sum()) for name, bit in _BITS.items()}
    return Tally(**having)


_BITS = {"lower_case": LOWER_CASE, "ambiguous": IS_AMBIGUOUS, "with_n": IS_N}


def letter_fault(sequence: bytes) -> str | None:
    """Return what is wrong with the first letter that is none of DNA, None when all are."""
    codes = _CODES[np.frombuffer(sequence, np.uint8)]
    if not (codes == NO_LETTER).any():
        return None
    place = int(np.argmax(codes == NO_LETTER))
    letter = sequence[place : place + 1].decode("latin-1")
    shown = letter if letter.isprintable() else f"byte {sequence[place]}"
    return f"found {shown!r} in the sequence, expected letters of DNA ({', '.join(BASES)} or {AMBIGUOUS})"


def _flank_fault(sequence: bytes, rules: InsertRules) -> str:
    """Return which flank a sequence lacks; or which letter is none of DNA, since such a sequence lacks more."""
    if not sequence:
        return EMPTY
    if fault := letter_fault(sequence):
        return fault
    text = sequence.decode("ascii")
    shown = text if len(text) <= 40 else f"{text[:20]}...{text[-17:]}"
    missing = [
        f"{verb} with {flank}"
        for verb, flank, there in (
            ("begin", rules.five_prime, text.upper().startswith(rules.five_prime)),
            ("end", rules.three_prime, text.upper().endswith(rules.three_prime)),
        )
        if not there
    ] or [f"hold both flanks beside each other ({rules.five_prime} and {rules.three_prime})"]
    return (
        f"the sequence {shown} does not {' nor '.join(missing)}, expected both flanks "
        "(data.five_prime and data.three_prime; data.without_flanks=keep takes it whole)"
    )


def _text(buffer: np.ndarray, start: int, end: int) -> bytes:
    return buffer[start:end].tobytes()
