"""Near-duplicate promoters: which rows belong together, and which stand on both sides of a split. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from gxtool.data.similarity import near_duplicates


class Stacked:
    """Tokens of several files as one table (n, L), read where they are asked for."""

    def __init__(self, arrays: Sequence[np.ndarray]) -> None:
        self.arrays = arrays
        self.ends = np.cumsum([len(array) for array in arrays])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Return the tokens of some rows (m, L)."""
        part = np.searchsorted(self.ends, rows, side="right")
        taken = np.empty((len(rows), self.arrays[0].shape[1]), np.uint8)
        for number in np.unique(part):
            own = part == number
            start = self.ends[number] - len(self.arrays[number])
            taken[own] = self.arrays[number][rows[own] - start]
        return taken


def similarity_groups(ids: pl.Series, tokens: Sequence[np.ndarray]) -> pl.Series:
    """Return for each sequence (n,) the smallest id among its near-duplicates and those that these connect it with.

    `tokens` are arrays (rows, L) that hold the sequences one after the other.
    """
    keys = ids.str.to_integer(base=16, dtype=pl.UInt64).to_numpy()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    found = near_duplicates(Stacked(tokens), first[order])
    smallest = np.full(len(order), len(order))
    np.minimum.at(smallest, found, order)
    group = np.empty(len(order), np.int64)
    group[order] = smallest[found]
    return ids.gather(first[group[inverse]])


def describe(ids: pl.Series, groups: pl.Series, rows: pl.DataFrame) -> dict[str, Any]:
    """Return what near-duplicates there are: `sequences` that have one, `groups` of them, and `leaks` by role.

    `rows` (row, role) are those of a split; a leak is a row of val or test with a near-duplicate that is trained on,
    or, of test, that validates.
    """
    distinct = pl.DataFrame({"id": ids, "group": groups}).unique("id").group_by("group").len()
    several = distinct.filter(pl.col("len") > 1)
    table = rows.with_columns(group=groups.gather(rows["row"]))
    trained, chosen = (table.filter(pl.col("role") == role)["group"].unique() for role in ("train", "val"))
    leaks = {
        "val": _count(table, "val", trained),
        "test": _count(table, "test", pl.concat([trained, chosen]).unique()),
    }
    return {"sequences": int(several["len"].sum()), "groups": len(several), "leaks": leaks}


def _count(table: pl.DataFrame, role: str, relatives: pl.Series) -> int:
    own = table.filter(pl.col("role") == role)["group"]
    return int(own.is_in(relatives.implode()).sum())


def sentence(found: dict[str, Any]) -> str:
    """Say how many rows have near-duplicates on the other side of the split; empty where none has."""
    leaks = [f"{count:,} {role}" for role, count in found["leaks"].items() if count]
    if not leaks:
        return ""
    rows = "row" if sum(found["leaks"].values()) == 1 else "rows"
    return (
        f"{' and '.join(leaks)} {rows} have near-duplicates (half of the 16-mers shared, or overlapping windows) among "
        "the rows that the model is trained or chosen on; data.split=similarity keeps them on one side"
    )
