"""Sequences that a notebook holds become a file like any other, so that they are read and checked the same way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from gxtool.errors import InputError, did_you_mean, quoted
from gxtool.io.samplesheet import format_samplesheet
from gxtool.models.proformer.config import DataConfig

COLUMN = "sequence"
"""What sequences without a table are called in the answer."""
_NO_HEADER = "#"


def from_memory(values: Any, data: DataConfig, folder: Path) -> tuple[pl.DataFrame, Path, DataConfig]:
    """Write sequences as text below `folder`; return them as a table, their samplesheet, and how the text is read.

    `values` are sequences as a list of text, or a table (pandas or polars) whose column `data.sequence_column` holds
    them; the table comes back with all of its columns.

    Raises:
        InputError: no sequence, a table without that column, or something else than text of letters in it.
    """
    given = _table(values)
    column = data.sequence_column if hasattr(values, "columns") else COLUMN
    if column not in given.columns:
        near = did_you_mean(column, given.columns)
        raise InputError(f"the given table: has no column {column} (data.sequence_column){near}")
    sequences = given[column].to_list()
    if not sequences:
        raise InputError("the given values: are none, expected at least one sequence")
    for number, sequence in enumerate(sequences, 1):
        if not isinstance(sequence, str) or not (sequence.isascii() and sequence.isalpha()):
            raise InputError(f"the given values, line {number}: found {quoted(sequence)}, expected letters of DNA")
    (folder / "sequences.txt").write_text("\n".join(sequences) + "\n", encoding="ascii")
    sheet = folder / "samplesheet.csv"
    sheet.write_text(format_samplesheet([{"sample": "given", "test": "sequences.txt"}]), encoding="utf-8")
    return given, sheet, data.model_copy(update={"sequence_column": _NO_HEADER, "number_column": ""})


def _table(values: Any) -> pl.DataFrame:
    if isinstance(values, pl.DataFrame):
        return values
    if hasattr(values, "columns"):  # pandas, which need not be installed
        return pl.DataFrame({str(name): list(values[name]) for name in values.columns}, strict=False)
    try:
        return pl.DataFrame({COLUMN: list(values)}, strict=False)
    except TypeError:
        raise InputError(
            f"found {type(values).__name__}, expected sequences as a list of text, a table with a column of them, "
            "arrays, or a path"
        ) from None
