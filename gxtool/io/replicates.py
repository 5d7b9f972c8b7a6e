"""Values that were measured several times: columns `NAME_rep1`, `NAME_rep2`, ... beside, or instead of, column `NAME`.

`replicates.parquet` of examples and datasets has one row per measurement: row (u32), target (u32, its place among those
predicted), replicate (u32, from 1) and value (f64); in a dataset values are on the scale of the labels, or in the order
of the values that classes were made of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from gxtool.io.artifact import Artifact, ArtifactWriter
from gxtool.io.expression import Expression, header_of, read_expression

TABLE = "replicates.parquet"
REPLICATE = "replicate_"
"""Start of the columns that `read_measured` adds to a table of genes."""
_SUFFIX = re.compile(r"_rep([0-9]+)")
SCHEMA = {"row": pl.UInt32, "target": pl.UInt32, "replicate": pl.UInt32, "value": pl.Float64}


def replicate_columns(names: Sequence[str], column: str) -> list[str]:
    """Return the names of a column's replicates, by their numbers; a single one is no replicate."""
    numbers = {
        name: int(suffix[1])
        for name in names
        if column and name.startswith(column) and (suffix := _SUFFIX.fullmatch(name[len(column) :]))
    }
    return sorted(numbers, key=numbers.__getitem__) if len(numbers) > 1 else []


def is_column_of(name: str, column: str) -> bool:
    """Say whether a column is called `column`, or as one of its replicates."""
    return bool(column) and (
        name == column or (name.startswith(column) and bool(_SUFFIX.fullmatch(name[len(column) :])))
    )


def read_measured(path: str | Path, column: str = "", sample: str = "") -> Expression:
    """Read a table of expression as `read_expression` does, with replicates where the header has some.

    The table then has further columns `replicate_1`, `replicate_2`, ... Where the header names replicates of the column
    (or the sample) and not itself, the value is their mean. A gene may lack a replicate (NaN), and is left out without
    any where nothing else is there.

    Raises:
        InputError: as `read_expression`.
    """
    names = header_of(path)
    wanted = column or sample
    alone = replicate_columns(names, wanted) if wanted not in names else []
    expression = read_expression(path, alone[0] if alone else column, sample, gaps=bool(alone))
    found = alone or replicate_columns(names, expression.column)
    if not found:
        return expression
    columns = [
        read_expression(path, name, gaps=True).table["value"].alias(f"{REPLICATE}{number}")
        for number, name in enumerate(found, start=1)
    ]
    table = expression.table.with_columns(columns)
    if alone:
        mean = pl.mean_horizontal(pl.col(one.name).fill_nan(None) for one in columns)
        table = table.with_columns(value=mean).drop_nulls("value")
    return expression._replace(table=table, column=wanted if alone else expression.column)


def long_table(values: np.ndarray, targets: Sequence[int], first_row: int = 0) -> pl.DataFrame:
    """Return values (n, R), NaN where nothing was measured, as a table; `targets` (R,) are the columns' targets."""
    places = [list(targets[:column]).count(target) + 1 for column, target in enumerate(targets)]
    frames = [
        pl.DataFrame(
            {
                "row": np.arange(first_row, first_row + len(values)),
                "target": [target] * len(values),
                "replicate": [place] * len(values),
                "value": values[:, column].astype(np.float64),
            },
            SCHEMA,
        )
        for column, (target, place) in enumerate(zip(targets, places, strict=True))
    ]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *frames]).filter(pl.col("value").is_finite())


def join_replicates(
    examples: Sequence[Artifact], writer: ArtifactWriter, convert: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    """Write the replicates of all examples as those of the dataset they become; nothing where there are none.

    `convert` brings the table from what examples hold to what the dataset predicts.
    """
    tables, first = [], 0
    for part in examples:
        if TABLE in part.manifest.files:
            tables.append(part.table(TABLE).with_columns((pl.col("row") + first).cast(pl.UInt32)))
        first += part.table("rows.parquet").height
    if tables and len(table := convert(pl.concat(tables))):
        writer.write_table(TABLE, table.select(list(SCHEMA)))


def read_replicates(dataset: Artifact) -> pl.DataFrame:
    """Return the replicates of a dataset, without rows where it has none."""
    return dataset.table(TABLE) if TABLE in dataset.manifest.files else pl.DataFrame(schema=SCHEMA)
