"""Motifs in the minimal MEME format, version 4 and later: letter probabilities, one row per position."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gxtool.errors import InputError, plain
from gxtool.io.packed import read_lines

_EXPECTED = "motifs in the minimal MEME format"
_ALPHABET = "ACGT"
_LARGEST = 64 << 20  # bytes: ten times all motifs of JASPAR and CIS-BP
_WIDTH = re.compile(r"\bw\s*=\s*([0-9]{1,9})")
_LETTERS = re.compile(r"\balength\s*=\s*([0-9]{1,9})")
# Files print few decimals: MEME itself prints six, and people round.
_TOLERANCE = 0.02
UNIFORM = (0.25, 0.25, 0.25, 0.25)


class Motif(NamedTuple):
    """Probabilities (w, 4) of A, C, G and T at each position, and those of the background (4,)."""

    name: str
    probabilities: np.ndarray
    background: np.ndarray


class _Line(NamedTuple):
    number: int
    text: str


def read_meme(path: Path) -> list[Motif]:
    """Read every motif, plain or gzipped; rows are scaled to add up to 1.

    A motif is called by the second word behind MOTIF where those of all motifs differ, else by the first. Without
    background frequencies all letters are as likely.

    Raises:
        InputError: not MEME, another alphabet than DNA, no motif, a motif named twice or without its matrix, or
            probabilities that are none; the sentence says where.
    """
    path = Path(path)
    lines = [_Line(*pair) for pair in read_lines(path, str(path), _EXPECTED, largest=_LARGEST)]
    lines = [line._replace(text=line.text.strip()) for line in lines]
    lines = [line for line in lines if line.text]
    if not any(line.text.startswith("MEME version") for line in lines[:50]):
        raise InputError(f"{path}: has no line that begins with MEME version, expected {_EXPECTED}")
    first = [place for place, line in enumerate(lines) if re.match(r"MOTIF\b", line.text)]
    if not first:
        raise InputError(f"{path}: has no line that begins with MOTIF, expected {_EXPECTED}")
    background = _background(path, lines[: first[0]])
    blocks = [lines[start:end] for start, end in zip(first, [*first[1:], len(lines)], strict=True)]
    names = _names(path, [block[0] for block in blocks])
    return [Motif(name, _matrix(path, name, block), background) for name, block in zip(names, blocks, strict=True)]


def _names(path: Path, lines: Sequence[_Line]) -> list[str]:
    words = [line.text.split()[1:3] for line in lines]
    seen: dict[str, int] = {}
    for line, found in zip(lines, words, strict=True):
        if not found:
            raise InputError(f"{path}, line {line.number}: has no name, expected MOTIF and a name")
        if found[0] in seen:
            raise InputError(
                f"{path}, line {line.number}: motif {plain(found[0])} stands on line {seen[found[0]]} already"
            )
        seen[found[0]] = line.number
    second = [found[1] for found in words if len(found) > 1]
    return second if len(set(second)) == len(lines) else [found[0] for found in words]


def _background(path: Path, lines: Sequence[_Line]) -> np.ndarray:
    """Return the background frequencies of a header, checking its alphabet on the way."""
    for place, line in enumerate(lines):
        if line.text.startswith("ALPHABET") and "=" in line.text:
            found = line.text.partition("=")[2].strip()
            if found != _ALPHABET:
                raise InputError(f"{path}, line {line.number}: the alphabet is {plain(found)}, expected {_ALPHABET}")
        if line.text.startswith("Background letter frequencies"):
            words = [(below.number, word) for below in lines[place + 1 :] for word in below.text.split()][:8]
            letters, values = [word for _, word in words[::2]], [word for _, word in words[1::2]]
            if letters != list(_ALPHABET) or len(values) < len(_ALPHABET):
                below = " ".join(map(plain, letters)) or "nothing"
                raise InputError(
                    f"{path}, line {line.number}: the frequencies below are of {below}, "
                    "expected A, C, G and T, each with its own"
                )
            return _checked(f"{path}, line {words[0][0]}", values)
    return np.array(UNIFORM)


def _matrix(path: Path, name: str, block: Sequence[_Line]) -> np.ndarray:
    """Return the probabilities (w, 4) of a motif."""
    head = next((n for n, line in enumerate(block) if line.text.startswith("letter-probability matrix")), None)
    if head is None:
        raise InputError(
            f"{path}, line {block[0].number}: motif {plain(name)} has no letter-probability matrix, expected one"
        )
    where = f"{path}, line {block[head].number}"
    letters = _LETTERS.search(block[head].text)
    if letters and int(letters[1]) != len(_ALPHABET):
        raise InputError(f"{where}: motif {plain(name)} has {letters[1]} letters (alength), expected {len(_ALPHABET)}")
    rows = list(_rows(path, block[head + 1 :]))
    width = _WIDTH.search(block[head].text)
    if not rows or (width and len(rows) != int(width[1])):
        expected = f"w= {width[1]}" if width else "at least one"
        raise InputError(f"{where}: motif {plain(name)} has {len(rows)} rows of probabilities, expected {expected}")
    return np.stack(rows)


def _rows(path: Path, lines: Sequence[_Line]) -> Iterator[np.ndarray]:
    """Yield rows of probabilities up to the first line that is none, such as URL."""
    for line in lines:
        words = line.text.split()
        if not re.match(r"[-+.0-9]|nan|inf", words[0], re.IGNORECASE):
            return
        yield _checked(f"{path}, line {line.number}", words)


def _checked(where: str, words: Sequence[str]) -> np.ndarray:
    try:
        values = np.array([float(word) for word in words])
    except ValueError:
        values = np.full(1, np.nan)
    if len(values) != len(_ALPHABET) or not (values >= 0).all() or abs(values.sum() - 1) > _TOLERANCE:
        found = " ".join(words)
        raise InputError(
            f"{where}: found {plain(found[:60])}, expected 4 probabilities of A, C, G and T that add up to 1"
        )
    return values / values.sum()
