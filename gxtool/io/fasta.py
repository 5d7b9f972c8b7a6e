"""Contigs of a FASTA file, one at a time: plain, gzipped or bgzipped, without an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from gxtool.errors import InputError, plain, quoted
from gxtool.io.packed import open_text

_BLOCK = 1 << 24
_LONGEST_HEADER = 1 << 20
_EXPECTED = "sequences in FASTA"
_NO_LETTERS = b"\r\n\t "


def read_contigs(path: Path, wanted: Callable[[str], bool] = lambda name: True) -> Iterator[tuple[str, bytes | None]]:
    """Yield the name (first word of its header) and the letters of every contig, as they stand in the file.

    Letters of a contig that is not wanted are None and never in memory; of the others one contig is at a time.

    Raises:
        InputError: not FASTA, a contig without a name or named twice, or a file that cannot be read.
    """
    name, parts, seen = "", None, set()
    for is_header, text in _pieces(Path(path)):
        if not is_header:
            if parts is not None:
                parts.append(text.translate(None, _NO_LETTERS))
            continue
        if name:
            yield name, None if parts is None else b"".join(parts)
        name = text.decode("utf-8", "replace").split(None, 1)[0] if text.strip() else ""
        if not name:
            raise InputError(f"{path}: sequence {len(seen) + 1} has no name, expected one behind its >")
        if name in seen:
            raise InputError(f"{path}: sequence {plain(name)} stands there twice, expected every name once")
        seen.add(name)
        parts = [] if wanted(name) else None
    if name:
        yield name, None if parts is None else b"".join(parts)


def _pieces(path: Path) -> Iterator[tuple[bool, bytes]]:
    """Yield headers, without their >, and stretches of letters between them."""
    rest, first = b"", True
    with open_text(path, str(path), _EXPECTED) as file:
        while block := file.read(_BLOCK):
            text = rest + block
            if first and not text.startswith(b">"):
                raise InputError(
                    f"{path}: begins with {quoted(text[:1])}, expected {_EXPECTED}, whose headers begin with >"
                )
            first = False
            last = text.rfind(b"\n") + 1
            # A header waits for its end; letters need not.
            end = last if text[last : last + 1] == b">" else len(text)
            rest = text[end:]
            if len(rest) > _LONGEST_HEADER:
                raise InputError(f"{path}: has a header of more than {_LONGEST_HEADER:,} bytes, expected {_EXPECTED}")
            yield from _split(text[:end])
    if first:
        raise InputError(f"{path}: is empty, expected {_EXPECTED}")
    if rest:
        yield from _split(rest)


def _split(text: bytes) -> Iterator[tuple[bool, bytes]]:
    place = 0
    while place < len(text):
        if text[place : place + 1] == b">":
            end = text.find(b"\n", place)
            end = len(text) if end < 0 else end
            yield True, text[place + 1 : end]
            place = end + 1
        else:
            end = text.find(b"\n>", place)
            end = len(text) if end < 0 else end + 1
            yield False, text[place:end]
            place = end
