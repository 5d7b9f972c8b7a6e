"""Samplesheets: a CSV or TSV table with one row per sample, as every family declares it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from gxtool.errors import InputError, did_you_mean
from gxtool.io.indexed import exists, join_index, named_files, split_index

ANY = "*"
"""Among the optional columns: columns of any other name are accepted too."""


def read_samplesheet(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> list[dict[str, str]]:
    """Read the rows of a samplesheet; a byte-order mark, CRLF line ends and lines that start with # are accepted.

    The first column of `required` names the sample and must be unique. Optional columns that are absent are left out;
    `ANY` among them stands for columns of any name.

    Raises:
        InputError: no such file, not text, no rows, an unknown, missing or repeated column, a line with another number
            of fields, an empty cell where a value is required, or a sample named twice.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}), expected a samplesheet") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text, expected a samplesheet") from None
    lines = [(n, row) for n, row in _records(text, path) if any(cell.strip() for cell in row) and row[0][:1] != "#"]
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
            raise InputError(f"{path}, line {line}: {required[0]} {name} stands on line {seen[name]} already")
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
    for part in named_files(path):
        if not exists(part):
            name = next(iter(row.values()))
            raise InputError(
                f"{sheet}: sample {name}, column {column}: {part} does not exist, expected a file or folder"
            )


def format_samplesheet(rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows as the CSV text of a samplesheet."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _records(text: str, path: Path) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    records = []
    try:
        for row in reader:
            records.append((reader.line_num, row))
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: cannot be read as CSV ({error})") from None
    return records


def _delimiter(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    return "\t" if first.count("\t") > first.count(",") else ","


def _check_header(where: str, header: list[str], required: Sequence[str], optional: Sequence[str]) -> None:
    known = [*required, *optional]
    for name in header:
        if (name not in known and ANY not in known) or not name or name == ANY:
            raise InputError(f"{where}: unknown column {name!r}{did_you_mean(name, known)}")
        if header.count(name) > 1:
            raise InputError(f"{where}: column {name} stands there twice, expected it once")
    for name in required:
        if name not in header:
            raise InputError(f"{where}: column {name} is missing, expected {', '.join(required)}")


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
