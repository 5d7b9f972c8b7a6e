"""SHA-256 of files: computed while they are written, and checked once in a process when they are read."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

SAMPLED_ABOVE = 20_000_000_000
"""Bytes above which a reader checks blocks of a file and not all of it: 20 GB take 10 to 20 s."""
SAMPLED_BLOCKS = 64
BLOCK_BYTES = 1 << 20

_checked: dict[tuple[int, ...], str] = {}
"""What was hashed in this process already: device, inode, size and times -> SHA-256."""


def hash_file(path: Path) -> tuple[str, int]:
    """Return SHA-256 (hex) and size (bytes) of a file."""
    with Path(path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return digest.hexdigest(), file.tell()


def hash_blocks(path: Path, size: int) -> str:
    """Return the SHA-256 (hex) of blocks at equal distances, the first and the last one of the file among them."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        for block in range(SAMPLED_BLOCKS):
            file.seek(max(0, size - BLOCK_BYTES) * block // (SAMPLED_BLOCKS - 1))
            digest.update(file.read(BLOCK_BYTES))
    return digest.hexdigest()


def entry_of(path: Path, sha256: str, size: int) -> dict[str, Any]:
    """Return what a list of files says of one: SHA-256, size, and the hash of its blocks where it is very large."""
    blocks = {"blocks_sha256": hash_blocks(path, size)} if size > SAMPLED_ABOVE else {}
    return {"sha256": sha256, "bytes": size, **blocks}


def hashed_entry(path: Path) -> dict[str, Any]:
    """Return the entry of a file that is complete."""
    return entry_of(path, *hash_file(path))


def size_problem(path: Path, entry: Mapping[str, Any]) -> str:
    """Say what is wrong with a file's presence or size, `` where nothing is."""
    try:
        found = path.stat()
    except OSError:
        return "is missing"
    if not stat.S_ISREG(found.st_mode):
        return "is no regular file"
    if found.st_size != entry["bytes"]:
        return f"has {found.st_size} bytes, expected {entry['bytes']}"
    return ""


def content_problem(path: Path, entry: Mapping[str, Any], every_byte: bool = False) -> str:
    """Say in what a file differs from its entry, `` where in nothing.

    A file is hashed once in a process, as long as its size and times stay as they are, and in blocks where it is very
    large; `every_byte` hashes all of it, again.
    """
    problem = size_problem(path, entry)
    if problem:
        return problem
    try:
        sampled = _is_sampled(entry) and not every_byte
        differs = _blocks_differ(path, entry) if sampled else _differs(path, entry, every_byte)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return "is damaged: its content is not what was written" if differs else ""


def _is_sampled(entry: Mapping[str, Any]) -> bool:
    return entry["bytes"] > SAMPLED_ABOVE and "blocks_sha256" in entry


def _blocks_differ(path: Path, entry: Mapping[str, Any]) -> bool:
    return hash_blocks(path, entry["bytes"]) != entry["blocks_sha256"]


def _differs(path: Path, entry: Mapping[str, Any], again: bool) -> bool:
    found = path.stat()
    key = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    if again or key not in _checked:
        _checked[key] = hash_file(path)[0]
    return _checked[key] != entry["sha256"]


class HashingFile:
    """A write-only binary file that hashes what passes through it.

    `problem` is the system's error that ended a write: libraries that write into this file may raise one of their own.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.problem: OSError | None = None
        self._file: BinaryIO = path.open("wb")
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: Any) -> int:
        """Write bytes (or anything with a buffer) and return their number."""
        view = memoryview(data).cast("B")
        try:
            self._file.write(view)
        except OSError as problem:
            self.problem = problem
            raise
        self._digest.update(view)
        self.size += view.nbytes
        return view.nbytes

    def flush(self) -> None:
        """Hand buffered bytes to the operating system."""
        self._file.flush()

    def close(self) -> dict[str, Any]:
        """Close the file and return its entry for the manifest."""
        self._file.close()
        return entry_of(self._path, self._digest.hexdigest(), self.size)
