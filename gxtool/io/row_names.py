"""Names in a dataset's rows: units and groups, checked once where the dataset is written, by the million."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from gxtool.names import UNIT_LENGTH, check_units

NAMED = ("unit", "group")
_CONTROL = r"[\p{Cc}\p{Zl}\p{Zp}]"


def check_row_names(table: Path, where: str) -> None:
    """Check the units and groups of a parquet table of rows, as `names.check_units` does, without a list of them.

    Raises:
        InputError: the first name that breaks a rule, said with `where`.
    """
    rows = pl.scan_parquet(table)
    for column in NAMED:
        if column not in rows.collect_schema().names():
            continue
        name = pl.col(column).cast(pl.String)
        length = name.str.len_chars()
        bad = name.is_null() | (length == 0) | (length > UNIT_LENGTH) | name.str.contains(_CONTROL)
        check_units(rows.filter(bad).select(name).head(1).collect(engine="streaming")[column], where, column)
