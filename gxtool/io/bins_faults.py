"""What is wrong with a table of bins that could not be parsed: the slow look, line by line, that names the place."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence

from gxtool.errors import listed, plain
from gxtool.names import UNIT_LENGTH

_LABEL = re.compile(r"\+?0*[01]")
_WHOLE = re.compile(r"\+?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
# ENSG00000000003_TSPAN6_1: gene, symbol and window in one field.
DEEPDIFF_WINDOW = r"(ENSG[0-9]+(?:\.[0-9]+)?)_.*_([0-9]+)"
_WINDOW = "ENSG_SYMBOL_window"
_LARGEST = 2**32 - 1


def find_fault(name: str, text: bytes, marks: Sequence[str]) -> str | None:
    """Return one sentence about the first field that is not the layout, None when every field is."""
    return _find(name, text, ["GeneID", "BinID", *marks, "label"], _first_line_fault)


def find_deepdiff_fault(name: str, text: bytes, marks: Sequence[str]) -> str | None:
    """Return one sentence about the first field that is not DeepDiff's layout, None when every field is."""
    return _find(name, text, [_WINDOW, *marks], _first_deepdiff_line_fault)


def is_window(field: str) -> bool:
    """Say whether a field names gene, symbol and window as DeepDiff does."""
    return bool(re.fullmatch(DEEPDIFF_WINDOW, field))


def _find(
    name: str, text: bytes, names: Sequence[str], first_line_fault: Callable[[Sequence[str], Sequence[str]], str | None]
) -> str | None:
    try:
        lines = text.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        return f"{name}, line {line}: holds bytes that are not UTF-8 text, expected comma-separated values"
    if not lines[-1]:
        lines.pop()
    width = 0
    for number, line in enumerate(lines, 1):
        try:
            fields = next(csv.reader([line.rstrip("\r")]), [])
        except csv.Error as error:
            return f"{name}, line {number}: cannot be read as comma-separated values ({error})"
        if number == 1:
            if fault := first_line_fault(fields, names):
                return f"{name}, line 1: {fault}"
            width = len(fields)
        if len(fields) != width:
            found = f"has {len(fields)} columns" if fields else "is empty"
            return f"{name}, line {number}: {found}, expected {width} columns ({', '.join(names[:width])})"
        for column, (value, what) in enumerate(zip(fields, names, strict=False), 1):
            if fault := _field_fault(value.strip(), what, column):
                return f"{name}, line {number}, column {column} ({what}): {fault}"
    return None


def _first_line_fault(fields: Sequence[str], names: Sequence[str]) -> str | None:
    layout = ", ".join(names)
    if is_window(fields[0] if fields else ""):
        return (
            f"found {plain(fields[0])} and {len(fields) - 1} counts, which is the DeepDiff layout (other windows, "
            f"marks in another order, no label; `--set data.layout=deepdiff` reads it), expected {layout}"
        )
    if not fields:
        return f"is empty, expected {len(names)} columns ({layout})"
    if len(fields) not in (len(names) - 1, len(names)):
        return f"has {len(fields)} columns, expected {len(names)} ({layout}), or {len(names) - 1} without label"
    if not any(_NUMBER.fullmatch(field.strip()) for field in fields):
        return f"found a header ({listed(fields)}), expected the first bin of the first gene (no header)"
    return None


def _first_deepdiff_line_fault(fields: Sequence[str], names: Sequence[str]) -> str | None:
    layout = ", ".join(names)
    if not fields:
        return f"is empty, expected {len(names)} columns ({layout})"
    if not is_window(fields[0]):
        return f"found {plain(fields[0])} in column 1, which is no window of the DeepDiff layout, expected {layout}"
    if len(fields) != len(names):
        return f"has {len(fields)} columns, expected {len(names)} ({layout})"
    return None


def _field_fault(value: str, what: str, column: int) -> str | None:
    expected = {"GeneID": "a gene id", "BinID": "a bin number", "label": "0 or 1"}.get(what, "a read count")
    found = f"found {plain(value)}" if value else "found nothing"
    if what == _WINDOW:
        return None if is_window(value) else f"{found}, expected gene, symbol and window"
    if not value:
        return f"{found}, expected {expected}"
    if column == 1:
        return None if len(value) <= UNIT_LENGTH else f"{found}, expected {expected} of up to {UNIT_LENGTH} characters"
    if what == "label":
        return None if _LABEL.fullmatch(value) else f"{found}, expected {expected}"
    if not _NUMBER.fullmatch(value):
        return f"{found}, expected {expected}"
    number = float(value)
    if number < 0:
        return f"{found}, expected {expected} of at least 0"
    if number > _LARGEST:
        return f"{found}, expected {expected} of at most {_LARGEST}"
    return None if _WHOLE.fullmatch(value) else f"{found}, expected {expected}, which is a whole number"
