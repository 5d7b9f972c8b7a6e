"""Which test sequences belong to which subset of the challenge, and which of them were public. No torch.

Rows are numbers of test sequences. The table has a line for each row or pair: sample, subset, first, second (null for
a single row), listed (in the lists of `subsets`), public (measured values are in `public`; null where none was given).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from gxtool.errors import InputError, quoted
from gxtool.io.dream_subsets import ALL, read_public, read_subsets
from gxtool.measure.dream import Rows, without_public
from gxtool.measure.metrics import pearson

TABLE = "subsets.parquet"
_NUMBER = re.compile(r"[0-9]+(\.0)?")  # a number that passed through floats once
_LARGEST = 2**32 - 1
# Fewer correlated values say nothing; other rows than those meant do not correlate, the same ones do on any scale.
_LEAST_VALUES, _LEAST_CORRELATION = 10, 0.5
_SHOWN_BASES = 40
_SCHEMA = {"subset": pl.String, "first": pl.UInt32, "second": pl.UInt32}


class Board(NamedTuple):
    """What one score is over: which part of the test set, each subset's rows (n,) or pairs (n, 2) that are there.

    sizes: how many each subset has when the whole test set is there; None where nobody knows.
    """

    part: str
    subsets: Mapping[str, Rows]
    sizes: Mapping[str, int | None]


def numbers_of(texts: Sequence[str | None], places: np.ndarray, path: str, column: str) -> pl.Series:
    """Return the numbers (n,) that a column gives test sequences; places (n,) are those in the file, from 0.

    Raises:
        InputError: a text that is no number of a sequence, or one that stands there twice.
    """
    found: dict[int, int] = {}
    for text, place in zip(texts, places.tolist(), strict=True):
        sound = text is not None and _NUMBER.fullmatch(text.strip())
        number = int(text.strip().partition(".")[0]) if sound else _LARGEST + 1
        if number > _LARGEST:
            raise InputError(
                f"{path}, sequence {place + 1}: column {column} holds {quoted(text)}, expected the number of a test "
                "sequence (0, 1, 2, ...)"
            )
        if number in found:
            raise InputError(
                f"{path}, sequence {place + 1}: column {column} holds {number}, which sequence {found[number] + 1} has "
                "already, expected every number once"
            )
        found[number] = place
    return pl.Series("number", list(found), pl.UInt32)


def has_lists(row: Mapping[str, str]) -> bool:
    """Say whether a row of the samplesheet names subsets or public rows."""
    return bool(row.get("subsets") or row.get("public"))


def subset_table(row: Mapping[str, str], tested: pl.DataFrame, values: np.ndarray | None) -> pl.DataFrame:
    """Return the table of one row of the samplesheet.

    tested: number and sequence (as given) of the test sequences (n,); values (n, T): what was measured, None: nothing.

    Raises:
        InputError: broken lists, or test sequences that are not those the lists speak of.
    """
    listed, sequences = read_subsets(Path(row["subsets"])) if row.get("subsets") else ({}, {})
    public, measured = read_public(Path(row["public"])) if row.get("public") else ({}, {})
    _require_same_sequences(row, tested, sequences)
    if values is not None and measured:
        _require_same_values(row, tested, values, measured)
    frames = [_frame(listed).with_columns(listed=pl.lit(True), public=pl.lit(False))]
    frames.append(_frame(public).with_columns(listed=pl.lit(False), public=pl.lit(True)))
    table = (
        pl.concat(frames)
        .group_by("subset", "first", "second", maintain_order=True)
        .agg(pl.col("listed").any(), pl.col("public").any())
    )
    known = pl.col("public") if row.get("public") else pl.lit(None, pl.Boolean).alias("public")
    return table.select(pl.lit(row["sample"]).alias("sample"), *_SCHEMA, "listed", known)


def boards(table: pl.DataFrame, sample: str, there: np.ndarray) -> list[Board]:
    """Return what a sample is scored over: the whole test set, its private part, and what was public of it.

    there: numbers (n,) of the test sequences with a measured value; all of them are the subset `all`.
    """
    own = table.filter(pl.col("sample") == sample)
    whole = {ALL: there, **_rows_by_subset(own.filter(pl.col("listed")))}
    found = {"whole": whole}
    if not own["public"].null_count():
        public = _rows_by_subset(own.filter(pl.col("public")))
        found |= {"private": without_public(whole, public), "public": public}
    mentioned = pl.concat([own["first"], own["second"].drop_nulls()]).to_numpy()
    is_whole = bool(np.isin(mentioned, there).all())
    boards = []
    for part, subsets in found.items():
        sizes: dict[str, int | None] = {name: len(rows) for name, rows in subsets.items()}
        if part != "public" and not is_whole:
            sizes[ALL] = None
        boards.append(Board(part, {name: _narrowed(rows, there) for name, rows in subsets.items()}, sizes))
    return boards


def _narrowed(rows: Rows, there: np.ndarray) -> Rows:
    """Return the rows, or the pairs of which both members, are among those `there` (n,)."""
    found = np.isin(rows, there)
    return rows[found if rows.ndim == 1 else found.all(axis=1)]


def _frame(subsets: Mapping[str, Rows]) -> pl.DataFrame:
    """Return subset, first and second row of each row or pair."""
    frames = [pl.DataFrame(schema=_SCHEMA)]
    for name, rows in subsets.items():
        second = None if rows.ndim == 1 else rows[:, 1]
        columns = {"subset": name, "first": rows if rows.ndim == 1 else rows[:, 0], "second": second}
        frames.append(pl.DataFrame(columns).cast(_SCHEMA))
    return pl.concat(frames)


def _rows_by_subset(table: pl.DataFrame) -> dict[str, Rows]:
    found = {}
    for (name,), part in table.group_by("subset", maintain_order=True):
        pairs = part.select("first", "second") if part["second"].null_count() == 0 else part.select("first")
        rows = pairs.to_numpy().astype(np.int64)
        found[str(name)] = rows if rows.shape[1] == 2 else rows[:, 0]
    return found


def _require_same_sequences(row: Mapping[str, str], tested: pl.DataFrame, sequences: Mapping[int, str]) -> None:
    """Check that a list and the test file have the same sequence at the same number, where the list says which."""
    for number, text in tested.select("number", "sequence").iter_rows():
        listed, given = sequences.get(number, "").upper(), text.upper()
        if listed not in given and given not in listed:  # one of them may lack the flanks
            raise InputError(
                f"{row['subsets']}: test row {number} is {_shown(listed)}, but {_shown(given)} in {row['test']}, "
                "expected lists of these test sequences (data.number_column says which number each sequence has)"
            )


def _shown(sequence: str) -> str:
    return sequence if len(sequence) <= _SHOWN_BASES else f"{sequence[:_SHOWN_BASES]}..."


def _require_same_values(
    row: Mapping[str, str], tested: pl.DataFrame, values: np.ndarray, measured: Mapping[int, float]
) -> None:
    """Check that public values rise with those of the test file, on whatever scale both are."""
    public = np.array([measured.get(number, np.nan) for number in tested["number"].to_list()])
    both = np.isfinite(public)
    if both.sum() < _LEAST_VALUES:
        return
    found = np.array([pearson(public[both], values[both, target]) for target in range(values.shape[1])])
    if (found < _LEAST_CORRELATION).all():  # not where one side is constant
        raise InputError(
            f"{row['public']}: measured values of {both.sum()} rows correlate by {found.max():.2f} with "
            f"those of {row.get('measured') or row['test']}, expected the same measurements "
            "(data.number_column says which number each sequence has)"
        )
