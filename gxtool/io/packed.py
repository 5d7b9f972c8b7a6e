"""Packed files: text that may be gzipped, read whole or piece by piece, and which names are those of archives.

A few bytes can unpack to anything, so every reader has bounds: what is there is counted while it is read, and memory
never grows beyond them.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from gxtool.errors import InputError, plain, quoted
from gxtool.files import LONGEST_PATH, check_openable

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
LONGEST_LINE = 1 << 20
"""Bytes of a line, unless a reader says otherwise."""
LARGEST_TEXT = 1 << 30
"""Bytes of text, once unpacked, of a file that is read whole, unless a reader says otherwise."""
# Real tables and genomes pack 3- to 40-fold, zeros about 1,000-fold; small files may be anything.
_MOST_PACKED, _SMALL = 250, 8 << 20
_GZIP = b"\x1f\x8b"
_PIECE = 1 << 20
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Content(NamedTuple):
    """Text of a table, and the SHA-256 and size of the file as it lies on disk."""

    text: bytes
    sha256: str
    n_bytes: int


def read_content(path: Path, name: str, expected: str, largest: int = LARGEST_TEXT) -> Content:
    """Return the text of a file, unpacked, with its SHA-256 and size as it lies on disk.

    Raises:
        InputError: as for `open_text`; more text than `largest` bytes, a line of more than `LONGEST_LINE`, or text
            that is no UTF-8 with LF or CRLF at its line ends.
    """
    digest, size, parts, total, line = hashlib.sha256(), 0, [], 0, 0
    with open_text(path, name, expected) as file:
        while piece := file.read(_PIECE):
            parts.append(piece)
            total += len(piece)
            line += piece.find(b"\n") if b"\n" in piece else len(piece)
            if total > largest:
                raise too_large(name, largest, expected)
            check_text(name, parts[0] if total == len(piece) else b"", expected)
            if line > LONGEST_LINE:
                raise too_long(name, LONGEST_LINE, expected)
            line = len(piece) - piece.rfind(b"\n") - 1 if b"\n" in piece else line
    with _file_faults(name, expected), path.open("rb") as raw:
        while piece := raw.read(_PIECE):
            digest.update(piece)
            size += len(piece)
    text = b"".join(parts)
    check_text(name, text, expected)
    return Content(text, digest.hexdigest(), size)


def read_lines(
    path: Path, name: str, expected: str, longest: int = LONGEST_LINE, largest: int = LARGEST_TEXT
) -> Iterator[tuple[int, str]]:
    """Yield number (from 1) and text of every line, without its end; a byte-order mark is dropped.

    Raises:
        InputError: as for `read_content`; the sentence names the line.
    """
    number, total = 0, 0
    with open_text(path, name, expected) as file:
        while raw := file.readline(longest + 1):
            number += 1
            total += len(raw)
            where = f"{name}, line {number}"
            if number == 1:
                check_text(name, raw[:2], expected)
            if len(raw) > longest:
                raise too_long(name, longest, expected, number)
            if total > largest:
                raise too_large(name, largest, expected)
            yield number, _decoded(where, raw, "utf-8-sig" if number == 1 else "utf-8", expected)


def _decoded(where: str, raw: bytes, encoding: str, expected: str) -> str:
    try:
        text = raw.decode(encoding).rstrip("\r\n")
    except UnicodeDecodeError:
        raise InputError(f"{where}: holds bytes that are not UTF-8 text, expected {expected}") from None
    if "\0" in text:
        raise InputError(f"{where}: holds a null byte, expected {expected}")
    if "\r" in text:
        raise _without_line_feeds(where, expected)
    return text


def check_text(name: str, text: bytes, expected: str) -> None:
    """Check that text is neither UTF-16 nor without line feeds, and holds no null byte.

    Raises:
        InputError: it is.
    """
    if text.startswith(_UTF16):
        raise InputError(f"{name}: is UTF-16 text, expected {expected} as UTF-8 (an editor can save it so)")
    if b"\0" in text:
        line = text[: text.index(b"\0")].count(b"\n") + 1
        raise InputError(f"{name}, line {line}: holds a null byte, expected {expected}")
    if b"\r" in text and b"\n" not in text:
        raise _without_line_feeds(name, expected)


def _without_line_feeds(where: str, expected: str) -> InputError:
    return InputError(
        f"{where}: has lines that end with CR alone (as on old Macs), expected {expected} with LF or CRLF at line ends"
    )


def too_long(name: str, longest: int, expected: str, line: int = 0) -> InputError:
    """Return the error about a line that is longer than a reader takes."""
    where = f"{name}, line {line}" if line else name
    return InputError(f"{where}: holds a line of more than {longest:,} bytes, expected {expected}")


def too_large(name: str, largest: int, expected: str) -> InputError:
    """Return the error about more text than a reader takes."""
    return InputError(f"{name}: holds more than {largest / (1 << 20):,.0f} MiB of text, expected {expected}")


@contextmanager
def open_text(path: Path, name: str, expected: str) -> Iterator[IO[bytes]]:
    """Open a text file for bytes; a gzipped one (known by its name or its first bytes) is unpacked while it is read.

    Raises:
        InputError: also while it is read: a pipe or a device, a file that cannot be read, a gzip stream that is damaged
            or cut short, or one that unpacks to more than 250 times its size; `name` and `expected` are what the
            sentence calls the file and what should be there.
    """
    path = Path(path)
    check_openable(path, expected, name if name != str(path) else plain(path, LONGEST_PATH))
    with _file_faults(name, expected), path.open("rb") as raw:
        if _is_gzip(path, raw.peek(len(_GZIP))):
            yield io.BufferedReader(_Unpacked(raw, name, path.stat().st_size), _PIECE)
        else:
            yield raw


class _Unpacked(io.RawIOBase):
    """Bytes of a gzip stream, counted while they are read."""

    def __init__(self, raw: IO[bytes], name: str, size: int) -> None:
        super().__init__()
        self._stream = gzip.GzipFile(fileobj=raw)
        self._name, self._size, self._given = name, size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._stream.readinto(buffer)
        self._given += count
        check_packing(self._name, self._given, self._size)
        return count


def check_packing(name: str, unpacked: int, packed: int) -> None:
    """Check that what a file unpacks to (bytes) bears a proportion to its size, as real data do.

    Raises:
        InputError: more than 250 times as much, and more than 8 MiB.
    """
    if unpacked > _SMALL and unpacked > _MOST_PACKED * packed:
        raise InputError(
            f"{name}: unpacks to more than {_MOST_PACKED} times its {packed:,} bytes, expected a file of real data"
        )


def _is_gzip(path: Path, start: bytes) -> bool:
    return path.name.endswith(".gz") or start.startswith(_GZIP)


@contextmanager
def _file_faults(name: str, expected: str) -> Iterator[None]:
    try:
        yield
    except EOFError:
        raise InputError(
            f"{name}: the gzip stream ends too early (a cut-off download?), expected a complete file"
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{name}: is not a sound gzip file ({quoted(str(error))}), expected a complete file") from None
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror}), expected {expected}") from None


def is_archive(path: Path) -> bool:
    """Say whether the name is that of an archive."""
    return Path(path).name.lower().endswith(ARCHIVES)
