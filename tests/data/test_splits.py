"""Splits: a gene keeps its side in every sample, test stays test, and shares come out as asked."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gxtool.data.splits import (
    file_split,
    group_split,
    hash_unit,
    overlapping_groups,
    random_rows_split,
    require_roles,
)
from gxtool.errors import InputError


def rows(n_samples: int, n_genes: int) -> pl.DataFrame:
    """The published shape: the same genes in every sample, by role in order of their ids."""
    records = [
        {"sample": f"E{s:03}", "group": f"{g:06}", "role": ("train", "val", "test")[3 * g // n_genes]}
        for s in range(n_samples)
        for g in range(n_genes)
    ]
    return pl.DataFrame(records).with_row_index("row")


TABLE = rows(3, 30)


def test_file_split_keeps_published_roles() -> None:
    splits = file_split(TABLE)
    assert splits["role"].to_list() == TABLE["role"].to_list()
    assert splits["scheme"].unique().to_list() == ["file"]
    assert splits.columns == ["row", "scheme", "fold", "role"]


def test_group_split_keeps_a_gene_on_one_side_in_every_sample() -> None:
    splits = group_split(TABLE, 0.3, seed=1)
    for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
        assert overlapping_groups(TABLE, splits, 0, first, second) == []
    published = TABLE.filter(pl.col("role") == "test")["row"].to_list()
    assert splits.filter(pl.col("role") == "test")["row"].to_list() == published


def test_group_split_does_not_depend_on_which_samples_are_there() -> None:
    alone = TABLE.filter(pl.col("sample") == "E001")
    together = group_split(TABLE, 0.3, seed=1).join(TABLE.select("row", "sample", "group"), on="row")
    expected = together.filter(pl.col("sample") == "E001")["role"].to_list()
    assert group_split(alone, 0.3, seed=1)["role"].to_list() == expected


def test_random_rows_split_leaks_genes_between_train_and_val_and_never_into_test() -> None:
    splits = random_rows_split(TABLE, 0.3, seed=1)
    assert overlapping_groups(TABLE, splits, 0, "train", "val")
    assert overlapping_groups(TABLE, splits, 0, "train", "test") == []
    assert splits["scheme"].unique().to_list() == ["random_rows"]


@given(st.floats(0.1, 0.9), st.integers(0, 1000))
def test_the_share_held_out_is_about_what_was_asked(fraction: float, seed: int) -> None:
    table = rows(1, 3000)
    splits = group_split(table, fraction, seed)
    held_out = splits.filter(pl.col("role") == "val").height / splits.filter(pl.col("role") != "test").height
    assert abs(held_out - fraction) < 0.06


def test_hashing_is_the_same_on_every_machine() -> None:
    assert hash_unit("000003", 7) == pytest.approx(0.79002, abs=1e-5)


def test_a_role_without_rows_is_named() -> None:
    no_val = file_split(TABLE.filter(pl.col("role") != "val"))
    with pytest.raises(InputError, match="dataset: fold 0 has no val rows"):
        require_roles(no_val, "dataset")
    require_roles(file_split(TABLE), "dataset")
