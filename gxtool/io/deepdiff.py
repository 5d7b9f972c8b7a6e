"""Tables of read counts around genes in the layout of DeepDiff, read and found.

No header; one row per gene and window: `ENSG_SYMBOL_window` in one field (windows 1..n_bins in order), then one count
per mark. There is no label: expression stands in a table of its own. The published files have 200 windows and the
marks in the order H3K4me1, H3K4me3, H3K9me3, H3K27me3, H3K36me3; as the files do not name them, it is the reader's to
know. A folder holds the tables of one or more cell types as `{cell type}.{train,valid,test}.csv`, gzipped or not.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from gxtool.errors import InputError, listed, plain
from gxtool.io.bins_faults import DEEPDIFF_WINDOW, find_deepdiff_fault, is_window
from gxtool.io.bins_files import SPLITS, BinsFile
from gxtool.io.bins_table import BinsTable, build_table, count_schema, parse_columns
from gxtool.io.packed import open_text

_LONGEST_LINE = 1 << 12
_ENDS = {f".{stem}.csv{packed}": stem for stem in SPLITS for packed in ("", ".gz")}


def is_deepdiff(path: str | Path) -> bool:
    """Say whether the first line of a table is one of DeepDiff's.

    Raises:
        InputError: the file cannot be read.
    """
    with open_text(Path(path), str(path), "a table of bins") as file:
        line = file.readline(_LONGEST_LINE).decode("utf-8-sig", errors="replace")
    try:
        fields = next(csv.reader([line.rstrip("\r\n")]), [])
    except csv.Error:
        return False
    return bool(fields) and is_window(fields[0])


def read_deepdiff_table(file: BinsFile, marks: Sequence[str], n_bins: int) -> BinsTable:
    """Read and check one table; its genes are Ensembl ids as they stand, its labels None.

    Raises:
        InputError: anything that is not the layout; the sentence names file, line and column, what was found and what
            was expected.
    """
    content = file.read()
    schema = {"window": pl.String, **count_schema(marks)}

    def look_for_fault() -> str | None:
        return find_deepdiff_fault(file.name, content.text, marks)

    frame = parse_columns(file.name, content.text, schema, look_for_fault)
    gene, number = (pl.col("window").str.extract(f"^{DEEPDIFF_WINDOW}$", group) for group in (1, 2))
    frame = frame.with_columns(gene=gene, bin=number.cast(pl.UInt32, strict=False))
    if frame["bin"].has_nulls():
        raise InputError(look_for_fault() or f"{file.name}: has windows with numbers beyond all bounds, expected bins")
    return build_table(file, content, frame, n_bins, 1)


def list_deepdiff_cells(folder: str | Path) -> dict[str, Path]:
    """Return the name of every cell type that has a table in a folder -> that folder; ascending."""
    folder = Path(folder)
    return dict.fromkeys(sorted({cell for cell, _ in _tables(folder)}), folder)


def find_deepdiff_files(cell: str, path: str | Path) -> list[BinsFile]:
    """Return the tables of one cell type in the order train, val, test; a single table is all test.

    Raises:
        InputError: nothing there, a table missing or there twice, or several cell types and none called `cell`.
    """
    path = Path(path)
    if path.is_file():
        return [BinsFile("test", path, str(path))]
    tables = _tables(path)
    cells = sorted({name for name, _ in tables})
    if not cells:
        what = "has no" if path.is_dir() else "does not exist, expected"
        raise InputError(f"{path}: {what} {cell}.train.csv, {cell}.valid.csv and {cell}.test.csv")
    if cell not in cells and len(cells) > 1:
        there = listed(cells[:5]) + (", ..." if len(cells) > 5 else "")
        raise InputError(f"{path}: holds {len(cells)} cell types ({there}) and none called {plain(cell)}, expected it")
    chosen = cell if cell in cells else cells[0]
    return [_table(path, chosen, stem, tables) for stem in SPLITS]


def _tables(folder: Path) -> dict[tuple[str, str], list[Path]]:
    """Return the files of a folder by cell type and by train, valid or test."""
    found: dict[tuple[str, str], list[Path]] = {}
    for table in sorted(folder.glob("*.csv*")):
        for end, stem in _ENDS.items():
            if table.name.endswith(end):
                found.setdefault((table.name.removesuffix(end), stem), []).append(table)
    return found


def _table(folder: Path, cell: str, stem: str, tables: dict[tuple[str, str], list[Path]]) -> BinsFile:
    found = tables.get((cell, stem), [])
    if not found:
        there = ", ".join(path.name for (name, _), paths in tables.items() if name == cell for path in paths)
        raise InputError(f"{folder}: has {there} but no {cell}.{stem}.csv, expected train, valid and test")
    if len(found) > 1:
        raise InputError(f"{found[0]}: is there with and without .gz, expected one of them")
    return BinsFile(SPLITS[stem], found[0], str(found[0]))
