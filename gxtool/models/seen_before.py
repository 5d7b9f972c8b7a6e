"""Test rows that a run will leave out, as the run that it starts from was trained or chosen on them."""

from __future__ import annotations

import polars as pl

from gxtool.data.splits import SCHEMES
from gxtool.models.look import InputFacts

LEARNT = ("train", "val")


def count_seen_before(inputs: InputFacts, earlier: InputFacts, fold: int, by_sample: bool) -> tuple[int, int]:
    """Return how many test rows of a fold are not new after an earlier run on other rows, and how many there are.

    New in the sense of what the split claims: groups, samples or both. `by_sample`: each of the earlier run's models
    saw one sample alone, and the model of the same sample starts from it.
    """
    tested = _rows(inputs, fold, ("test",))
    learnt = _rows(earlier, fold, LEARNT)
    new = SCHEMES[inputs.splits["scheme"][0]].new
    key = ["sample", "group"] if by_sample else ["group"]
    groups = tested.join(learnt, on=key, how="semi")["row"]
    samples = tested.join(learnt, on="sample", how="semi")["row"]
    seen = {"groups": [groups], "samples": [samples], "both": [groups, samples]}[new]
    return pl.concat(seen).n_unique(), len(tested)


def _rows(inputs: InputFacts, fold: int, roles: tuple[str, ...]) -> pl.DataFrame:
    """Return row, sample and group of the rows with one of these roles in a fold."""
    chosen = inputs.splits.filter(pl.col("fold") == fold, pl.col("role").is_in(roles)).select(pl.col("row").cast(int))
    return inputs.rows.select(pl.col("row").cast(int), "sample", "group").join(chosen, on="row")
