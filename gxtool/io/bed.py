"""Intervals in BED files: the first three columns, 0-based half-open as they stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from gxtool.errors import InputError
from gxtool.io.packed import read_content

_EXPECTED = "intervals in BED"
_SCHEMA = {"chrom": pl.String, "start": pl.Int64, "end": pl.Int64}


def read_bed(path: str | Path) -> pl.DataFrame:
    """Read chrom, start and end of every interval in the order of the file, plain or gzipped.

    Further columns (narrowPeak, bedGraph) are left out; empty lines and those of comments, `track` and `browser` are
    no intervals. Columns are separated by tabs, or by spaces on a line without tabs; an interval may be empty.

    Raises:
        InputError: not BED (the sentence names file, line and column), no interval in it, or a damaged .gz.
    """
    text = read_content(Path(path), str(path), _EXPECTED).text
    intervals = [_interval(f"{path}, line {number}", line) for number, line in _lines(str(path), text)]
    if not intervals:
        raise InputError(f"{path}: holds no interval, expected {_EXPECTED}")
    return pl.DataFrame(intervals, _SCHEMA, orient="row")


def _lines(name: str, text: bytes) -> Iterator[tuple[int, str]]:
    for number, raw in enumerate(text.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            line = raw.decode().rstrip()
        except UnicodeDecodeError:
            raise InputError(
                f"{name}, line {number}: holds bytes that are not UTF-8 text, expected {_EXPECTED}"
            ) from None
        if line and not line.startswith("#") and line.split(None, 1)[0] not in ("track", "browser"):
            yield number, line


def _interval(where: str, line: str) -> tuple[str, int, int]:
    fields = line.split("\t") if "\t" in line else line.split()
    if len(fields) < len(_SCHEMA):
        columns = "1 column" if len(fields) == 1 else f"{len(fields)} columns"
        raise InputError(f"{where}: has {columns}, expected at least chrom, start and end")
    for column, name in ((2, "start"), (3, "end")):
        value = fields[column - 1].strip()
        if not (value.isascii() and value.isdigit()):
            raise InputError(
                f"{where}, column {column} ({name}): found {value or 'nothing'}, expected a whole number of at least 0"
            )
    start, end = int(fields[1]), int(fields[2])
    if end < start:
        raise InputError(f"{where}, column 3 (end): found {end}, expected at least the start, {start}")
    return fields[0].strip(), start, end
