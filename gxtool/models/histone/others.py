"""Expression of the same genes in other cell types: what the baseline `gene_average` reads where a table gives it.

The cell type that is predicted must not be among them, under its own name or another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gxtool.errors import InputError, listed, quoted
from gxtool.io.artifact import Artifact, ArtifactWriter
from gxtool.io.dataset import OTHER_SAMPLES, OTHER_SAMPLES_SCHEMA
from gxtool.io.expression import ExpressionTable, read_expression_table
from gxtool.io.replicates import is_column_of
from gxtool.models.histone.config import DataConfig

COLUMN = "other_expression"
# Share of the genes that are on in one column (half of all) which are on in the other. Of the 56 cell types of Roadmap
# the two that are most alike (CD4 T cells) share 0.973, 48 share with none more than 0.948, and K562 measured twice
# (RPKM and counts) 0.969: to leave out a few near relatives costs little, to keep the cell type itself would be a leak.
SAME = 0.95


class OtherCellTypes(NamedTuple):
    """The average (n,) of log2(x + 1) of each row's gene over other cell types, NaN where the table lacks the gene.

    names: the columns that are averaged; left_out: column -> why it is taken for the cell type itself; has_own: whether
    a column is called as it.
    """

    averages: np.ndarray
    names: tuple[str, ...]
    left_out: Mapping[str, str]
    has_own: bool
    source: Mapping[str, Any]

    def facts(self) -> dict[str, Any]:
        """Return what a manifest and the report say of them."""
        known = int(np.isfinite(self.averages).sum())
        return {"cell_types": len(self.names), "left_out": dict(self.left_out), "genes": known}


def read_other_cell_types(row: Mapping[str, str], rows: pl.DataFrame, data: DataConfig) -> OtherCellTypes:
    """Return the averages of one cell type's rows over the other cell types of its table.

    Left out are columns called as the cell type (or `data.expression_column`), their replicates, and those in which
    the same genes are on.

    Raises:
        InputError: a table that cannot be read, of none of the genes, or of no other cell type.
    """
    path, sample = row[COLUMN], row["sample"]
    table = _table(path)
    places = _places(rows, table, path)
    known = places >= 0
    values = table.values[places[known]]
    own = [any(is_column_of(name, one) for one in (sample, data.expression_column)) for name in table.samples]
    measured = [values[:, place] > np.median(values[:, place]) for place in np.flatnonzero(own)]
    if "expression" in rows.columns:
        expression = rows["expression"].to_numpy()[known]
        measured.append(expression > np.median(expression))
    elif "label" in rows.columns:
        measured.append(rows["label"].to_numpy()[known] == 1)
    left_out: dict[str, str] = {}
    for place, name in enumerate(table.samples):
        alike = max((_overlap(values[:, place], on) for on in measured if on.any() and not on.all()), default=0.0)
        if own[place]:
            left_out[name] = "its name"
        elif alike >= SAME:
            left_out[name] = f"the same genes are on: {100 * alike:.1f} %"
    names = tuple(name for name in table.samples if name not in left_out)
    if not names:
        raise InputError(
            f"{path}: sample {sample}: no column is another cell type: {_reasons(left_out)}; expected at least one"
        )
    kept = [table.samples.index(name) for name in names]
    averages = np.full(len(rows), np.nan)
    averages[known] = np.log2(values[:, kept] + 1).mean(axis=1)
    return OtherCellTypes(averages, names, left_out, any(own), table.source)


@lru_cache(maxsize=2)
def _table(path: str) -> ExpressionTable:
    """Return a table, read once for all cell types that share it."""
    return read_expression_table(Path(path))


def _places(rows: pl.DataFrame, table: ExpressionTable, path: str) -> np.ndarray:
    """Return the line of each row's gene (n,), -1 without one: by id or by symbol, whichever finds more.

    The published tables of bins call a gene by the number of its Ensembl id.
    """
    lines = pl.DataFrame({"name": table.genes}).with_row_index("place")
    keys = [pl.col("group"), pl.lit("ENSG") + pl.col("group").str.zfill(11)]
    keys += [pl.col("gene_symbol")] if "gene_symbol" in rows.columns else []
    found = [
        rows.select(name=key).join(lines, on="name", how="left", maintain_order="left")["place"].cast(pl.Int64)
        for key in keys
    ]
    best = min(found, key=lambda one: one.null_count())
    if best.null_count() == len(rows):
        raise InputError(
            f"{path}: has none of the genes of sample {rows['sample'][0]} (such as {quoted(rows['group'][0])}; the "
            f"table has {listed(list(table.genes[:3]))}), expected the same ids"
        )
    return best.fill_null(-1).to_numpy()


def _overlap(values: np.ndarray, on: np.ndarray) -> float:
    """Return the share of the genes that are on (n,) which are among as many of highest value in a column (n,)."""
    called = np.zeros(len(on), bool)
    called[np.argsort(-values, kind="stable")[: int(on.sum())]] = True
    return float(called[on].mean())


def other_cell_types_sentence(sample: str, facts: Mapping[str, Any]) -> str:
    """Say how many cell types the average of the gene is over, and which are left out."""
    without = f", without {_reasons(facts['left_out'])}" if facts["left_out"] else ""
    return f"{sample}: the average of the gene is over {facts['cell_types']} other cell types{without}"


def _reasons(left_out: Mapping[str, str], most: int = 5) -> str:
    shown = [f"{name} ({why})" for name, why in sorted(left_out.items())[:most]]
    return ", ".join(shown) + (f" and {len(left_out) - most} more" if len(left_out) > most else "")


def write_other_cell_types(
    sheet: Sequence[Mapping[str, str]], rows: pl.DataFrame, data: DataConfig, writer: ArtifactWriter
) -> dict[str, OtherCellTypes]:
    """Write the averages of all rows, and return what was read by cell type; nothing where no table is given."""
    found: dict[str, OtherCellTypes] = {}
    tables = [pl.DataFrame(schema=OTHER_SAMPLES_SCHEMA)]
    numbered = rows.with_row_index("row")
    for row in sheet:
        if not row.get(COLUMN):
            continue
        own = numbered.filter(pl.col("sample") == row["sample"])
        others = found[row["sample"]] = read_other_cell_types(row, own, data)
        tables.append(pl.DataFrame({"row": own["row"], "average": others.averages}, OTHER_SAMPLES_SCHEMA))
    if found:
        writer.write_table(OTHER_SAMPLES, pl.concat(tables).filter(pl.col("average").is_not_nan()))
    return found


def join_other_cell_types(examples: Sequence[Artifact], writer: ArtifactWriter) -> None:
    """Write the averages of all examples as those of the dataset they become; nothing where there are none."""
    tables, first = [], 0
    for part in examples:
        if OTHER_SAMPLES in part.manifest.files:
            tables.append(part.table(OTHER_SAMPLES).with_columns((pl.col("row") + first).cast(pl.UInt32)))
        first += part.table("rows.parquet").height
    if tables:
        writer.write_table(OTHER_SAMPLES, pl.concat(tables))
