"""A look at raw inputs before anything is spent: what it may read, what it met, and what it found. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gxtool.errors import GxtoolError
from gxtool.io.indexed import named_files

QUICK_BYTES = 64 << 20
"""Bytes of tables that a quick look reads of all inputs together; of what goes beyond, names and headers alone."""
# Text of annotations and tables takes about this much of its size when gzipped.
_UNPACKED = 10


class Look:
    """How far a family's `check` may look, and what it met on the way: failures of a run, and files not looked at.

    whole: read what it takes (`gxtool check`); otherwise headers, and small tables until `budget` bytes are read
    (`gxtool config`, which also runs where inputs are not there yet).
    """

    def __init__(self, whole: bool = True, budget: int = QUICK_BYTES) -> None:
        self.whole = whole
        self.problems: list[GxtoolError] = []
        self.unchecked: dict[str, str] = {}
        self._said: set[str] = set()
        self._left = budget

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Keep a failure of the body as a problem, each sentence once, and go on behind it."""
        try:
            yield
        except GxtoolError as error:
            if str(error) not in self._said:
                self._said.add(str(error))
                self.problems.append(error)

    def sees(self, *paths: str) -> bool:
        """Say whether files (`FILE` or `FILE##idx##INDEX`) can be opened here; those that cannot be are noted."""
        hidden = False
        for path in (part for text in paths for part in named_files(text)):
            if "://" in path:
                self.unchecked[path] = "is not local"
            elif not Path(path).exists():
                self.unchecked[path] = "cannot be seen from here"
            else:
                continue
            hidden = True
        return not hidden

    def reads(self, *paths: str | Path) -> bool:
        """Say whether whole tables may be read here, and count them; those that may not be are noted."""
        if not self.sees(*map(str, paths)):
            return False
        size = sum(_size(Path(path)) for path in paths)
        if self.whole or size <= self._left:
            self._left -= size
            return True
        for path in paths:
            self.unchecked[str(path)] = "is too large to be read here; `gxtool check` reads it"
        return False


@dataclass(frozen=True)
class InputFacts:
    """What a family recognises in its inputs, and what their dataset will hold as far as it is known.

    facts: label and text in reading order; warnings: sentences; memory_gb, disk_gb and minutes: estimates for one seed
    on this machine. rows (row, sample, group and what splits need), splits as of a dataset and labels (n,) or of
    several targets (n, T): None where the files were not read; labels also where there are none. labelled: whether the
    rows say what is to be predicted; None: not known. columns: names of the features that baselines get; None: not
    known. info: what the dataset's manifest will say of a row, such as its marks. no_effects: kind of effect -> what it
    needs and the inputs do not have.
    """

    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...] = ()
    memory_gb: float = 0.0
    disk_gb: float = 0.0
    minutes: float = 0.0
    rows: pl.DataFrame | None = None
    splits: pl.DataFrame | None = None
    labels: np.ndarray | None = None
    labelled: bool | None = None
    columns: tuple[str, ...] | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    no_effects: Mapping[str, str] = field(default_factory=dict)


def _size(path: Path) -> int:
    """Return the bytes of text that a file, or all files of a folder, hold, about."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return sum(file.stat().st_size * (_UNPACKED if file.suffix in (".gz", ".zip", ".tgz") else 1) for file in files)
