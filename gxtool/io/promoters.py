"""Promoters and their expression, read, checked and encoded block by block: memory does not grow with the file.

Text (plain or gzipped): without header `SEQUENCE<TAB>EXPRESSION`, as the DREAM 2022 challenge has it, or with a header
and columns named by the reader's caller. FASTA with a table of ids and values. Parquet. What a file is, is seen from
its content.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gxtool.errors import ConfigError, InputError, did_you_mean, plain, quoted
from gxtool.files import check_openable
from gxtool.io.hashes import hash_file
from gxtool.io.packed import open_text
from gxtool.io.promoter_encoding import InsertRules, RowError, Tally, encode_rows
from gxtool.io.promoter_table import (
    Layout,
    TableColumns,
    find_layout,
    read_id_table,
    read_values,
    split_fields,
    text_blocks,
)

# Blocks encoded beside the one in use: hides reading and hashing behind encoding, and bounds memory.
_THREADS = 2
_BATCH = 1 << 16
_PARQUET = b"PAR1"
_EXPECTED = "promoters: one sequence per line, FASTA or Parquet"


class PromoterBlock(NamedTuple):
    """Promoters that follow each other in a file, n of them, without those left out.

    tokens (n, L) uint8: inserts, padded with N on both sides. lengths (n,) uint16: their bases. values (n, T) f8, None
    when none are read. rows (n,): which sequence of the file each is, from 0. sequences: as the file has them, with
    flanks; None unless asked for. kept: named columns as text (FASTA: id). tally: what was met.
    """

    tokens: np.ndarray
    lengths: np.ndarray
    values: np.ndarray | None
    rows: np.ndarray
    sequences: pl.Series | None
    kept: pl.DataFrame
    tally: Tally


@dataclass(frozen=True)
class PromoterSource:
    """A file of promoters, how it is laid out, and how its inserts are found.

    table: values of a FASTA file by id (`read_id_table` says which layouts); its columns are `columns.values`.
    with_values: expression is needed; without it a second column is not even looked at.
    with_sequences: sequences are returned as they stand in the file.
    """

    path: Path
    rules: InsertRules = field(default_factory=InsertRules)
    columns: TableColumns = field(default_factory=TableColumns)
    table: Path | None = None
    with_values: bool = True
    with_sequences: bool = False


class PromoterReader:
    """Iterate over a file's promoters once; afterwards `tally` and `sources` are those of the whole file.

    sources: name, SHA-256 and size of the file (and of the table of a FASTA file) for a manifest.

    Raises (while iterating):
        InputError: the sentence names file, line, what was found and what was expected: an empty or damaged file, an
            empty line, another number of columns, letters that are not DNA, missing flanks, an insert that is too
            long, or a value that is no finite number.
        ConfigError: the layout asked for does not fit the kind of file.
    """

    def __init__(self, source: PromoterSource) -> None:
        self.source = source
        self.tally = Tally()
        self.sources: list[dict[str, Any]] = []

    def __iter__(self) -> Iterator[PromoterBlock]:
        path = Path(self.source.path)
        files = [path] if self.source.table is None else [path, Path(self.source.table)]
        for file in files:
            check_openable(file, _EXPECTED)
        start, name = _first_bytes(path), str(path)
        if start.startswith(_PARQUET):
            jobs, where = _parquet_jobs(self.source), "row"
        elif start.startswith(b">"):
            jobs, where = _fasta_jobs(self.source), "sequence"
        else:
            jobs, where = _table_jobs(self.source), "line"
        with ThreadPoolExecutor(_THREADS + 1) as pool:
            hashes = [pool.submit(hash_file, file) for file in files]
            for first, block in _in_order(pool, jobs, name, where):
                self.tally += block.tally
                yield block._replace(rows=block.rows + first)
            found = [future.result() for future in hashes]
        if not self.tally.read:
            raise InputError(f"{name}: holds no sequence, expected {_EXPECTED}")
        self.sources = [
            {"name": file.name, "sha256": sha256, "bytes": size}
            for file, (sha256, size) in zip(files, found, strict=True)
        ]


_Job = Callable[[], PromoterBlock]


def _first_bytes(path: Path) -> bytes:
    with open_text(path, str(path), _EXPECTED) as file:
        start = file.read(len(_PARQUET))
    if not start:
        raise InputError(f"{path}: is empty, expected {_EXPECTED}")
    return start


def _in_order(
    pool: ThreadPoolExecutor, jobs: Iterator[tuple[int, _Job]], name: str, where: str
) -> Iterator[tuple[int, PromoterBlock]]:
    """Run jobs a few at a time and yield (sequences before it, block) in order.

    A job comes with the number of lines that stand before its first one without being sequences.
    """
    done = 0
    waiting: deque[tuple[int, Future[PromoterBlock]]] = deque()
    try:
        while True:
            for skipped, job in islice(jobs, _THREADS + 1 - len(waiting)):
                waiting.append((skipped, pool.submit(job)))
            if not waiting:
                return
            skipped, future = waiting.popleft()
            try:
                block = future.result()
            except RowError as error:
                raise InputError(f"{name}, {where} {skipped + done + error.row + 1}: {error.fault}") from None
            yield done, block
            done += block.tally.read
    finally:
        for _, future in waiting:
            future.cancel()


def _table_jobs(source: PromoterSource) -> Iterator[tuple[int, _Job]]:
    name = str(source.path)
    if source.table is not None:
        raise ConfigError(f"{source.table}: a table of values goes with FASTA, and {name} is none")
    layout, header = None, 0
    with open_text(Path(source.path), name, _EXPECTED) as file:
        for text in text_blocks(file, name):
            if layout is None:
                end = text.find(b"\n") + 1
                layout = find_layout(name, text[:end], source.columns, source.with_values)
                header = int(layout.header)
                text = text[end:] if header else text
            if text:
                yield header, lambda text=text, layout=layout: _table_block(text, layout, source)


def _table_block(text: bytes, layout: Layout, source: PromoterSource) -> PromoterBlock:
    fields = split_fields(text, layout, source.rules.margin)
    column = layout.sequence
    encoded = encode_rows(fields.buffer, fields.starts[:, column], fields.ends[:, column], source.rules)
    rows = encoded.rows
    values = read_values(text, fields, layout)[rows] if layout.values else None
    sequences = pl.Series("sequence", fields.text(column, rows), pl.String) if source.with_sequences else None
    kept = {layout.names[c]: pl.Series(fields.text(c, rows), dtype=pl.String) for c in layout.kept}
    return PromoterBlock(encoded.tokens, encoded.lengths, values, rows, sequences, pl.DataFrame(kept), encoded.tally)


def _fasta_jobs(source: PromoterSource) -> Iterator[tuple[int, _Job]]:
    name = str(source.path)
    if source.columns.sequence:
        raise ConfigError(f"{name}: is FASTA, which has no column {source.columns.sequence}")
    if source.with_values and source.table is None:
        raise InputError(f"{name}: is FASTA without a table of values, expected one with every id and its value")
    table = None
    if source.with_values and source.table is not None:
        with open_text(Path(source.table), str(source.table), "a table of ids and values") as file:
            table = read_id_table(str(source.table), file, source.columns.values)
    with open_text(Path(source.path), name, _EXPECTED) as file:
        records = _records(name, file)
        while batch := list(islice(records, _BATCH)):
            ids = pl.Series("id", [name for name, _ in batch], pl.String)
            sequences = pl.Series("sequence", [text for _, text in batch], pl.String)
            values = _values_of(source, ids, table) if table is not None else None
            frame = pl.DataFrame([sequences, ids])
            yield 0, lambda frame=frame, values=values: _frame_block(frame, values, source)


def _records(name: str, file: Any) -> Iterator[tuple[str, str]]:
    """Yield id (to the first blank) and sequence of each record."""
    title, parts, number = "", [], 0
    for text in text_blocks(file, name):
        for line in text.decode("utf-8", "replace").splitlines():
            number += 1
            if line.startswith(">"):
                if title:
                    yield title, "".join(parts)
                title, parts = (line[1:].split() or [""])[0], []
                if not title:
                    raise InputError(f"{name}, line {number}: has no id after >, expected one")
            else:
                parts.append(line.strip())
    if title:
        yield title, "".join(parts)


def _values_of(source: PromoterSource, ids: pl.Series, table: pl.DataFrame) -> np.ndarray:
    found = pl.DataFrame([ids]).join(table, on="id", how="left", maintain_order="left")
    missing = found[table.columns[1]].is_null()
    if missing.any():
        row = int(missing.arg_max() or 0)
        raise InputError(
            f"{source.path}: id {plain(ids[row])} has no value in {source.table}, expected one for every id"
        )
    return found.select(table.columns[1:]).to_numpy()


def _parquet_jobs(source: PromoterSource) -> Iterator[tuple[int, _Job]]:
    name, columns = str(source.path), source.columns
    if source.table is not None:
        raise ConfigError(f"{source.table}: a table of values goes with FASTA, and {name} is none")
    if not columns.sequence or (source.with_values and not columns.values):
        raise ConfigError(f"{name}: is Parquet, expected the names of its columns of sequences and values")
    values = columns.values if source.with_values else ()
    wanted = list(dict.fromkeys((columns.sequence, *values, *columns.kept)))
    try:
        scan = pl.scan_parquet(source.path)
        schema = scan.collect_schema()
        n_rows = scan.select(pl.len()).collect().item()
        for column in wanted:
            _check_column(name, schema, column, columns)
        for first in range(0, n_rows, _BATCH):
            frame = scan.select(wanted).slice(first, _BATCH).collect()
            numbers = frame.select(values).cast(pl.Float64) if values else None
            text = frame.select(columns.sequence, *columns.kept).cast(pl.String)
            yield 0, lambda text=text, numbers=numbers: _frame_block(text, numbers, source)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{name}: cannot be read as Parquet ({str(error)[:200]})") from None


def _check_column(name: str, schema: pl.Schema, column: str, columns: TableColumns) -> None:
    if column not in schema:
        raise InputError(f"{name}: has no column {quoted(column)}{did_you_mean(column, schema.names())}")
    if column == columns.sequence and schema[column] != pl.String:
        raise InputError(f"{name}: column {column} holds {schema[column]}, expected text (sequences)")
    if column in columns.values and not schema[column].is_numeric():
        raise InputError(f"{name}: column {column} holds {schema[column]}, expected numbers")


def _frame_block(
    frame: pl.DataFrame, values: pl.DataFrame | np.ndarray | None, source: PromoterSource
) -> PromoterBlock:
    """Encode a frame whose first column holds the sequences; the others are handed on."""
    sequences = frame.to_series(0).fill_null("")
    if isinstance(values, pl.DataFrame):
        values = _checked_values(values, source.columns.missing)
    margin = source.rules.margin
    edge = "\n" * margin
    buffer = np.frombuffer((edge + sequences.str.join("\n").item() + edge).encode(), np.uint8)
    lengths = sequences.str.len_bytes().to_numpy().astype(np.int64)
    ends = margin + np.cumsum(lengths + 1) - 1
    encoded = encode_rows(buffer, ends - lengths, ends, source.rules)
    rows = encoded.rows
    values = values[rows] if values is not None else None
    raw = sequences.gather(rows).alias("sequence") if source.with_sequences else None
    return PromoterBlock(
        encoded.tokens, encoded.lengths, values, rows, raw, frame[rows].drop(frame.columns[0]), encoded.tally
    )


def _checked_values(values: pl.DataFrame, missing: Sequence[str]) -> np.ndarray:
    """Return the values (n, T), NaN where a column that may lack some does."""
    array = values.fill_null(np.nan).to_numpy().copy()
    optional = np.array([name in missing for name in values.columns])
    sound = np.isfinite(array) | optional
    array[:, optional] = np.where(np.isfinite(array[:, optional]), array[:, optional], np.nan)
    if not sound.all():
        row = int(np.argmin(sound.all(axis=1)))
        target = int(np.argmin(sound[row]))
        raise RowError(row, f"column {values.columns[target]}: found {array[row, target]}, expected a finite number")
    return array
