"""Files of promoters and their expression become `examples`, block by block. No torch."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import polars as pl

from gxtool.data.values import require_variation
from gxtool.errors import InputError
from gxtool.io.artifact import ArtifactWriter
from gxtool.io.packed import open_text
from gxtool.io.promoter_encoding import Tally
from gxtool.io.promoter_table import TableColumns
from gxtool.io.promoters import PromoterBlock, PromoterReader, PromoterSource
from gxtool.io.replicates import TABLE as REPLICATES
from gxtool.io.replicates import long_table
from gxtool.io.submission import read_submission
from gxtool.models.proformer import subsets
from gxtool.models.proformer.config import DataConfig
from gxtool.models.proformer.ids import sequence_ids
from gxtool.models.proformer.measured import Measured, divide, replicates_among, value_columns
from gxtool.models.proformer.side import Side, read_side
from gxtool.models.proformer.variants import letters_to_tokens
from gxtool.models.proformer.windows import parse_windows

# Sequences copied at a time.
BLOCK = 1 << 16
FILES = {"data": "train", "val": "val", "test": "test"}
"""Columns of the samplesheet that name sequences, and what their rows are for."""
# Names of the challenge's files, with or without .gz.
_DREAM = {
    "data": ("train_sequences.txt", "demo_train.txt"),
    "test": ("test_sequences.txt",),
    "measured": ("filtered_test_data_with_MAUDE_expression.txt",),
    "submission": ("sample_submission.json", "public_leaderboard_ids/sample_submission.json"),
}
_DREAM_FOLDERS = {"subsets": "test_subset_ids", "public": "public_leaderboard_ids"}
_WITH_TEST = ("measured", "submission", "subsets", "public")
_EXPECTED = "promoters: one sequence per line, FASTA or Parquet"


@dataclass(frozen=True)
class Part:
    """What one file adds: rows, lengths of inserts (n,) uint16, values (n, T) float32 or None, tally and sources.

    measured: the numbers that values are the first of, with replicates where the file has some.
    """

    rows: pl.DataFrame
    lengths: np.ndarray
    values: np.ndarray | None
    tally: Tally
    sources: Sequence[Mapping[str, Any]]
    measured: Measured | None = None


def expand(folder: Path) -> list[dict[str, str]]:
    """Return one samplesheet row for a folder of the challenge's files; a test set is judged by where it is measured.

    Raises:
        InputError: neither training nor test sequences are there.
    """
    folder = Path(folder)
    found = {}
    for column, names in _DREAM.items():
        paths = [folder / f"{name}{packed}" for name in names for packed in ("", ".gz")]
        there = [str(path) for path in paths if path.is_file()]
        found |= {column: there[0]} if there else {}
    found |= {column: str(folder / name) for column, name in _DREAM_FOLDERS.items() if (folder / name).is_dir()}
    if "data" in found and "measured" not in found:
        found = {"data": found["data"]}
    if "test" not in found:
        found = {column: path for column, path in found.items() if column == "data"}
    if not found:
        raise InputError(
            f"{folder}: has neither {_DREAM['data'][0]} nor {_DREAM['test'][0]}, expected the files of the challenge, "
            "or a samplesheet that names others"
        )
    return [{"sample": folder.absolute().name, **found}]


def preprocess(sheet: Sequence[Mapping[str, str]], data: DataConfig, writer: ArtifactWriter) -> None:
    """Read, check and write every file of the sheet; tokens never stand in memory as a whole.

    Writes tokens.npy (rows, L) uint8 (inserts, padded with N), lengths.npy (rows,) uint16, values.npy (rows, T)
    float32 where expression is known, and rows.parquet: sample, group (id of the sequence), role (of the file) and,
    for test sequences, number (in the test set, from 0), sequence (as given) and place in the sample submission; and
    subsets.parquet (see `subsets`) where a row of the sheet has `subsets` or `public`; replicates.parquet where columns
    hold replicates; and the side files of `side`.

    Raises:
        InputError: a file that is no table of promoters, a sample without sequences, some samples with expression and
            some without, or measured values, a submission, subsets or public rows that do not fit the test sequences.
    """
    side = read_side(sheet, data)
    side.write(writer)
    with tempfile.TemporaryDirectory(dir=writer.folder) as scratch, (Path(scratch) / "tokens").open("w+b") as spool:
        samples = {row["sample"]: list(_read_sample(row, data, side, spool)) for row in sheet}
        parts = [part for found in samples.values() for part in found]
        rows = pl.concat([part.rows for part in parts], how="diagonal", rechunk=False)
        spool.seek(0)
        with writer.stream_array("tokens.npy", (len(rows), data.length), np.dtype(np.uint8)) as tokens:
            while text := spool.read(BLOCK * data.length):
                tokens.append(np.frombuffer(text, np.uint8).reshape(-1, data.length))
    writer.write_array("lengths.npy", np.concatenate([part.lengths for part in parts]))
    _write_values(parts, writer)
    tables = [_subset_table(row, samples[row["sample"]]) for row in sheet if subsets.has_lists(row)]
    if tables:
        writer.write_table(subsets.TABLE, pl.concat(tables))
    writer.write_table("rows.parquet", rows.with_row_index("row"))
    tallies = {name: asdict(sum((part.tally for part in found), Tally())) for name, found in samples.items()}
    dropped = sum(tally["dropped"] for tally in tallies.values())
    inputs = [
        {**source, "name": f"{n}/{source['name']}"} for n, own in samples.items() for p in own for source in p.sources
    ]
    writer.describe(
        rows={role: int((rows["role"] == role).sum()) for role in FILES.values()},
        dropped=({"too_long": dropped} if dropped else {}) | side.dropped,
        info={
            "length": data.length,
            "targets": list(data.targets),
            "samples": list(samples),
            "inputs": inputs + side.inputs,
            "origin": {"tallies": tallies, "flanks": [data.five_prime, data.three_prime], **side.origin},
        },
    )


def _subset_table(row: Mapping[str, str], parts: Sequence[Part]) -> pl.DataFrame:
    (test,) = (part for part in parts if part.rows["role"][0] == "test")
    return subsets.subset_table(row, test.rows, test.values)


def _write_values(parts: Sequence[Part], writer: ArtifactWriter) -> None:
    known = [part.values is not None for part in parts]
    if any(known) and not all(known):
        name = parts[known.index(False)].rows["sample"][0]
        other = parts[known.index(True)].rows["sample"][0]
        raise InputError(f"sample {name}: has no expression but {other} has, expected expression in all or none")
    if all(known):
        writer.write_array("values.npy", np.concatenate([part.values for part in parts]))
    starts = np.cumsum([0, *(len(part.rows) for part in parts)]).tolist()
    tables = [
        long_table(part.measured.replicates, part.measured.targets, start)
        for part, start in zip(parts, starts, strict=False)
        if part.measured and part.measured.targets
    ]
    if tables:
        writer.write_table(REPLICATES, pl.concat(tables))


def _read_sample(row: Mapping[str, str], data: DataConfig, side: Side, spool: IO[bytes]) -> Iterator[Part]:
    """Yield what each file of a sample adds, training sequences first; their tokens go to `spool`.

    A sample with variants alone has the sequences around their reference alleles to predict.
    """
    sources = files_of(row, data)
    if not sources:
        yield _around_variants(row["sample"], side, spool)
    for column in FILES:
        if column in sources:
            part = _read_file(row, column, sources[column], data, spool)
            if "measured" in sources and column == "test":
                part = _with_measured(part, row, _read_file(row, "measured", sources["measured"], data, None))
            yield _with_submission(part, row) if row.get("submission") and column == "test" else part


def _around_variants(sample: str, side: Side, spool: IO[bytes]) -> Part:
    sequences = side.variants[sample].table["reference"].unique(maintain_order=True)
    tokens = letters_to_tokens(sequences)
    spool.write(tokens)
    lengths = np.full(len(tokens), tokens.shape[1], np.uint16)
    rows = pl.DataFrame(
        {
            "group": sequence_ids(tokens, lengths),
            "number": pl.Series(range(len(tokens)), dtype=pl.UInt32),
            "sequence": sequences,
            "sample": sample,
            "role": "test",
        }
    )
    return Part(rows, lengths, None, Tally(read=len(tokens)), ())


def files_of(row: Mapping[str, str], data: DataConfig) -> dict[str, PromoterSource]:
    """Return column -> how its file is read.

    Expression of test sequences is read where `measured` holds it, else from their own file; sequences of a sample
    without training sequences are there to be predicted, and their own file's expression is not looked at.

    Raises:
        InputError: a sample that names no sequences, or what goes with test sequences without any.
    """
    sample = row["sample"]
    if not row.get("data") and (row.get("val") or not (row.get("test") or row.get("variants"))):
        raise InputError(
            f"sample {sample}: has no sequences (column data, or test or variants to predict), expected a file of them"
        )
    for column in _WITH_TEST:
        if row.get(column) and not row.get("test"):
            raise InputError(f"sample {sample}: has {column} without test, expected a file of test sequences with it")
    return {column: _source(row, column, data) for column in (*FILES, "measured") if row.get(column)}


def _source(row: Mapping[str, str], column: str, data: DataConfig) -> PromoterSource:
    path, is_test = Path(row[column]), column in ("test", "measured")
    with_values = column != "test" or bool(row.get("data") and not row.get("measured"))
    targets = (data.test_targets or data.targets) if is_test else data.targets
    first, table, columns = _first_line(path), None, TableColumns()
    numbered = (data.number_column,) if column == "test" and data.number_column else ()
    windows = data.window_columns if column in FILES else ()
    with_header = first.startswith(b"PAR1") or data.sequence_column in _fields(first)
    if numbered and not with_header:
        raise InputError(
            f"{path}: has no header with {data.sequence_column}, expected one, and a column {data.number_column} of "
            "each sequence's number (data.number_column)"
        )
    if windows and not with_header:
        raise InputError(
            f"{path}: has no header with {data.sequence_column}, expected one, and the columns {', '.join(windows)} of "
            "each sequence's window (data.window_columns)"
        )
    if first.startswith(b">"):
        table = Path(row["values"]) if row.get("values") and with_values else None
        named = table is not None and set(targets) <= set(_fields(_first_line(table)))
        columns = TableColumns(values=targets if named else ())
    elif with_header:
        reads = data.reads_column if column in ("data", "val") else ""
        values = value_columns(path, _header(path, first), targets, reads) if with_values else ()
        kept = tuple(dict.fromkeys((*numbered, *windows)))
        columns = TableColumns(data.sequence_column, values, kept, replicates_among(values, targets))
    return PromoterSource(path, data.rules, columns, table, with_values, with_sequences=column == "test")


def _first_line(path: Path) -> bytes:
    with open_text(path, str(path), _EXPECTED) as file:
        return file.readline(1 << 20)


def _header(path: Path, first: bytes) -> list[str]:
    """Return the columns of a table; what is no Parquet after all is told by its reader."""
    if not first.startswith(b"PAR1"):
        return _fields(first)
    try:
        return list(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError):
        return []


def _fields(line: bytes) -> list[str]:
    text = line.decode("utf-8", "replace").removeprefix("\ufeff")
    return [field.strip() for field in text.split("\t" if "\t" in text else ",")]


def read_blocks(source: PromoterSource, data: DataConfig) -> tuple[PromoterReader, Iterator[PromoterBlock]]:
    """Return a reader and its blocks, which have a value for every target where values are read.

    Raises (while iterating):
        InputError: the file has another number of values.
    """
    reader = PromoterReader(source)
    n_targets = len(data.targets)
    expected = max(n_targets, len(source.columns.values))

    def blocks() -> Iterator[PromoterBlock]:
        for block in reader:
            if block.values is not None and block.values.shape[1] != expected:
                raise InputError(
                    f"{source.path}: has {block.values.shape[1]} values for each sequence, expected {n_targets} "
                    f"({', '.join(data.targets)}) as in data.targets"
                )
            yield block

    return reader, blocks()


def _read_file(
    row: Mapping[str, str], column: str, source: PromoterSource, data: DataConfig, spool: IO[bytes] | None
) -> Part:
    reader, blocks = read_blocks(source, data)
    frames, lengths, values = [], [], []
    for block in blocks:
        if spool:
            spool.write(block.tokens)
        frame = pl.DataFrame({"group": sequence_ids(block.tokens, block.lengths)})
        if column == "test":
            frame = frame.hstack(rows_to_test(block, data.number_column))
        windows = data.window_columns if column in FILES else ()
        frames.append(frame.hstack(parse_windows(block.kept, windows, row[column])))
        lengths.append(block.lengths)
        values.append(None if block.values is None else block.values.astype(np.float32))
    name, role = pl.lit(row["sample"]).alias("sample"), pl.lit(FILES.get(column, "test")).alias("role")
    rows = pl.concat(frames, rechunk=False).with_columns(name, role)
    if not len(rows):
        raise InputError(f"{row[column]}: every insert is longer than {data.length} bases, expected some that are not")
    measured = None if values[0] is None else divide(np.concatenate(values), source, data)
    known = None if measured is None else measured.values
    rows = rows.with_columns(**measured.reads_column) if measured else rows
    if known is not None and column == "data":
        require_variation(known, row[column], data.targets)
    return Part(with_numbers(rows, source), np.concatenate(lengths), known, reader.tally, reader.sources, measured)


def rows_to_test(block: PromoterBlock, number_column: str = "") -> pl.DataFrame:
    """Return number (place in the file, from 0), sequence and, where a column says the number, its text as `given`."""
    given = [block.kept[number_column].alias("given")] if number_column else []
    return pl.DataFrame([pl.Series("number", block.rows, pl.UInt32), block.sequences, *given])


def with_numbers(rows: pl.DataFrame, source: PromoterSource) -> pl.DataFrame:
    """Return rows with the numbers that a column of their file gives them, where there is one."""
    if "given" not in rows.columns:
        return rows
    column = source.columns.kept[0]
    numbers = subsets.numbers_of(rows["given"], rows["number"].to_numpy(), str(source.path), column)
    return rows.drop("given").with_columns(numbers)


def _with_measured(test: Part, row: Mapping[str, str], measured: Part) -> Part:
    """Give test sequences the expression of another file, which has the same sequences in the same order.

    Raises:
        InputError: it has others.
    """
    if len(measured.rows) != len(test.rows):
        raise InputError(
            f"{row['measured']}: has {len(measured.rows)} sequences, expected the {len(test.rows)} of {row['test']}"
        )
    differs = test.rows["group"] != measured.rows["group"]
    if differs.any():
        raise InputError(
            f"{row['measured']}: sequence {int(differs.arg_max()) + 1} is not that of {row['test']}, expected the same "
            "sequences in the same order"
        )
    return replace(test, values=measured.values, measured=measured.measured, sources=[*test.sources, *measured.sources])


def _with_submission(test: Part, row: Mapping[str, str]) -> Part:
    """Give the test sequences that a sample submission asks for their place in it.

    Raises:
        InputError: it asks for one that is not there.
    """
    path = Path(row["submission"])
    asked = list(read_submission(path))
    places = pl.DataFrame(
        {"number": pl.Series(asked, dtype=pl.UInt32), "submission": pl.Series(range(len(asked)), dtype=pl.UInt32)}
    )
    missing = places.join(test.rows, on="number", how="anti")
    if len(missing):
        raise InputError(
            f"{path}: asks for test row {missing['number'][0]}, expected rows of {row['test']} (from 0) whose inserts "
            "are not left out"
        )
    return replace(test, rows=test.rows.join(places, on="number", how="left", maintain_order="left"))
