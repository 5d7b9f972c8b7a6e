"""Test rows and what predictors say of them, as the tables of predictions hold them.

A table has one line per predictor, seed and test row: sample, group, label, predictor (`model` or a baseline's name),
seed (null for baselines), fold, prediction. A group with several rows in a sample has them in the order of the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gxtool.errors import InputError, quoted
from gxtool.measure.evidence import Predictions, Rows

MODEL = "model"
COLUMNS = ("sample", "group", "label", "predictor", "seed", "fold", "prediction")
# What tells a test row from others: `copy` counts the rows that a group has in a sample and fold.
ROW = ("sample", "fold", "group", "copy")
_LINE = ("predictor", "seed")


class Answers(NamedTuple):
    """Test rows (table: sample, fold, group, copy, label) and what each predictor says of them, the model first."""

    table: pl.DataFrame
    rows: Rows
    predictions: Mapping[str, Predictions]

    @property
    def model(self) -> Predictions:
        """Return the predictions of the model."""
        return self.predictions[MODEL]

    def places(self, sample: str) -> NDArray[np.int64]:
        """Return where the rows of a sample stand (n,)."""
        number = self.rows.samples.index(sample)
        return np.sort(np.concatenate([block.rows for block in self.rows.blocks if block.sample == number]))


def read_answers(table: pl.DataFrame, run: str = MODEL, where: str = "predictions") -> Answers:
    """Arrange a table of predictions by test row; the model is called by its run.

    Raises:
        InputError: no predictions of the model, a predictor or seed with other rows than the model's first seed, or
            labels that differ between predictors.
    """
    lines = {key: _in_order(own) for key, own in table.select(COLUMNS).group_by(_LINE, maintain_order=True)}
    seeds: dict[str, list[pl.DataFrame]] = {}
    for (predictor, _), own in sorted(lines.items(), key=lambda item: (item[0][1] is None, item[0][1] or 0)):
        seeds.setdefault(predictor, []).append(own)
    if MODEL not in seeds:
        raise InputError(f"{where}: has no predictions of predictor {MODEL}, expected some beside the baselines'")
    first = seeds[MODEL][0].select(*ROW, "label")
    for name, members in seeds.items():
        for own in members:
            if not own.select(*ROW, "label").equals(first):
                raise InputError(
                    f"{where}: {quoted(name)} has {len(own):,} rows or labels that differ from the {len(first):,} of "
                    f"{MODEL}, expected the same test rows for every predictor and seed"
                )
    names = dict.fromkeys([MODEL, *table["predictor"].unique(maintain_order=True)])
    values = {name: np.stack([own["prediction"].to_numpy() for own in seeds[name]]) for name in names}
    predictions = {name: Predictions(run if name == MODEL else name, values[name]) for name in names}
    return Answers(first, _rows(first), predictions)


def _in_order(line: pl.DataFrame) -> pl.DataFrame:
    """Sort the rows of one predictor and seed by sample, fold and group, and count the rows of a group."""
    keys = ROW[:-1]
    ordered = line.sort(keys, maintain_order=True)
    place = pl.int_range(pl.len(), dtype=pl.UInt32)
    first = pl.any_horizontal(pl.col(key).ne_missing(pl.col(key).shift()) for key in keys)
    return ordered.with_columns(copy=place - pl.when(first).then(place).forward_fill().fill_null(0))


def _rows(table: pl.DataFrame) -> Rows:
    """Arrange test rows; names are numbered here, as sorting millions of them as objects takes seconds."""
    names = table["sample"].unique().sort()
    numbers = {name: table[name].rank("dense").to_numpy() for name in ("group", "sample")}
    parts = table["fold"].to_numpy() if table["fold"].n_unique() > 1 else None
    rows = Rows.of(table["label"].to_numpy(), numbers["group"], numbers["sample"], parts)
    return replace(rows, samples=tuple(names))


def shared_samples(first: Answers, second: Answers) -> tuple[str, ...]:
    """Name the samples in which two runs were scored on the same rows with the same labels."""
    own, theirs = (one.table.partition_by("sample", as_dict=True) for one in (first, second))
    return tuple(key[0] for key, rows in own.items() if key in theirs and rows.equals(theirs[key]))


def of_samples(answers: Answers, samples: Sequence[str]) -> Answers:
    """Return the answers for some samples only."""
    if set(samples) == set(answers.rows.samples):
        return answers
    chosen = answers.table["sample"].is_in(list(samples)).to_numpy()
    table = answers.table.filter(pl.Series(chosen))
    predictions = {name: one._replace(values=one.values[:, chosen]) for name, one in answers.predictions.items()}
    return Answers(table, _rows(table), predictions)
