"""What tables of promoters say beside the value of a sequence: replicates of the measurement, and its reads."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from gxtool.errors import InputError, did_you_mean, quoted
from gxtool.io.dataset import READS
from gxtool.io.promoters import PromoterSource
from gxtool.io.replicates import replicate_columns
from gxtool.models.proformer.config import DataConfig


class Measured(NamedTuple):
    """Numbers of n sequences: values (n, T); replicates (n, R) of the targets (R,) named by place; reads (n,)."""

    values: np.ndarray
    replicates: np.ndarray
    targets: tuple[int, ...]
    reads: np.ndarray | None

    @property
    def reads_column(self) -> dict[str, pl.Series]:
        """Return the reads as a column of rows.parquet, nothing where they are not known."""
        return {} if self.reads is None else {READS: pl.Series(self.reads.astype(np.float32))}


def value_columns(path: Path, header: list[str], targets: tuple[str, ...], reads: str) -> tuple[str, ...]:
    """Return the columns to read of a table: its targets, then their replicates, then the reads.

    Raises:
        InputError: the column of reads is not there.
    """
    if reads and reads not in header:
        raise InputError(f"{path}: has no column {quoted(reads)}{did_you_mean(reads, header)} (data.reads_column)")
    return (*targets, *replicates_among(tuple(header), targets), *([reads] if reads else []))


def replicates_among(columns: tuple[str, ...], targets: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the columns that are replicates of a target: a sequence may lack one."""
    return tuple(name for target in targets for name in replicate_columns(columns, target))


def divide(values: np.ndarray, source: PromoterSource, data: DataConfig) -> Measured:
    """Return what the numbers (n, columns) of a file are, whose columns are those of `value_columns`.

    Raises:
        InputError: less than no read.
    """
    n_targets = len(data.targets)
    names = source.columns.values
    reads = bool(data.reads_column) and len(names) > n_targets and names[-1] == data.reads_column
    further = names[n_targets : len(names) - reads]
    targets = tuple(
        next(place for place, target in enumerate(names[:n_targets]) if name in replicate_columns(further, target))
        for name in further
    )
    if reads and values[:, -1].min(initial=0) < 0:
        raise InputError(
            f"{source.path}: column {data.reads_column} has {values[:, -1].min():g}, expected numbers of reads "
            "(data.reads_column)"
        )
    end = n_targets + len(further)
    return Measured(values[:, :n_targets], values[:, n_targets:end], targets, values[:, -1] if reads else None)
