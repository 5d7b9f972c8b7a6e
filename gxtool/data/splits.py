"""Who is trained on, who chooses, who judges: split tables with one row per (row, scheme, fold).

Every function returns a table with the columns row (u32), scheme, fold (i32) and role ("train", "val", "test").
Choices are made by hashing the group's name with the seed, so a group (a gene) keeps its role whatever else is in
the table, in every sample and on every machine.
"""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from gxtool.errors import InputError

UNIT = 2.0**64


def file_split(rows: pl.DataFrame) -> pl.DataFrame:
    """Keep the roles the published files give (column `role`)."""
    return _table(rows, "file", rows["role"].to_list())


def group_split(rows: pl.DataFrame, validation_fraction: float, seed: int) -> pl.DataFrame:
    """Pool published train and val, and hold out a share of the groups for validation; test stays as published.

    No group stands on both sides in any sample: a gene held out for one cell type is held out for all.
    """
    held_out = {
        group: hash_unit(group, seed) < validation_fraction
        for group in rows.filter(pl.col("role") != "test")["group"].unique().to_list()
    }
    roles = [
        "test" if role == "test" else "val" if held_out[group] else "train"
        for group, role in rows.select("group", "role").iter_rows()
    ]
    return _table(rows, "group", roles)


def random_rows_split(rows: pl.DataFrame, validation_fraction: float, seed: int) -> pl.DataFrame:
    """Split pooled train and val rows at random, as the published `mix` mode does.

    The same gene of another sample may be on both sides, so its validation score is too good; only test is honest.
    """
    draw = np.random.default_rng(seed).random(len(rows))
    roles = [
        "test" if role == "test" else "val" if drawn < validation_fraction else "train"
        for role, drawn in zip(rows["role"].to_list(), draw, strict=True)
    ]
    return _table(rows, "random_rows", roles)


def hash_unit(name: str, seed: int) -> float:
    """Map a name and a seed to a number in [0, 1), the same on every machine."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / UNIT


def overlapping_groups(rows: pl.DataFrame, splits: pl.DataFrame, fold: int, first: str, second: str) -> list[str]:
    """Return the groups that have rows in both roles of one fold, ascending."""
    joined = splits.filter(pl.col("fold") == fold).join(rows.select("row", "group"), on="row")
    sides = [set(joined.filter(pl.col("role") == role)["group"].unique().to_list()) for role in (first, second)]
    return sorted(sides[0] & sides[1])


def require_roles(splits: pl.DataFrame, where: str) -> None:
    """Check that every fold has rows to train on, to choose by and to test on.

    Raises:
        InputError: a role is empty; the sentence names the fold.
    """
    for fold in sorted(splits["fold"].unique().to_list()):
        present = set(splits.filter(pl.col("fold") == fold)["role"].unique().to_list())
        for role in ("train", "val", "test"):
            if role not in present:
                raise InputError(f"{where}: fold {fold} has no {role} rows, expected some in train, val and test")


def _table(rows: pl.DataFrame, scheme: str, roles: list[str]) -> pl.DataFrame:
    return pl.DataFrame(
        {"row": rows["row"].cast(pl.UInt32), "scheme": scheme, "fold": pl.Series([0] * len(rows), dtype=pl.Int32)}
    ).with_columns(pl.Series("role", roles, dtype=pl.String))
