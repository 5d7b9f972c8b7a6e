"""What track files of every format share: their names, how they are told apart, and windows cut into bins."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gxtool.errors import InputError
from gxtool.files import check_openable
from gxtool.io.indexed import split_index

# First bytes of the formats; a BAM begins so behind its compression.
_BIGWIG = (b"\x26\xfc\x8f\x88", b"\x88\x8f\xfc\x26")
_BIGBED = (b"\xeb\xf2\x89\x87", b"\x87\x89\xf2\xeb")
_CRAM, _BAM, _GZIP = b"CRAM", b"BAM\1", b"\x1f\x8b"
_SAM, _ZIP = (b"@HD\t", b"@SQ\t"), b"PK\3\4"
_TEXT = bytes(range(32, 127)) + b"\t\r\n"
_LOOK_INSIDE = 256
_LOOK = 1 << 16  # a BGZF block is no longer


class TrackName(NamedTuple):
    """A local file and, where it was named, its index."""

    path: Path
    index: Path | None

    @classmethod
    def parse(cls, text: str | Path) -> TrackName:
        """Take `FILE` or `FILE##idx##INDEX` apart.

        Raises:
            InputError: one of them is no file that can be read, or the file is empty.
        """
        file, index = split_index(str(text))
        named = cls(Path(file), None if index is None else Path(index))
        for path in filter(None, named):
            _check_readable(path)
        if not named.path.stat().st_size:
            raise InputError(f"{file}: is empty, expected a BAM, CRAM or bigWig file")
        return named


def recognise(path: Path) -> str:
    """Return "bigwig", "bam" or "cram" by the first bytes of a file.

    Raises:
        InputError: it is none of them.
    """
    with path.open("rb") as file:
        begin = file.read(_LOOK)
    try:
        inside = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(begin, _LOOK_INSIDE) if begin[:2] == _GZIP else b""
    except zlib.error as error:
        raise InputError(
            f"{path}: is damaged (first block: {error}), expected a sound BAM, CRAM or bigWig file"
        ) from None
    if begin.startswith(_BIGWIG):
        return "bigwig"
    if begin.startswith(_CRAM):
        return "cram"
    if inside.startswith(_BAM):
        return "bam"
    raise InputError(f"{path}: is {_what_else(begin, inside)}")


def _what_else(begin: bytes, inside: bytes) -> str:
    """Say what a file is that is no track, and what makes it one; `inside`: its first bytes once unpacked."""
    expected = "expected a BAM, CRAM or bigWig file"
    if inside.startswith((*_BIGWIG, _CRAM)):
        kind = "CRAM" if inside.startswith(_CRAM) else "bigWig"
        return f"a gzipped {kind} file, expected it unpacked (`gunzip` does it: windows are read from within the file)"
    if inside.startswith(_GZIP):
        return f"gzipped twice, {expected} (`gunzip` unpacks it once)"
    for start, packed in ((begin, ""), (inside, "gzipped ")):
        if start.startswith(_BIGBED):
            return f"a {packed}bigBed file, which holds intervals without a signal, {expected}"
        if start.startswith(_SAM):
            return f"a {packed}SAM file, {expected} (`samtools sort` and `samtools index` make a BAM of it)"
        if start.lstrip()[:1] and not start.translate(None, _TEXT):
            return f"{packed}text (such as wiggle, bedGraph or BED), {expected} (`bedGraphToBigWig` makes a bigWig)"
    if begin.startswith(_ZIP):
        return f"a zip archive, {expected}"
    return f"of another format, {expected}"


def hash_source(path: Path) -> dict[str, Any]:
    """Return the file's name, SHA-256 and size (bytes) for a manifest; reads all of it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "sha256": digest, "bytes": path.stat().st_size}


def rows_by_chrom(chroms: Sequence[str]) -> dict[str, np.ndarray]:
    """Return chromosome -> rows of its windows, ascending."""
    names, which = np.unique(np.asarray(chroms, dtype=np.str_), return_inverse=True)
    return {str(name): np.flatnonzero(which == number) for number, name in enumerate(names)}


def cut_bins(starts: np.ndarray, ends: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the edges (G, n_bins + 1) of equal bins of windows [start, end).

    Raises:
        ValueError: a window is empty or `n_bins` does not divide it.
    """
    starts, ends = np.asarray(starts, np.int64), np.asarray(ends, np.int64)
    lengths = ends - starts
    wrong = (lengths <= 0) | (lengths % n_bins != 0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"window {starts[row]}-{ends[row]} cannot be cut into {n_bins} bins of equal size")
    return starts[:, None] + (lengths // n_bins)[:, None] * np.arange(n_bins + 1)


def _check_readable(path: Path) -> None:
    check_openable(path, "a file")
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}), expected a file") from None
