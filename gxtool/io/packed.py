"""Packed files: text that may be gzipped, read whole or piece by piece, and which names are those of archives."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from gxtool.errors import InputError

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
_GZIP = b"\x1f\x8b"


class Content(NamedTuple):
    """Text of a table, and the SHA-256 and size of the file as it lies on disk."""

    text: bytes
    sha256: str
    n_bytes: int


def read_content(path: Path, name: str, expected: str) -> Content:
    """Return the text of a file, unpacked, with its SHA-256 and size as it lies on disk.

    Raises:
        InputError: as for `open_text`.
    """
    with _file_faults(name, expected):
        raw = path.read_bytes()
        text = gzip.decompress(raw) if _is_gzip(path, raw) else raw
    return Content(text, hashlib.sha256(raw).hexdigest(), len(raw))


@contextmanager
def open_text(path: Path, name: str, expected: str) -> Iterator[IO[bytes]]:
    """Open a text file for bytes; a gzipped one (known by its name or its first bytes) is unpacked while it is read.

    Raises:
        InputError: also while it is read: the file cannot be read, or its gzip stream is damaged or cut short; `name`
            and `expected` are what the sentence calls the file and what should be there.
    """
    with _file_faults(name, expected), path.open("rb") as raw:
        yield gzip.GzipFile(fileobj=raw) if _is_gzip(path, raw.peek(len(_GZIP))) else raw


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
        raise InputError(f"{name}: is not a sound gzip file ({error}), expected a complete file") from None
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror}), expected {expected}") from None


def is_archive(path: Path) -> bool:
    """Say whether the name is that of an archive."""
    return Path(path).name.lower().endswith(ARCHIVES)
