"""Splits: a gene keeps its side in every sample, test stays test, and shares come out as asked."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gxtool.data.splits import (
    SCHEMES,
    chromosome_split,
    file_split,
    group_and_sample_split,
    group_split,
    hash_unit,
    overlapping,
    random_rows_split,
    require_roles,
    sample_split,
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
        assert overlapping(TABLE, splits, 0, (first, second), "group") == []
    published = TABLE.filter(pl.col("role") == "test")["row"].to_list()
    assert splits.filter(pl.col("role") == "test")["row"].to_list() == published


def test_group_split_does_not_depend_on_which_samples_are_there() -> None:
    alone = TABLE.filter(pl.col("sample") == "E001")
    together = group_split(TABLE, 0.3, seed=1).join(TABLE.select("row", "sample", "group"), on="row")
    expected = together.filter(pl.col("sample") == "E001")["role"].to_list()
    assert group_split(alone, 0.3, seed=1)["role"].to_list() == expected


def test_random_rows_split_leaks_genes_between_train_and_val_and_never_into_test() -> None:
    splits = random_rows_split(TABLE, 0.3, seed=1)
    assert overlapping(TABLE, splits, 0, ("train", "val"), "group")
    assert overlapping(TABLE, splits, 0, ("train", "test"), "group") == []
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


def with_chromosomes(n_samples: int = 2) -> pl.DataFrame:
    """Genes on five chromosomes of 12, 9, 5, 3 and 1 genes."""
    names = ["chr1"] * 12 + ["chr2"] * 9 + ["chr3"] * 5 + ["chrX"] * 3 + ["chrY"]
    return rows(n_samples, 30).with_columns(pl.Series("chrom", names * n_samples))


def roles_of(table: pl.DataFrame, splits: pl.DataFrame, fold: int, column: str) -> dict[str, set[str]]:
    """Return role -> values of a column in one fold."""
    joined = splits.filter(pl.col("fold") == fold).join(table.select("row", column), on="row")
    return {role: set(joined.filter(pl.col("role") == role)[column]) for role in ("train", "val", "test")}


def test_chromosomes_are_dealt_out_to_folds_of_like_size() -> None:
    table = with_chromosomes()
    splits = chromosome_split(table, 3)
    # 12 | 9 | 5 + 3 + 1: each chromosome goes to the smallest fold so far.
    assert roles_of(table, splits, 0, "chrom") == {"train": {"chr3", "chrX", "chrY"}, "val": {"chr2"}, "test": {"chr1"}}
    assert roles_of(table, splits, 2, "chrom") == {"train": {"chr2"}, "val": {"chr1"}, "test": {"chr3", "chrX", "chrY"}}
    tested = splits.filter(pl.col("role") == "test")["row"].to_list()
    assert sorted(tested) == list(range(60)), "every row is tested in exactly one fold"


def test_fewer_chromosomes_than_folds_are_named() -> None:
    with pytest.raises(InputError, match="split by chrom: the data have 5 .*expected at least 6, one for each fold"):
        chromosome_split(with_chromosomes(), 6)


def test_left_out_samples_keep_all_their_genes() -> None:
    table = rows(4, 6)
    splits = sample_split(table, 4)
    assert roles_of(table, splits, 1, "sample") == {"train": {"E000", "E003"}, "val": {"E002"}, "test": {"E001"}}
    assert roles_of(table, splits, 1, "group")["test"] == roles_of(table, splits, 1, "group")["train"]


@pytest.mark.parametrize("fold", [0, 1, 2])
def test_new_genes_in_new_samples_share_neither_with_training(fold: int) -> None:
    table = rows(3, 200)
    splits = group_and_sample_split(table, 0.3, 5, 0.25, 3)
    for pair in (("train", "test"), ("val", "test"), ("train", "val")):
        assert overlapping(table, splits, fold, pair, "group") == []
        assert overlapping(table, splits, fold, pair, "sample") == []
    assert len(splits.filter(pl.col("fold") == fold)) < len(table), "rows that would leak stand in no role"
    require_roles(splits, "here")


def test_a_test_share_of_genes_is_held_out_where_no_file_names_them() -> None:
    table = rows(2, 3000).drop("role").with_columns(role=pl.lit(None, dtype=pl.String))
    splits = group_split(table, 0.25, seed=3, test_fraction=0.2)
    share = splits["role"].value_counts(normalize=True)
    shares = dict(share.iter_rows())
    assert abs(shares["test"] - 0.2) < 0.03
    assert abs(shares["val"] - 0.25 * 0.8) < 0.03
    assert overlapping(table, splits, 0, ("train", "test"), "group") == []


def test_every_scheme_says_what_it_keeps_apart_and_proves() -> None:
    for scheme in SCHEMES.values():
        words = {"group": "gene", "groups": "genes", "sample": "cell type", "samples": "cell types"}
        text = scheme.proves.format(**words) + scheme.title.format(**words)
        assert "{" not in text
        assert set(scheme.apart) <= {"group", "sample", "chrom", "similarity_group"}
