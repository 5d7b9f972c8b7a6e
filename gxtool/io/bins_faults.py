"""What is wrong with a table of bins that could not be parsed: the slow look, line by line, that names the place."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

_WHOLE = re.compile(r"\+?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
# ENSG00000000003_TSPAN6_1: gene, symbol and window in one field.
_DEEPDIFF = re.compile(r"ENSG[0-9]+(\.[0-9]+)?_.+_[0-9]+")
_LARGEST = 2**32 - 1


def find_fault(name: str, text: bytes, marks: Sequence[str]) -> str | None:
    """Return one sentence about the first field that is not the layout, None when every field is."""
    try:
        lines = text.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        return f"{name}, line {line}: holds bytes that are not UTF-8 text, expected comma-separated values"
    if not lines[-1]:
        lines.pop()
    names = ["GeneID", "BinID", *marks, "label"]
    width = 0
    for number, line in enumerate(lines, 1):
        fields = next(csv.reader([line.rstrip("\r")]), [])
        if number == 1:
            if fault := _first_line_fault(fields, names):
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
    if _DEEPDIFF.fullmatch(fields[0] if fields else ""):
        return (
            f"found {fields[0]} and {len(fields) - 1} counts, which is the DeepDiff layout "
            f"(other windows, marks in another order, no label), expected {layout}"
        )
    if not fields:
        return f"is empty, expected {len(names)} columns ({layout})"
    if len(fields) not in (len(names) - 1, len(names)):
        return f"has {len(fields)} columns, expected {len(names)} ({layout}), or {len(names) - 1} without label"
    if not any(_NUMBER.fullmatch(field.strip()) for field in fields):
        return f"found a header ({', '.join(fields)}), expected the first bin of the first gene (no header)"
    return None


def _field_fault(value: str, what: str, column: int) -> str | None:
    expected = {"GeneID": "a gene id", "BinID": "a bin number", "label": "0 or 1"}.get(what, "a read count")
    if not value:
        return f"found nothing, expected {expected}"
    if column == 1 or (_WHOLE.fullmatch(value) and int(value) <= _LARGEST and (what != "label" or int(value) <= 1)):
        return None
    if what == "label" or not _NUMBER.fullmatch(value):
        return f"found {value}, expected {expected}"
    if float(value) < 0:
        return f"found {value}, expected {expected} of at least 0"
    if float(value) > _LARGEST:
        return f"found {value}, expected {expected} of at most {_LARGEST}"
    return f"found {value}, expected {expected}, which is a whole number"
