"""Intervals in BED files: the first three columns, 0-based half-open as they stand."""

from __future__ import annotations

from array import array
from pathlib import Path

import polars as pl

from gxtool.errors import InputError, plain
from gxtool.io.packed import read_lines
from gxtool.names import check_units

_EXPECTED = "intervals in BED"
_MOST_INTERVALS = 20_000_000
_SCHEMA = {"chrom": pl.String, "start": pl.Int64, "end": pl.Int64}


def read_bed(path: str | Path) -> pl.DataFrame:
    """Read chrom, start and end of every interval in the order of the file, plain or gzipped.

    Further columns (narrowPeak, bedGraph) are left out; empty lines and those of comments, `track` and `browser` are
    no intervals. Columns are separated by tabs, or by spaces on a line without tabs; an interval may be empty.

    Raises:
        InputError: not BED (the sentence names file, line and column), no interval in it, or a damaged .gz.
    """
    path = Path(path)
    names: dict[str, str] = {}
    chroms: list[str] = []
    bounds = array("q"), array("q")
    for number, line in read_lines(path, str(path), _EXPECTED):
        line = line.rstrip()
        if not line or line.startswith("#") or line.split(None, 1)[0] in ("track", "browser"):
            continue
        chrom, *ends = _interval(f"{path}, line {number}", line)
        if len(chroms) == _MOST_INTERVALS:
            raise InputError(f"{path}: holds more than {_MOST_INTERVALS:,} intervals, expected fewer")
        chroms.append(names.setdefault(chrom, chrom))
        for values, end in zip(bounds, ends, strict=True):
            values.append(end)
    if not chroms:
        raise InputError(f"{path}: holds no interval, expected {_EXPECTED}")
    return pl.DataFrame({"chrom": chroms, **dict(zip(("start", "end"), bounds, strict=True))}, _SCHEMA)


def _interval(where: str, line: str) -> tuple[str, int, int]:
    fields = line.split("\t") if "\t" in line else line.split()
    if len(fields) < len(_SCHEMA):
        columns = "1 column" if len(fields) == 1 else f"{len(fields)} columns"
        raise InputError(f"{where}: has {columns}, expected at least chrom, start and end")
    for column, name in ((2, "start"), (3, "end")):
        value = fields[column - 1].strip()
        if not (value.isascii() and value.isdigit()) or len(value) > 18:
            found = plain(value) if value else "nothing"
            raise InputError(f"{where}, column {column} ({name}): found {found}, expected a whole number of at least 0")
    start, end = int(fields[1]), int(fields[2])
    if end < start:
        raise InputError(f"{where}, column 3 (end): found {end}, expected at least the start, {start}")
    check_units([fields[0].strip()], f"{where}, column 1", "chromosome")
    return fields[0].strip(), start, end
