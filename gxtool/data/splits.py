"""Who is trained on, who chooses, who judges: split tables with one row per (row, scheme, fold).

Every function returns a table with the columns row (u32), scheme, fold (i32) and role ("train", "val", "test"); rows
without a role in a fold do not stand in it. Choices are made by hashing names with the seed, so a group (a gene) keeps
its role whatever else is in the table, in every sample and on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from gxtool.errors import InputError

UNIT = 2.0**64
ROLES = ("train", "val", "test")
New = Literal["groups", "samples", "both"]


@dataclass(frozen=True)
class Scheme:
    """What a split keeps apart, as columns of rows.parquet, and what a score on its test rows therefore proves.

    `proves` and `title` are texts in which {group}, {groups}, {sample} and {samples} stand for the family's words.
    """

    title: str
    apart: tuple[str, ...]
    proves: str

    @property
    def new(self) -> New:
        """Return what test rows are claimed to be new in; scores of different claims are never pooled or compared."""
        return "groups" if "sample" not in self.apart else "both" if "group" in self.apart else "samples"


SCHEMES = {
    "file": Scheme(
        "published files",
        ("group",),
        "It predicts {groups} it has not seen in a {sample} it was trained on. The files say which, and keep "
        "nothing else apart: relatives of a test {group} may have been seen.",
    ),
    "group": Scheme(
        "new {groups}",
        ("group",),
        "It predicts {groups} it has not seen in a {sample} it was trained on. Relatives and neighbours of a {group} "
        "may have been seen.",
    ),
    "similarity": Scheme(
        "new {groups} without near-duplicates",
        ("group", "similarity_group"),
        "It predicts {groups} that are no near-duplicates of those it has seen (half of the 16-mers of the shorter one "
        "shared, on either strand), in a {sample} it was trained on.",
    ),
    "chromosome": Scheme(
        "new chromosomes",
        ("group", "chrom"),
        "It predicts {groups} on chromosomes it has not seen, in a {sample} it was trained on: neither neighbours nor "
        "shared windows help it.",
    ),
    "sample": Scheme(
        "new {samples}",
        ("sample",),
        "It predicts {samples} it has not seen, for {groups} it has seen elsewhere. Remembering each {group}'s average "
        "over the training {samples} is enough for a good score, so the average of the {group} is the bar to pass.",
    ),
    "group_and_sample": Scheme(
        "new {groups} in new {samples}",
        ("group", "sample"),
        "It predicts {groups} it has not seen in {samples} it has not seen: what it says can only come from the input.",
    ),
    "random_rows": Scheme(
        "random rows, as published",
        (),
        "Test {groups} are new, but validation shares {groups} with training in other {samples}, so what was chosen "
        "on it was chosen on memory.",
    ),
}


def file_split(rows: pl.DataFrame) -> pl.DataFrame:
    """Keep the roles the published files give (column `role`)."""
    return _table(rows, "file", rows["role"].to_list())


def group_split(
    rows: pl.DataFrame, validation_fraction: float, seed: int, test_fraction: float | None = None
) -> pl.DataFrame:
    """Hold out a share of the groups for validation, and (with `test_fraction`) another for the test.

    Without `test_fraction` published train and val are pooled and test stays as published. `validation_fraction` is
    a share of the groups that are not tested. No group stands on both sides in any sample: a gene held out for one
    cell type is held out for all.
    """
    published = rows["role"].to_list() if test_fraction is None else [""] * len(rows)
    roles = {}
    for group in rows["group"].unique().to_list():
        tested = test_fraction is not None and hash_unit(group, seed + 1) < test_fraction
        roles[group] = "test" if tested else "val" if hash_unit(group, seed) < validation_fraction else "train"
    chosen = [
        "test" if role == "test" else roles[group]
        for group, role in zip(rows["group"].to_list(), published, strict=True)
    ]
    return _table(rows, "group", chosen)


def chromosome_split(rows: pl.DataFrame, n_folds: int) -> pl.DataFrame:
    """Divide the chromosomes (column `chrom`) into folds of about as many groups; each is tested in one fold.

    Chromosomes are dealt out from the one with most groups to the one with fewest, each to the smallest fold so far.
    In fold k the chromosomes of part k are tested and those of the next part validate.

    Raises:
        InputError: fewer chromosomes than folds.
    """
    sizes = (
        rows.group_by("chrom").agg(pl.col("group").n_unique().alias("n")).sort("n", "chrom", descending=[True, False])
    )
    return _parts_split(rows, "chromosome", "chrom", dict(sizes.iter_rows()), n_folds)


def sample_split(rows: pl.DataFrame, n_folds: int) -> pl.DataFrame:
    """Divide the samples into folds in the order of their names, dealt out in turn; each is tested in one fold.

    Raises:
        InputError: fewer samples than folds.
    """
    return _parts_split(rows, "sample", "sample", dict.fromkeys(sorted(rows["sample"].unique().to_list()), 1), n_folds)


def group_and_sample_split(
    rows: pl.DataFrame, validation_fraction: float, seed: int, test_fraction: float, n_folds: int
) -> pl.DataFrame:
    """Test new groups in new samples: rows that share a group or a sample with another role have none.

    Raises:
        InputError: fewer samples than folds.
    """
    groups = group_split(rows, validation_fraction, seed, test_fraction).select("row", pl.col("role").alias("by_group"))
    samples = sample_split(rows, n_folds).join(groups, on="row", how="left", maintain_order="left")
    return samples.filter(pl.col("role") == pl.col("by_group")).select(
        "row", pl.lit("group_and_sample").alias("scheme"), "fold", "role"
    )


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


def overlapping(rows: pl.DataFrame, splits: pl.DataFrame, fold: int, pair: tuple[str, str], column: str) -> list[str]:
    """Return the values of a column of rows.parquet that have rows in both roles of one fold, ascending."""
    joined = splits.filter(pl.col("fold") == fold).join(rows.select("row", column), on="row")
    sides = [set(joined.filter(pl.col("role") == role)[column].unique().to_list()) for role in pair]
    return sorted(sides[0] & sides[1])


def require_roles(splits: pl.DataFrame, where: str) -> None:
    """Check that every fold has rows to train on, to choose by and to test on.

    Raises:
        InputError: a role is empty; the sentence names the fold.
    """
    for fold in sorted(splits["fold"].unique().to_list()):
        present = set(splits.filter(pl.col("fold") == fold)["role"].unique().to_list())
        for role in ROLES:
            if role not in present:
                raise InputError(f"{where}: fold {fold} has no {role} rows, expected some in train, val and test")


def _parts_split(rows: pl.DataFrame, scheme: str, column: str, sizes: Mapping[str, int], n_folds: int) -> pl.DataFrame:
    """Deal the values of a column out to parts; fold k tests part k, the next part validates, the others train."""
    if len(sizes) < n_folds:
        raise InputError(
            f"split by {column}: the data have {len(sizes)} ({', '.join(list(sizes)[:5])}), expected at least "
            f"{n_folds}, one for each fold"
        )
    parts = dict(zip(sizes, _dealt(list(sizes.values()), n_folds), strict=True))
    part = np.array([parts[value] for value in rows[column].to_list()])
    tables = []
    for fold in range(n_folds):
        roles = np.full(len(rows), "train", dtype=object)
        roles[part == (fold + 1) % n_folds] = "val"
        roles[part == fold] = "test"
        tables.append(_table(rows, scheme, roles.tolist(), fold))
    return pl.concat(tables)


def _dealt(sizes: Sequence[int], n_parts: int) -> list[int]:
    """Return the part of each size: the smallest part so far, the first of those where several are."""
    totals = [0] * n_parts
    parts = []
    for size in sizes:
        parts.append(totals.index(min(totals)))
        totals[parts[-1]] += size
    return parts


def _table(rows: pl.DataFrame, scheme: str, roles: list[str], fold: int = 0) -> pl.DataFrame:
    return pl.DataFrame(
        {"row": rows["row"].cast(pl.UInt32), "scheme": scheme, "fold": pl.Series([fold] * len(rows), dtype=pl.Int32)}
    ).with_columns(pl.Series("role", roles, dtype=pl.String))
