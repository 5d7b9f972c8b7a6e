"""Windows of a genome that sequences were taken from: those that overlap belong on one side of a split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from gxtool.data.similarity import joined, overlapping_windows
from gxtool.errors import InputError, quoted

COLUMNS = ("chrom", "start", "end")
"""Columns of rows.parquet: chromosome, and a half-open window (bp)."""


def parse_windows(kept: pl.DataFrame, names: Sequence[str], where: str) -> pl.DataFrame:
    """Return chrom, start and end (n,) from the text of three columns, `names`, of a file.

    Raises:
        InputError: a start or end that is no whole number, or no end behind its start.
    """
    if not names:
        return pl.DataFrame()
    text = kept.select(pl.col(own).str.strip_chars().alias(name) for own, name in zip(names, COLUMNS, strict=True))
    found = text.with_columns(pl.col("start", "end").cast(pl.UInt32, strict=False))
    wrong = found.select((pl.col("chrom") == "") | (pl.col("end") <= pl.col("start")).fill_null(True)).to_series()
    if wrong.any():
        given = ", ".join(quoted(value) for value in text.row(int(wrong.arg_max())))
        raise InputError(
            f"{where}: {', '.join(names)} are {given}, expected a chromosome, a start and an end behind it (bp)"
        )
    return found


def with_overlaps(near: pl.Series, rows: pl.DataFrame) -> pl.Series:
    """Return the similarity group of each row (n,) after those of overlapping windows have become one.

    near: the group of each row without them, an id. rows: chrom, start and end where windows are known. A group is
    called by the smallest id among its own.
    """
    if "chrom" not in rows.columns:
        return near
    windows = rows.select("chrom", "start", "end").with_row_index("row").drop_nulls()
    known = windows["row"].to_numpy().astype(np.int64)
    first = known[overlapping_windows(windows["chrom"], windows["start"].to_numpy(), windows["end"].to_numpy())]
    _, firsts, inverse = np.unique(near.to_numpy(), return_index=True, return_inverse=True)
    found = joined(firsts[inverse], np.stack([known, first], axis=1))
    named = pl.DataFrame({"group": found, "id": near})
    return named.select(pl.col("id").min().over("group")).to_series()
