"""Where the tables of a cell type are: a folder, an archive of one or many cell types, or a single table.

The published layout is `{cell type}/classification/{train,valid,test}.csv`; the inner folder may be missing, each file
may be gzipped, and all of it may stand in a .zip or .tar(.gz). Only members named so are taken out of an archive, into
a folder of the caller's, never by a path that leads out of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from gxtool.errors import InputError, listed
from gxtool.io.archives import archive_members, unpack
from gxtool.io.packed import ARCHIVES, Content, is_archive, open_text, read_content
from gxtool.names import inside

# Published file -> what its genes are for.
SPLITS = {"train": "train", "valid": "val", "test": "test"}
TABLES = tuple(f"{stem}.csv{end}" for stem in SPLITS for end in ("", ".gz"))
INNER = "classification"
_PIECE = 1 << 20
_LARGEST_TABLE = 2 << 30  # bytes: 60,000 genes of 500 bins


@dataclass(frozen=True)
class BinsFile:
    """One table of a cell type: `role` is train, val or test, `name` what messages and manifests call it."""

    role: str
    path: Path
    name: str

    def read(self) -> Content:
        """Return the text, decompressed.

        Raises:
            InputError: the file cannot be read, is empty, or its gzip stream is damaged or cut short.
        """
        content = read_content(self.path, self.name, "a table of bins", _LARGEST_TABLE)
        if not content.text:
            raise InputError(f"{self.name}: is empty, expected one row per gene and bin")
        return content

    def count_lines(self) -> int:
        """Count lines in constant memory; a last line without a line end counts.

        Raises:
            InputError: as for `read`.
        """
        lines, last = 0, b"\n"
        with open_text(self.path, self.name, "a table of bins") as file:
            while piece := file.read(_PIECE):
                lines += int(np.count_nonzero(np.frombuffer(piece, np.uint8) == ord("\n")))
                last = piece[-1:]
        return lines + (last != b"\n")


def list_cells(path: Path) -> dict[str, Path]:
    """Return name -> folder of the cell types in a folder, name -> archive of those in an archive; ascending.

    The name is that of the folder the tables stand in (above `classification`); for tables at the top it is the name
    of `path` itself without its ending.
    """
    path = Path(path)
    found = {}
    for name in _table_names(path):
        folder = _cell_folder(PurePosixPath(name).parent)
        found[folder.name or plain_name(path)] = path if is_archive(path) else path / folder
    return dict(sorted(found.items()))


def plain_name(path: Path) -> str:
    """Return a file's or folder's name without the endings that tables and archives have."""
    name = Path(path).absolute().name
    for end in (*ARCHIVES, ".csv.gz", ".csv"):
        if name.lower().endswith(end):
            return name[: -len(end)]
    return name


def find_bins_files(cell: str, path: Path, scratch: Path) -> list[BinsFile]:
    """Return the tables of one cell type in the order train, val, test; a single table is all test.

    Archive members are unpacked below `scratch`.

    Raises:
        InputError: nothing there, a table missing, several cell types and none called `cell`, or a damaged archive.
    """
    path = Path(path)
    if path.is_file() and not is_archive(path):
        if not path.name.endswith((".csv", ".csv.gz")):
            raise InputError(f"{path}: is no .csv, .csv.gz, .zip or .tar.gz, expected the tables of cell type {cell}")
        return [BinsFile("test", path, str(path))]
    names = _table_names(path)
    folder = _choose_folder(cell, path, {PurePosixPath(name).parent for name in names})
    chosen = [_choose_table(path, folder, stem, names) for stem in SPLITS]
    root = path
    if is_archive(path):
        root = inside(scratch, cell)
        unpack(path, chosen, root, _LARGEST_TABLE)
    return [BinsFile(role, root / name, _shown(path, name)) for role, name in zip(SPLITS.values(), chosen, strict=True)]


class TablesFinder:
    """Finds the tables of one cell type after the other, and refuses to find the same ones for two of them.

    Archive members are unpacked below `scratch`.
    """

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self._owners: dict[str, str] = {}

    def find(self, cell: str, path: Path) -> list[BinsFile]:
        """Return what `find_bins_files` does.

        Raises:
            InputError: as it, and where the tables are those of a cell type asked for before.
        """
        files = find_bins_files(cell, path, self.scratch)
        owner = self._owners.setdefault(files[-1].name, cell)
        if owner != cell:
            raise InputError(
                f"sample {cell}: names the tables of sample {owner} ({files[-1].name}), expected each cell type's own"
            )
        return files


def _shown(path: Path, name: str) -> str:
    return f"{path}: {name}" if is_archive(path) else str(path / name)


def _choose_folder(cell: str, path: Path, folders: Iterable[PurePosixPath]) -> PurePosixPath:
    by_cell: dict[str, list[PurePosixPath]] = {}
    for folder in folders:
        by_cell.setdefault(_cell_folder(folder).name, []).append(folder)
    if not by_cell:
        deepdiff = path.is_dir() and any(found for stem in SPLITS for found in path.glob(f"*.{stem}.csv*"))
        hint = " (it has tables of DeepDiff, which `--set data.layout=deepdiff` reads)" if deepdiff else ""
        raise InputError(
            f"{path}: has no train.csv, valid.csv and test.csv{hint}, expected the tables of cell type {cell}"
        )
    if cell not in by_cell and len(by_cell) > 1:
        there = listed(sorted(by_cell)[:5]) + (", ..." if len(by_cell) > 5 else "")
        raise InputError(f"{path}: holds {len(by_cell)} cell types ({there}) and none called {cell}, expected it")
    found = sorted(by_cell[cell] if cell in by_cell else next(iter(by_cell.values())))
    if len(found) > 1:
        raise InputError(f"{path}: cell type {cell} is there as {found[0]} and as {found[1]}, expected it once")
    return found[0]


def _choose_table(path: Path, folder: PurePosixPath, stem: str, names: Sequence[str]) -> str:
    found = [name for name in (f"{folder / stem}.csv", f"{folder / stem}.csv.gz") if name in names]
    if not found:
        there = listed(sorted(PurePosixPath(name).name for name in names if PurePosixPath(name).parent == folder))
        raise InputError(f"{_shown(path, str(folder))}: has {there} but no {stem}.csv, expected train, valid and test")
    if len(found) > 1:
        raise InputError(f"{_shown(path, found[0])}: is there with and without .gz, expected one of them")
    return found[0]


def _cell_folder(folder: PurePosixPath) -> PurePosixPath:
    """Return the folder of the cell type whose tables stand in `folder`."""
    return folder.parent if folder.name == INNER else folder


def _table_names(path: Path) -> list[str]:
    """List the tables below a folder (three levels at most) or in an archive, as relative names with slashes."""
    if is_archive(path):
        return [name for name, _ in archive_members(path, TABLES)]
    if not path.is_dir():
        raise InputError(f"{path}: does not exist, expected a folder, an archive or a table of bins")
    levels = ("", "*/", f"*/{INNER}/", f"{INNER}/")
    found = {table.relative_to(path).as_posix() for level in levels for table in path.glob(f"{level}*.csv*")}
    return sorted(name for name in found if PurePosixPath(name).name in TABLES)
