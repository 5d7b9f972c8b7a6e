"""From tables of read counts to the arrays that the network and the baselines take. No torch."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gxtool.data.splits import file_split, group_split, random_rows_split
from gxtool.errors import InputError
from gxtool.io.artifact import Artifact, ArtifactWriter
from gxtool.io.bins_files import BinsFile, find_bins_files, is_archive, list_cells
from gxtool.io.bins_table import BinsTable, check_no_leakage, read_bins_tables
from gxtool.io.dataset import Dataset
from gxtool.models.histone.config import DataConfig, ModelConfig, positions
from gxtool.models.histone.summary import summarise

# Genes handled at a time where an array need not be in memory as a whole.
BLOCK = 4096


class _CountTooLargeError(Exception):
    """A count does not fit 16 bits; the array is then written with 32."""


@dataclass(frozen=True)
class _Cell:
    """One cell type and its tables."""

    name: str
    files: Sequence[BinsFile]


def expand(folder: Path) -> list[dict[str, str]]:
    """Return a samplesheet row for each cell type of a folder: its own tables, those in subfolders and in archives.

    Raises:
        InputError: there is none.
    """
    folder = Path(folder)
    cells = list_cells(folder)
    for path in sorted(folder.iterdir()):
        if path.is_file() and is_archive(path):
            cells |= list_cells(path)
    if not cells:
        raise InputError(f"{folder}: has no train.csv, valid.csv and test.csv, expected tables of cell types")
    return [{"sample": cell, "data": str(path)} for cell, path in sorted(cells.items())]


def preprocess(sheet: Sequence[Mapping[str, str]], data: DataConfig, writer: ArtifactWriter) -> None:
    """Read, check and write the tables of every cell type of the sheet.

    Writes counts.npy (rows, N, C) uint16 (uint32 when a count exceeds 65,535), labels.npy (rows,) uint8 unless the
    tables have none, and rows.parquet. Memory does not grow with the number of cell types.

    Raises:
        InputError: a table that is not the layout, a gene in two tables of a cell type, or only some tables labelled.
    """
    with tempfile.TemporaryDirectory(prefix="gxtool-") as scratch:
        cells = [
            _Cell(row["sample"], find_bins_files(row["sample"], Path(row["data"]), Path(scratch))) for row in sheet
        ]
        try:
            _write_examples(cells, data, writer, np.dtype(np.uint16))
        except _CountTooLargeError:
            _write_examples(cells, data, writer, np.dtype(np.uint32))


def _write_examples(cells: Sequence[_Cell], data: DataConfig, writer: ArtifactWriter, dtype: np.dtype) -> None:
    n_genes = sum(file.count_lines() for cell in cells for file in cell.files) // data.n_bins
    rows: list[pl.DataFrame] = []
    inputs: list[dict[str, Any]] = []
    with writer.stream_array("counts.npy", (n_genes, data.n_bins, len(data.marks)), dtype) as counts:
        for cell, file, table in _tables(cells, data):
            if table.counts.max() > np.iinfo(dtype).max:
                raise _CountTooLargeError
            counts.append(table.counts.astype(dtype))
            rows.append(_rows(cell.name, file.role, table))
            inputs.append({**table.source, "name": f"{cell.name}/{table.source['name']}"})
    whole = pl.concat(rows).with_row_index("row")
    writer.write_table("rows.parquet", whole)
    if "label" in whole.columns:
        writer.write_array("labels.npy", whole["label"].to_numpy())
    writer.describe(
        rows={role: int((whole["role"] == role).sum()) for role in ("train", "val", "test")},
        info={**_layout(data), "samples": [cell.name for cell in cells], "inputs": inputs},
    )


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


def _rows(sample: str, role: str, table: BinsTable) -> pl.DataFrame:
    n_genes = len(table.genes)
    columns = {"sample": [sample] * n_genes, "group": table.genes, "role": [role] * n_genes}
    if table.labels is not None:
        columns["label"] = table.labels
    return pl.DataFrame(columns)


def _layout(data: DataConfig) -> dict[str, Any]:
    return {"marks": list(data.marks), "n_bins": data.n_bins, "bin_size": data.bin_size}


def encode(examples: Sequence[Artifact], data: DataConfig, writer: ArtifactWriter) -> None:
    """Join examples into one dataset: signal.npy (raw counts), labels.npy, rows, splits and summary.json.

    Raises:
        InputError: examples made with other marks or bins, or only some of them labelled.
    """
    for part in examples:
        for fact, wanted in _layout(data).items():
            found = part.manifest.info.get(fact)
            if found != wanted:
                raise InputError(f"{part.path}: was made with {fact} {found}, expected {wanted} as in data.{fact}")
    tables = [part.table("rows.parquet").drop("row") for part in examples]
    without = [part for part, table in zip(examples, tables, strict=True) if "label" not in table.columns]
    if without and len(without) < len(examples):
        raise InputError(f"{without[0].path}: has no labels but other examples have, expected labels in all or none")
    rows = pl.concat(tables).with_row_index("row")
    signals = [part.array("counts.npy") for part in examples]
    if len(examples) == 1:
        writer.adopt("signal.npy", examples[0], "counts.npy")
    else:
        _join(signals, writer)
    if not without:
        writer.write_array("labels.npy", rows["label"].to_numpy())
    writer.write_table("rows.parquet", rows)
    splits = _split(rows, data)
    writer.write_table("splits.parquet", splits)
    writer.write_json("summary.json", summarise(zip(tables, signals, strict=True), splits, data))
    writer.describe(
        rows={role: int((splits["role"] == role).sum()) for role in ("train", "val", "test")},
        info={
            **_layout(data),
            "scheme": splits["scheme"][0],
            "samples": rows["sample"].unique(maintain_order=True).to_list(),
            "inputs": [item for part in examples for item in part.manifest.info["inputs"]],
        },
    )


def _join(signals: Sequence[np.ndarray], writer: ArtifactWriter) -> None:
    dtype = np.result_type(*signals)
    shape = (sum(len(signal) for signal in signals), *signals[0].shape[1:])
    with writer.stream_array("signal.npy", shape, dtype) as stream:
        for signal in signals:
            for start in range(0, len(signal), BLOCK):
                stream.append(signal[start : start + BLOCK].astype(dtype))


def _split(rows: pl.DataFrame, data: DataConfig) -> pl.DataFrame:
    if data.split == "gene":
        return group_split(rows, data.validation_fraction, data.split_seed)
    if data.split == "random_rows":
        return random_rows_split(rows, data.validation_fraction, data.split_seed)
    return file_split(rows)


def collate(rows: Mapping[str, np.ndarray], resources: Mapping[str, Any] | None = None) -> dict[str, np.ndarray]:
    """Return forward's arguments for some rows: signal (B, N, C) float32, labels (B,) int64 where there are any."""
    batch = {"signal": np.asarray(rows["signal"], dtype=np.float32)}
    if "labels" in rows:
        batch["labels"] = np.asarray(rows["labels"], dtype=np.int64)
    return batch


def fit(dataset: Dataset, train_rows: np.ndarray, model: ModelConfig) -> dict[str, Any]:
    """Return the input's axes, and mean and standard deviation of log(1 + count) per mark over the training rows.

    A mark that never varies keeps standard deviation 1.

    Raises:
        ConfigError: the network is too deep for this number of bins.
    """
    signal = dataset.arrays["signal"]
    n_bins, n_marks = signal.shape[1:]
    positions(model, n_bins, n_marks)
    total, squares = np.zeros(n_marks), np.zeros(n_marks)
    for start in range(0, len(train_rows), BLOCK):
        block = np.log1p(signal[train_rows[start : start + BLOCK]], dtype=np.float32).reshape(-1, n_marks)
        total += block.sum(axis=0, dtype=np.float64)
        squares += np.square(block).sum(axis=0, dtype=np.float64)
    n_values = max(1, len(train_rows) * n_bins)
    mean = total / n_values
    std = np.sqrt(np.maximum(squares / n_values - mean**2, 0))
    return {
        "marks": dataset.artifact.manifest.info["marks"],
        "n_bins": n_bins,
        "signal_mean": mean.tolist(),
        "signal_std": np.where(std > 1e-6, std, 1.0).tolist(),
    }


def predict(logits: np.ndarray) -> np.ndarray:
    """Return the probability of label 1 (B,) from logits (B, 2)."""
    margin = np.asarray(logits, dtype=np.float64)[:, 1] - np.asarray(logits, dtype=np.float64)[:, 0]
    return 0.5 * (1 + np.tanh(margin / 2))


def features(rows: Mapping[str, np.ndarray], dataset: Dataset) -> tuple[np.ndarray, list[str]]:
    """Return log(1 + count) of every bin and mark, (n, N * C) float32, and names such as `H3K4me3:57` (bins from 1)."""
    signal = rows["signal"]
    marks = dataset.artifact.manifest.info["marks"]
    names = [f"{mark}:{number}" for number in range(1, signal.shape[1] + 1) for mark in marks]
    return np.log1p(signal, dtype=np.float32).reshape(len(signal), -1), names


def write_predictions(table: pl.DataFrame, path: Path) -> None:
    """Write predictions.tsv: sample, gene, label (where known) and p, the probability that the gene is on."""
    labels = ["label"] if "label" in table.columns else []
    table.select("sample", pl.col("group").alias("gene"), *labels, pl.col("prediction").alias("p")).write_csv(
        path, separator="\t"
    )
