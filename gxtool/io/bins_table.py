"""Tables of read counts around genes in the layout of Zenodo record 2652278, read and written.

No header; one row per gene and bin: gene id (text), bin 1..n_bins, one count per mark, and the label 0/1 repeated on
every row of the gene (absent in tables that are only predicted). The rows of a gene follow each other in bin order.
Marks are not named in the file: their order is the reader's to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gxtool.errors import InputError, plain
from gxtool.io.bins_faults import find_fault
from gxtool.io.bins_files import INNER, SPLITS, BinsFile
from gxtool.io.packed import Content

# Tables read ahead of the one in use: hides hashing and checking behind parsing, and bounds memory.
_AHEAD = 2
_COUNT = "count "


class BinsTable(NamedTuple):
    """One table: G genes, N bins, M marks; `source` names the file, its SHA-256 and size for a manifest."""

    genes: pl.Series  # (G,) text
    counts: np.ndarray  # (G, N, M) uint32
    labels: np.ndarray | None  # (G,) uint8, None in a table without labels
    source: dict[str, Any]


def read_bins_tables(files: Sequence[BinsFile], marks: Sequence[str], n_bins: int) -> Iterator[BinsTable]:
    """Yield each file's table in order, reading the next ones meanwhile; memory does not grow with their number.

    Raises:
        InputError: as for `read_bins_table`.
    """
    remaining = iter(files)
    with ThreadPoolExecutor(_AHEAD) as pool:
        waiting: list[Future[BinsTable]] = []
        try:
            for file in islice(remaining, _AHEAD):
                waiting.append(pool.submit(read_bins_table, file, marks, n_bins))
            while waiting:
                table = waiting.pop(0).result()
                for file in islice(remaining, 1):
                    waiting.append(pool.submit(read_bins_table, file, marks, n_bins))
                yield table
        finally:
            for future in waiting:
                future.cancel()


def read_bins_table(file: BinsFile, marks: Sequence[str], n_bins: int) -> BinsTable:
    """Read and check one table.

    Raises:
        InputError: anything that is not the layout; the sentence names file, line and column, what was found and what
            was expected.
    """
    content = file.read()
    schema: dict[str, Any] = {"gene": pl.String, "bin": pl.UInt32, **count_schema(marks)}
    if content.text[: content.text.find(b"\n")].count(b",") == len(marks) + 2:
        schema["label"] = pl.UInt8
    frame = parse_columns(file.name, content.text, schema, lambda: find_fault(file.name, content.text, marks))
    return build_table(file, content, frame, n_bins, 2)


def count_schema(marks: Sequence[str]) -> dict[str, Any]:
    """Return the column of each mark's counts and its type."""
    return {f"{_COUNT}{mark}": pl.UInt32 for mark in marks}


def parse_columns(
    name: str, text: bytes, schema: Mapping[str, Any], look_for_fault: Callable[[], str | None]
) -> pl.DataFrame:
    """Parse the text as fast as the layout allows; only a failure is looked at line by line.

    Raises:
        InputError: no rows, or the sentence `look_for_fault` has about a field that is not the layout.
    """
    try:
        frame = pl.read_csv(text, has_header=False, schema=schema)
        reason = "" if not sum(frame.null_count().row(0)) else "an empty field"
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
    if reason:
        raise InputError(look_for_fault() or f"{name}: cannot be read as a table ({reason[:200]})")
    if frame.is_empty():
        raise InputError(f"{name}: is empty, expected one row per gene and bin")
    return frame


def build_table(file: BinsFile, content: Content, frame: pl.DataFrame, n_bins: int, bin_column: int) -> BinsTable:
    """Check rows (gene, bin, counts and perhaps label) and return them as one table.

    `bin_column` is where the file has the number of the bin (from 1), for messages.

    Raises:
        InputError: bins that are not 1 to `n_bins` in order, a gene or label that changes inside them, a gene twice,
            or a single label throughout.
    """
    _check_bins(file.name, frame["bin"].to_numpy(), n_bins, bin_column)
    _check_constant(file.name, frame["gene"], n_bins, "gene", 1)
    # A list in between: gathered strings would keep the text of the whole column in memory.
    genes = pl.Series("gene", frame["gene"].gather_every(n_bins).to_list())
    labels = _labels(file.name, frame, n_bins) if "label" in frame.columns else None
    _check_unique(file.name, genes, n_bins)
    source = {"name": Path(file.path).name, "sha256": content.sha256, "bytes": content.n_bytes}
    columns = [column for column in frame.columns if column.startswith(_COUNT)]
    counts = np.empty((len(frame), len(columns)), np.uint32)
    for position, column in enumerate(columns):
        counts[:, position] = frame[column].to_numpy()
    return BinsTable(genes, counts.reshape(-1, n_bins, len(columns)), labels, source)


def write_bins_table(
    folder: Path, role: str, genes: Sequence[str] | pl.Series, counts: np.ndarray, labels: np.ndarray | None
) -> Path:
    """Write one table of a cell type below `folder`/classification and return its path.

    `counts` are whole numbers (G, N, M), `labels` (G,) 0 or 1; `role` is train, val or test.
    """
    n_genes, n_bins, n_marks = counts.shape
    flat = counts.reshape(n_genes * n_bins, n_marks)
    columns: dict[str, Any] = {
        "gene": pl.Series(genes, dtype=pl.String).gather(np.repeat(np.arange(n_genes), n_bins)),
        "bin": np.tile(np.arange(1, n_bins + 1), n_genes),
    }
    columns |= {f"{_COUNT}{mark}": np.ascontiguousarray(flat[:, mark]) for mark in range(n_marks)}
    if labels is not None:
        columns["label"] = np.repeat(np.asarray(labels, np.uint8), n_bins)
    stem = next(stem for stem, known in SPLITS.items() if known == role)
    path = Path(folder) / INNER / f"{stem}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(columns).write_csv(path, include_header=False)
    return path


def check_no_leakage(files: Sequence[BinsFile], tables: Sequence[pl.Series], n_bins: int) -> None:
    """Check that no gene stands in two tables of a cell type; `tables` are the gene ids of each file.

    Raises:
        InputError: one does; training on it would leak into the test.
    """
    first: dict[str, tuple[str, int]] = {}
    for file, genes in zip(files, tables, strict=True):
        repeated = genes.is_in(list(first)) if first else pl.Series([False]).new_from_index(0, len(genes))
        if repeated.any():
            index = int(repeated.arg_max())
            gene = genes[index]
            where, line = first[gene]
            raise InputError(
                f"{file.name}, line {index * n_bins + 1}: gene {plain(gene)} is in {where}, line {line} already, "
                "expected every gene in one table only"
            )
        first |= {gene: (file.name, index * n_bins + 1) for index, gene in enumerate(genes.to_list())}


def _check_bins(name: str, bins: np.ndarray, n_bins: int, column: int) -> None:
    wanted = np.resize(np.arange(1, n_bins + 1, dtype=bins.dtype), len(bins))
    if not np.array_equal(bins, wanted):
        row = int(np.argmax(bins != wanted))
        raise InputError(
            f"{name}, line {row + 1}, column {column}: found bin {bins[row]}, "
            f"expected bin {wanted[row]} (every gene has bins 1 to {n_bins} in order)"
        )
    if len(bins) % n_bins:
        raise InputError(
            f"{name}: has {len(bins)} rows, expected a multiple of {n_bins} (bins 1 to {n_bins} of every gene)"
        )


def _check_constant(name: str, values: pl.Series, n_bins: int, what: str, column: int) -> None:
    """Check that a value is the same on all rows of a gene."""
    changed = (values != values.shift(1)).fill_null(False).to_numpy().copy()
    changed[::n_bins] = False
    if changed.any():
        row = int(np.argmax(changed))
        raise InputError(
            f"{name}, line {row + 1}, column {column}: found {what} {plain(str(values[row]))}, "
            f"expected {plain(str(values[row - 1]))} as on the lines before (bins 1 to {n_bins} of one gene)"
        )


def _labels(name: str, frame: pl.DataFrame, n_bins: int) -> np.ndarray:
    column = frame.width
    values = frame["label"]
    labels = values.to_numpy()
    if labels.max() > 1:
        row = int(np.argmax(labels > 1))
        raise InputError(f"{name}, line {row + 1}, column {column}: found label {labels[row]}, expected 0 or 1")
    _check_constant(name, values, n_bins, "label", column)
    labels = labels[::n_bins].copy()
    if len(labels) > 1 and labels.min() == labels.max():
        raise InputError(f"{name}, column {column}: all {len(labels)} genes have label {labels[0]}, expected 0 and 1")
    return labels


def _check_unique(name: str, genes: pl.Series, n_bins: int) -> None:
    if genes.n_unique() == len(genes):
        return
    repeated = ~genes.is_first_distinct()
    index = int(repeated.arg_max())
    first = int((genes == genes[index]).arg_max())
    raise InputError(
        f"{name}, line {index * n_bins + 1}: gene {plain(genes[index])} stands on line {first * n_bins + 1} already, "
        "expected every gene once"
    )
