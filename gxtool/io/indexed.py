"""Files that come with an index: `FILE##idx##INDEX` names both, as htslib writes it; FILE alone has it beside it."""

from __future__ import annotations

import os

DELIMITER = "##idx##"


def split_index(text: str) -> tuple[str, str | None]:
    """Return the file and, where it is named, its index."""
    file, delimiter, index = text.partition(DELIMITER)
    return file, index if delimiter else None


def join_index(file: str, index: str | None) -> str:
    """Return the text that names a file and its index."""
    return f"{file}{DELIMITER}{index}" if index else file


def named_files(text: str) -> list[str]:
    """Return every file that a cell names: the file, and its index where there is one."""
    return [part for part in split_index(text) if part]


def exists(path: str) -> bool:
    """Say whether a local path is there; what lies elsewhere (`scheme://...`) is not looked for."""
    return "://" in path or os.path.exists(path)
