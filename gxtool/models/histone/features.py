"""From tables of read counts to the arrays that the network and the baselines take. No torch."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gxtool.config import InputError
from gxtool.data.splits import file_split, group_split, random_rows_split
from gxtool.io.artifact import Artifact, ArtifactWriter
from gxtool.io.bins_files import BinsFile, find_bins_files, is_archive, list_cells
from gxtool.io.bins_table import BinsTable, check_no_leakage, read_bins_tables
from gxtool.io.dataset import Dataset
from gxtool.models.histone.config import DataConfig, ModelConfig
from gxtool.models.histone.summary import summarise

# Genes handled at a time where an array need not be in memory as a whole.
BLOCK = 8192
_FACTS = ("marks", "n_bins", "bin_size")


class _CountTooLargeError(Exception):
    """A count does not fit 16 bits; the arrays are then written with 32."""


def expand(folder: Path) -> list[dict[str, str]]:
    """Return a samplesheet row for each cell type of a folder: its own tables, subfolders, and archives in it."""
    folder = Path(folder)
    rows = {cell: str(folder) for cell in list_cells(folder)}
    for path in sorted(folder.iterdir()):
        if path.is_file() and is_archive(path):
            rows |= {cell: str(path) for cell in list_cells(path)}
    if not rows:
        raise InputError(f"{folder}: has no train.csv, valid.csv and test.csv, expected tables of cell types")
    return [{"sample": cell, "data": path} for cell, path in sorted(rows.items())]


def preprocess(sheet: Sequence[Mapping[str, str]], data: DataConfig, writer: ArtifactWriter) -> None:
    """Read, check and write the tables of every cell type of the sheet.

    Writes counts.npy (rows, N, C) uint16 (uint32 when a count exceeds 65,535), labels.npy (rows,) uint8 unless the
    tables have none, and rows.parquet. Memory does not grow with the number of cell types.

    Raises:
        InputError: a table that is not the layout, a gene in two tables of a cell type, or labels in only some tables.
    """
    with tempfile.TemporaryDirectory(prefix="gxtool-") as scratch:
        cells = [
            _Cell(row["sample"], find_bins_files(row["sample"], Path(row["data"]), Path(scratch))) for row in sheet
        ]
        try:
            _write_examples(cells, data, writer, np.dtype(np.uint16))
        except _CountTooLargeError:
            _write_examples(cells, data, writer, np.dtype(np.uint32))


@dataclass(frozen=True)
class _Cell:
    """One cell type and its tables."""

    name: str
    files: Sequence[BinsFile]


def _write_examples(cells: Sequence[_Cell], data: DataConfig, writer: ArtifactWriter, dtype: np.dtype) -> None:
    files = [file for cell in cells for file in cell.files]
    n_genes = sum(file.count_lines() for file in files) // data.n_bins
    tables = read_bins_tables(files, data.marks, data.n_bins)
    inputs, rows, labels = [], [], []
    with writer.stream_array("counts.npy", (n_genes, data.n_bins, len(data.marks)), dtype) as counts:
        for cell in cells:
            genes = []
            for file, table in zip(cell.files, tables, strict=False):
                if (table.labels is None) != (len(labels) == 0 and len(rows) > 0 or table.labels is None and not rows):
                    _refuse_half_labelled(file, table)
                if table.counts.max() > np.iinfo(dtype).max:
                    raise _CountTooLargeError
                counts.append(table.counts.astype(dtype))
                genes.append(table.genes)
                rows.append(_rows(cell.name, file.role, table))
                inputs.append({**table.source, "name": f"{cell.name}/{table.source['name']}"})
            check_no_leakage(cell.files, genes, data.n_bins)
