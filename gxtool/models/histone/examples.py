"""Raw files of histone marks become `examples`: published tables, DeepDiff's tables, or tracks. No torch."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import polars.selectors as cs

from gxtool.data.values import require_variation
from gxtool.errors import ConfigError, InputError
from gxtool.io.artifact import ArtifactWriter
from gxtool.io.bins_files import BinsFile, TablesFinder, list_cells
from gxtool.io.bins_table import BinsTable, check_no_leakage, read_bins_tables
from gxtool.io.deepdiff import find_deepdiff_files, list_deepdiff_cells, read_deepdiff_table
from gxtool.io.expression import read_expression
from gxtool.io.packed import is_archive
from gxtool.io.replicates import REPLICATE, long_table
from gxtool.io.replicates import TABLE as REPLICATES
from gxtool.models.histone.config import DataConfig
from gxtool.models.histone.others import COLUMN, write_other_cell_types
from gxtool.models.histone.tracks import mark_columns, read_cell

# Genes handled at a time where an array need not be in memory as a whole.
BLOCK = 4096
ROLES = ("train", "val", "test")


class _CountTooLargeError(Exception):
    """A count does not fit 16 bits; the array is then written with 32."""


@dataclass(frozen=True)
class _Cell:
    """One cell type and its tables."""

    name: str
    files: Sequence[BinsFile]


@dataclass(frozen=True)
class _Part:
    """What one cell type adds to the examples: rows, signal (rows, N, C), marks that are there, and facts.

    replicates (rows, R): expression where it was measured several times.
    """

    rows: pl.DataFrame
    signal: np.ndarray
    present: np.ndarray
    kind: str
    orientation: str
    facts: Mapping[str, Any]
    sources: Sequence[Mapping[str, Any]]
    dropped: Mapping[str, int] = field(default_factory=dict)
    assembly: str = ""
    replicates: np.ndarray | None = None


def expand(folder: Path) -> list[dict[str, str]]:
    """Return a samplesheet row for each cell type of a folder or archive: its own tables, those in subfolders and in
    archives; for DeepDiff's tables also their expression.

    Raises:
        InputError: there is none.
    """
    folder = Path(folder)
    cells = list_cells(folder)
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.is_file() and is_archive(path):
                cells |= list_cells(path)
    if cells:
        return [{"sample": cell, "data": str(path)} for cell, path in sorted(cells.items())]
    found = list_deepdiff_cells(folder) if folder.is_dir() else {}
    if not found:
        raise InputError(f"{folder}: has no train.csv, valid.csv and test.csv, expected tables of cell types")
    rows = [
        {"sample": cell, "data": str(path), "expression": str(folder / f"{cell}.expr.csv")}
        for cell, path in found.items()
    ]
    return [{key: value for key, value in row.items() if key != "expression" or Path(value).exists()} for row in rows]


def preprocess(sheet: Sequence[Mapping[str, str]], data: DataConfig, writer: ArtifactWriter) -> None:
    """Read, check and write every cell type of the sheet; memory does not grow with their number.

    Writes signal.npy (rows, N, C): uint16 (uint32 when a count exceeds 65,535) or float32; rows.parquet; present.npy
    (rows, C) uint8 where marks may be missing; replicates.parquet where expression was measured several times; and
    other_samples.parquet where the sheet names expression of other cell types.
    Tables bring labels or expression, tracks bring expression, and all of them may come without either.

    Raises:
        InputError: a file that is not what its column or `data.layout` says, tables beside tracks, a gene in two
            tables of a cell type, tables of two cell types, or only some tables labelled.
    """
    has_tracks = split_kinds(sheet)
    with tempfile.TemporaryDirectory(prefix="gxtool-") as scratch:
        rows, said = _write_cells(sheet, has_tracks, data, writer, Path(scratch))
    others = write_other_cell_types(sheet, rows, data, writer)
    facts = dict(said["origin"].get("facts", {}))
    for sample, one in others.items():
        facts[sample] = {**facts.get(sample, {}), COLUMN: one.facts()}
    read = [{**one.source, "name": f"{sample}/{one.source['name']}"} for sample, one in others.items()]
    origin = {**said["origin"], **({"facts": facts} if facts else {})}
    _describe(rows, {**said, "inputs": [*said["inputs"], *read], "origin": origin}, data, writer)


def _write_cells(
    sheet: Sequence[Mapping[str, str]], has_tracks: bool, data: DataConfig, writer: ArtifactWriter, scratch: Path
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Write the signal of every cell type; return all rows and what a manifest says of them."""
    if has_tracks:
        return _write_parts((_track_part(row, data) for row in sheet), data, writer, scratch)
    require_tables_direction(data)
    if data.layout == "deepdiff":
        return _write_parts((_deepdiff_part(row, data) for row in sheet), data, writer, scratch)
    finder = TablesFinder(scratch)
    cells = [_Cell(row["sample"], finder.find(row["sample"], Path(row["data"]))) for row in sheet]
    try:
        return _write_tables(cells, data, writer, np.dtype(np.uint16))
    except _CountTooLargeError:
        return _write_tables(cells, data, writer, np.dtype(np.uint32))


def require_tables_direction(data: DataConfig) -> None:
    """Check that tables are not asked for the direction of transcription.

    Raises:
        ConfigError: they are.
    """
    if data.orientation == "strand":
        raise ConfigError(
            "data.orientation: is strand, but tables do not say a gene's strand; expected none or auto with tables"
        )


def split_kinds(sheet: Sequence[Mapping[str, str]]) -> bool:
    """Say whether a sheet names tracks; it names tables otherwise.

    Raises:
        InputError: it names both, or a row neither.
    """
    with_tracks = [row for row in sheet if mark_columns(row)]
    for row in sheet:
        if not mark_columns(row) and not row.get("data"):
            raise InputError(
                f"sample {row['sample']}: has neither tables (column data) nor tracks (a column for each mark), "
                "expected one of the two"
            )
    if with_tracks and len(with_tracks) < len(sheet):
        other = next(row for row in sheet if not mark_columns(row))
        raise InputError(
            f"sample {other['sample']}: has tables but sample {with_tracks[0]['sample']} has tracks, "
            "expected one kind in a sheet"
        )
    return bool(with_tracks)


def layout(data: DataConfig) -> dict[str, Any]:
    """Return the axes of the signal as a manifest says them."""
    return {"marks": list(data.marks), "n_bins": data.n_bins, "bin_size": data.bin_size}


def _write_tables(
    cells: Sequence[_Cell], data: DataConfig, writer: ArtifactWriter, dtype: np.dtype
) -> tuple[pl.DataFrame, dict[str, Any]]:
    n_genes = sum(file.count_lines() for cell in cells for file in cell.files) // data.n_bins
    rows: list[pl.DataFrame] = []
    inputs: list[dict[str, Any]] = []
    with writer.stream_array("signal.npy", (n_genes, data.n_bins, len(data.marks)), dtype) as counts:
        for cell, file, table in _tables(cells, data):
            if table.counts.max() > np.iinfo(dtype).max:
                raise _CountTooLargeError
            counts.append(table.counts.astype(dtype))
            rows.append(table_rows(cell.name, file.role, table))
            inputs.append({**table.source, "name": f"{cell.name}/{table.source['name']}"})
    whole = pl.concat(rows)
    if data.allow_missing:
        writer.write_array("present.npy", np.ones((len(whole), len(data.marks)), np.uint8))
    said = {"signal_kind": "counts", "orientation": "none", "samples": [cell.name for cell in cells], "inputs": inputs}
    return whole, {**said, "origin": {}}


def _describe(rows: pl.DataFrame, said: Mapping[str, Any], data: DataConfig, writer: ArtifactWriter) -> None:
    writer.write_table("rows.parquet", rows.with_row_index("row"))
    counts = {role: int((rows["role"] == role).sum()) for role in ROLES} if rows["role"].null_count() == 0 else {}
    writer.describe(rows=counts or {"genes": len(rows)}, info={**layout(data), **said})


def _tables(cells: Sequence[_Cell], data: DataConfig) -> Iterator[tuple[_Cell, BinsFile, BinsTable]]:
    """Yield every table of every cell type, checked against the others of its cell type."""
    files = [file for cell in cells for file in cell.files]
    labelled: BinsFile | None = None
    with closing(read_bins_tables(files, data.marks, data.n_bins)) as tables:
        for cell in cells:
            genes = []
            for file in cell.files:
                table = next(tables)
                genes.append(table.genes)
                if table.labels is not None:
                    labelled = labelled or file
                if labelled and (table.labels is None or labelled is not files[0]):
                    other = file if table.labels is None else files[0]
                    raise InputError(
                        f"{other.name}: has no label column but {labelled.name} has one, expected labels in all or none"
                    )
                yield cell, file, table
            check_no_leakage(cell.files, genes, data.n_bins)


def table_rows(sample: str, role: str, table: BinsTable) -> pl.DataFrame:
    """Return the rows that the genes of one table become."""
    n_genes = len(table.genes)
    columns = {"sample": [sample] * n_genes, "group": table.genes, "role": [role] * n_genes}
    if table.labels is not None:
        columns["label"] = table.labels
    return pl.DataFrame(columns)


def deepdiff_cell(
    row: Mapping[str, str], data: DataConfig
) -> tuple[pl.DataFrame, np.ndarray, dict[str, Any], list[dict[str, Any]]]:
    """Return rows, counts (rows, N, C), facts and sources of one cell type's DeepDiff tables.

    Genes without an expression value are left out where there is an expression table.

    Raises:
        InputError: a table that is not the layout, or an expression table of none of the genes.
    """
    files = find_deepdiff_files(row["sample"], Path(row["data"]))
    tables = [read_deepdiff_table(file, data.marks, data.n_bins) for file in files]
    check_no_leakage(files, [table.genes for table in tables], data.n_bins)
    rows = pl.concat(table_rows(row["sample"], file.role, table) for file, table in zip(files, tables, strict=True))
    signal = np.concatenate([table.counts for table in tables])
    sources = [dict(table.source) for table in tables]
    if not row.get("expression"):
        return rows, signal, {}, sources
    expression = read_expression(Path(row["expression"]), data.expression_column, row["sample"])
    values = expression.table.rename({"gene": "group", "value": "expression"})
    rows = rows.join(values, on="group", how="left", maintain_order="left")
    known = rows["expression"].is_not_null()
    if not known.any():
        raise InputError(
            f"{row['expression']}: has a value for none of the genes of {files[0].name} (such as "
            f"{rows['group'][0]}), expected the same ids"
        )
    require_variation(rows["expression"].drop_nulls().to_numpy(), row["expression"])
    facts = {"matched": {"genes": len(rows), "expression": len(values), "both": int(known.sum())}}
    return rows.filter(known), signal[known.to_numpy()], facts, [*sources, dict(expression.source)]


def _deepdiff_part(row: Mapping[str, str], data: DataConfig) -> _Part:
    rows, signal, facts, sources = deepdiff_cell(row, data)
    matched = facts.get("matched", {})
    dropped = {"without_expression": matched["genes"] - matched["both"]} if matched else {}
    present = np.ones(len(data.marks), dtype=bool)
    return _Part(rows, _smallest(signal), present, "counts", "none", facts, sources, dropped)


def _smallest(counts: np.ndarray) -> np.ndarray:
    return counts.astype(np.uint16 if counts.max(initial=0) <= np.iinfo(np.uint16).max else np.uint32)


def _track_part(row: Mapping[str, str], data: DataConfig) -> _Part:
    """Read one cell type's tracks; without expression all genes are there to be predicted."""
    cell = read_cell(row, data)
    replicates = cell.genes.select(cs.starts_with(REPLICATE))
    return _Part(
        track_rows(row["sample"], cell.genes),
        cell.signal,
        cell.present,
        cell.kind,
        cell.orientation,
        cell.facts,
        cell.sources,
        cell.dropped,
        cell.assembly,
        replicates.to_numpy() if replicates.width else None,
    )


def track_rows(sample: str, genes: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that one cell type's genes (with `expression`, null where unknown) become."""
    known = genes["expression"].null_count() == 0
    return genes.select(
        pl.lit(sample).alias("sample"),
        pl.col("ensembl_id").alias("group"),
        pl.lit(None if known else "test", pl.String).alias("role"),
        "gene_symbol",
        "chrom",
        "strand",
        "tss",
        *(["expression"] if known else []),
    )


def _write_parts(
    parts: Iterator[_Part], data: DataConfig, writer: ArtifactWriter, scratch: Path
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Write cell types one after the other; each is kept on disk until the number of all rows is known."""
    rows: list[pl.DataFrame] = []
    spooled: list[Path] = []
    dtypes: list[np.dtype] = []
    present: list[np.ndarray] = []
    replicates: list[pl.DataFrame] = []
    inputs: list[dict[str, Any]] = []
    facts: dict[str, Any] = {}
    dropped: dict[str, int] = {}
    said: dict[str, str] = {}
    assembly = ""
    for part in parts:
        name = part.rows["sample"][0]
        own = {"signal_kind": part.kind, "orientation": part.orientation}
        if said and own != said:
            raise InputError(f"sample {name}: its signal is {own}, expected {said} as the samples before it")
        if rows and part.rows.columns != rows[0].columns:
            raise InputError(
                f"sample {name}: has other columns than {rows[0]['sample'][0]}, expected expression in all or none"
            )
        said = own
        if part.replicates is not None:
            targets = [0] * part.replicates.shape[1]
            replicates.append(long_table(part.replicates, targets, sum(map(len, rows))))
        rows.append(part.rows)
        spooled.append(scratch / f"{len(spooled)}.npy")
        np.save(spooled[-1], part.signal)
        dtypes.append(part.signal.dtype)
        present.append(np.tile(part.present.astype(np.uint8), (len(part.rows), 1)))
        facts[name] = part.facts
        inputs += [{**source, "name": f"{name}/{source['name']}"} for source in part.sources]
        for reason, count in part.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
        assembly = part.assembly
    shape = (sum(map(len, rows)), data.n_bins, len(data.marks))
    # Opened one by one: pages of a file that stays mapped count as memory in use.
    join_arrays((np.load(path, mmap_mode="r") for path in spooled), shape, np.result_type(*dtypes), writer)
    if data.allow_missing:
        writer.write_array("present.npy", np.concatenate(present))
    if replicates:
        writer.write_table(REPLICATES, pl.concat(replicates))
    origin = {"facts": facts, "assembly": assembly}
    writer.describe(dropped={reason: count for reason, count in dropped.items() if count})
    return pl.concat(rows), {**said, "samples": list(facts), "inputs": inputs, "origin": origin}


def join_arrays(signals: Iterable[np.ndarray], shape: tuple[int, ...], dtype: np.dtype, writer: ArtifactWriter) -> None:
    """Write signals one after the other as signal.npy, in blocks; one of them need be open at a time."""
    with writer.stream_array("signal.npy", shape, dtype) as stream:
        for signal in signals:
            for start in range(0, len(signal), BLOCK):
                stream.append(signal[start : start + BLOCK].astype(dtype))
