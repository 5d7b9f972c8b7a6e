"""Samplesheets: a CSV or TSV table with one row per sample, as every family declares it."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from gxtool.errors import InputError, did_you_mean, listed, plain, quoted
from gxtool.files import LONGEST_PATH, check_openable
from gxtool.io.indexed import exists, join_index, named_files, split_index
from gxtool.io.packed import read_lines

ANY = "*"
_LARGEST = 256 << 20  # bytes: a million rows of paths
_LONGEST_HEADER = 1000
"""Among the optional columns: columns of any other name are accepted too."""


def read_samplesheet(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> list[dict[str, str]]:
    """Read the rows of a samplesheet; a byte-order mark, CRLF line ends and lines that start with # are accepted.

    The first column of `required` names the sample and must be unique. Optional columns that are absent are left out;
    `ANY` among them stands for columns of any name.

    Raises:
        InputError: no such file, a pipe or device, not text, too large, no rows, an unknown, missing or repeated
            column, a line with another number of fields, an empty cell where a value is required, or a sample named
            twice.
    """
    path = Path(path)
    lines = [line for _, line in read_lines(path, str(path), "a samplesheet", largest=_LARGEST)]
    records = _records(lines, path)
    lines = [(n, row) for n, row in records if any(cell.strip() for cell in row) and row[0][:1] != "#"]
    if not lines:
        raise InputError(f"{path}: is empty, expected a header with {', '.join(required)} and one line per sample")
    header = [name.strip() for name in lines[0][1]]
    _check_header(f"{path}, line {lines[0][0]}", header, required, optional)
    if len(lines) == 1:
        raise InputError(f"{path}: has a header and no samples, expected at least one line below it")
    rows = [_row(path, line, header, cells, required, optional) for line, cells in lines[1:]]
    seen: dict[str, int] = {}
    for (line, _), row in zip(lines[1:], rows, strict=True):
        name = row[required[0]]
        if name in seen:
            raise InputError(f"{path}, line {line}: {required[0]} {plain(name)} stands on line {seen[name]} already")
        seen[name] = line
    return rows


def resolve_path(value: str, base: str) -> str:
    """Return a path of the sheet as the machine must see it: relative ones belong to the sheet's folder."""
    file, index = (
        part if part is None or "://" in part or Path(part).is_absolute() else f"{base}/{part}"
        for part in split_index(value)
    )
    return join_index(str(file), index)


def require_path(sheet: Path, row: Mapping[str, str], column: str, path: str) -> None:
    """Check that a local path of a sheet exists.

    Raises:
        InputError: it does not; the sentence names sheet, sample, column and path.
    """
    name = next(iter(row.values()))
    for part in named_files(path):
        where = f"{sheet}: sample {name}, column {column}: {plain(part, LONGEST_PATH)}"
        if not exists(part):
            raise InputError(f"{where} does not exist, expected a file or folder")
        if "://" not in part:
            check_openable(part, "a file or folder", where)


def format_samplesheet(rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows as the CSV text of a samplesheet."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _records(lines: Sequence[str], path: Path) -> list[tuple[int, list[str]]]:
    # With their ends: a quoted cell may hold a line's end.
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=_delimiter(lines), strict=True)
    records = []
    try:
        for row in reader:
            records.append((reader.line_num, row))
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {csv_fault(error)}") from None
    return records


def csv_fault(error: csv.Error) -> str:
    """Return what is wrong with a line that Python's csv module cannot read."""
    if "field larger" in str(error):
        return f"holds a field of more than {csv.field_size_limit():,} characters, expected a closing quote before"
    return f"cannot be read as CSV ({error}), expected fields with commas or tabs between"


def _delimiter(lines: Sequence[str]) -> str:
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    return "\t" if first.count("\t") > first.count(",") else ","


def _check_header(where: str, header: list[str], required: Sequence[str], optional: Sequence[str]) -> None:
    known = [*required, *optional]
    seen: set[str] = set()
    _check_separator(where, header, required)
    for name in header:
        if (name not in known and ANY not in known) or not name or name == ANY:
            raise InputError(f"{where}: unknown column {quoted(name)}{did_you_mean(name, known)}")
        if name in seen:
            raise InputError(f"{where}: column {plain(name)} stands there twice, expected it once")
        seen.add(name)
    for name in required:
        if name not in seen:
            raise InputError(
                f"{where}: column {name} is missing{_instead(name, header)}, expected {', '.join(required)}"
            )


def _check_separator(where: str, header: Sequence[str], required: Sequence[str]) -> None:
    """Tell a header that other signs divide from one that lacks columns.

    Raises:
        InputError: one column that holds names with semicolons, spaces or bars between.
    """
    if len(header) != 1:
        return
    for sign, word in (";", "semicolons"), ("|", "bars"), ("\t", "tabs inside of quotes"), (" ", "spaces"):
        names = [name.strip().casefold() for name in header[0].split(sign)]
        if len(names) > 1 and required[0].casefold() in names:
            raise InputError(f"{where}: has {word} between its columns ({quoted(header[0])}), expected commas or tabs")


def _instead(name: str, header: Sequence[str]) -> str:
    """Return what a header has in place of a column: its name in other letters, or a name that is nearly the same."""
    found = f" (found {listed(header)})"
    near = [other for other in header if other.strip("\ufeff\"' ").casefold() == name.casefold()]
    near = near or difflib.get_close_matches(name, header[:_LONGEST_HEADER], n=1, cutoff=0.7)
    return f": found {quoted(near[0])} instead" if near else found


def _row(
    path: Path, line: int, header: list[str], cells: list[str], required: Sequence[str], optional: Sequence[str]
) -> dict[str, str]:
    if len(cells) != len(header):
        raise InputError(f"{path}, line {line}: has {len(cells)} fields, expected {len(header)} as in the header")
    given = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    for name in required:
        if not given[name]:
            raise InputError(f"{path}, line {line}: column {name} is empty, expected a value")
    declared = [name for name in (*required, *optional) if name in header]
    return {name: given[name] for name in [*declared, *(name for name in header if name not in declared)]}
