"""`examples` of promoters become a `dataset`: joined, split by sequence and summarised. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from gxtool.data.splits import file_split
from gxtool.errors import InputError
from gxtool.io.artifact import Artifact, ArtifactWriter
from gxtool.io.dataset import SIMILARITY
from gxtool.io.replicates import join_replicates
from gxtool.measure.scales import TEST_SCALE
from gxtool.models.proformer.config import DataConfig
from gxtool.models.proformer.examples import BLOCK
from gxtool.models.proformer.ids import hash_units
from gxtool.models.proformer.near import describe, sentence, similarity_groups
from gxtool.models.proformer.side import join
from gxtool.models.proformer.subsets import TABLE
from gxtool.models.proformer.summary import summarise
from gxtool.models.proformer.windows import with_overlaps

ROLES = ("train", "val", "test")
SIMILARITY_SCHEME = "similarity"


def encode(examples: Sequence[Artifact], data: DataConfig, writer: ArtifactWriter) -> None:
    """Join examples into one dataset: tokens.npy, lengths.npy, labels.npy (float32, unscaled; of T > 1 targets (rows,
    T)), rows, splits, summary, and subsets of test sequences, variants and motifs where examples have them.

    Raises:
        InputError: examples made with other targets or another length, only some of them with expression, or without
            the files that the split needs.
    """
    _require_same(examples, data)
    rows = pl.concat([part.table("rows.parquet").drop("row") for part in examples], how="diagonal")
    rows = rows.with_row_index("row")
    if len(examples) == 1:
        for name in ("tokens.npy", "lengths.npy"):
            writer.adopt(name, examples[0])
    else:
        with writer.stream_array("tokens.npy", (len(rows), data.length), np.dtype(np.uint8)) as stream:
            for part in examples:
                for block in _token_blocks(part):
                    stream.append(block)
        writer.write_array("lengths.npy", np.concatenate([part.array("lengths.npy") for part in examples]))
    labels = None
    if "values.npy" in examples[0].manifest.files:
        columns = [data.targets.index(name) for name in data.predicted]
        labels = np.concatenate([part.array("values.npy")[:, columns] for part in examples])
        writer.write_array("labels.npy", labels if len(columns) > 1 else labels[:, 0])
        near = with_overlaps(similarity_groups(rows["group"], [part.array("tokens.npy") for part in examples]), rows)
        splits = split_rows(rows, data, near)
        found = describe(rows["group"], near, splits)
        if splits["scheme"][0] == SIMILARITY_SCHEME:
            rows = rows.with_columns(near.alias(SIMILARITY))
        if len(columns) == 1:
            rows = rows.with_columns(pl.Series("label", labels[:, 0]))
    else:
        found = None
        splits = file_split(rows.with_columns(pl.lit("test").alias("role")))
    writer.write_table("rows.parquet", rows)
    writer.write_table("splits.parquet", splits)
    join_replicates(examples, writer, lambda table: _predicted(table, data))
    subsets = [part.table(TABLE) for part in examples if TABLE in part.manifest.files]
    if subsets:
        writer.write_table(TABLE, pl.concat(subsets))
    tokens = (block for part in examples for block in _token_blocks(part))
    lengths = np.concatenate([part.array("lengths.npy") for part in examples])
    origins = {name: found for part in examples for name, found in part.manifest.info["origin"]["tallies"].items()}
    facts = {"targets": list(data.predicted), "tallies": origins, TEST_SCALE: data.test_scale}
    described = summarise(rows, splits, tokens, (lengths, labels), facts)
    writer.write_json("summary.json", described | join(examples, writer))
    _describe(examples, rows, splits, data, writer, found)


def _predicted(replicates: pl.DataFrame, data: DataConfig) -> pl.DataFrame:
    """Return the replicates of the targets that are predicted, by their places among those."""
    places = {data.targets.index(name): place for place, name in enumerate(data.predicted)}
    kept = replicates.filter(pl.col("target").is_in(list(places)))
    return kept.with_columns(pl.col("target").replace_strict(places, return_dtype=pl.UInt32))


def _token_blocks(part: Artifact) -> Iterator[np.ndarray]:
    """Yield tokens in blocks; the file is opened for each, as pages of one that stays mapped count as memory in use."""
    for start in range(0, len(part.array("tokens.npy")), BLOCK):
        yield np.array(part.array("tokens.npy")[start : start + BLOCK])


def _describe(
    examples: Sequence[Artifact],
    rows: pl.DataFrame,
    splits: pl.DataFrame,
    data: DataConfig,
    writer: ArtifactWriter,
    near: dict[str, Any] | None,
) -> None:
    left_out = len(rows) - splits["row"].n_unique()
    reason = "near_duplicate_in_another_role" if SIMILARITY in rows.columns else "same_sequence_in_another_role"
    writer.describe(
        rows={role: int((splits["role"] == role).sum()) for role in ROLES},
        dropped={reason: left_out} if left_out else {},
        info={
            "length": data.length,
            "target": ", ".join(data.predicted),
            **({"targets": list(data.predicted)} if len(data.targets) > 1 else {}),
            "scheme": splits["scheme"][0],
            TEST_SCALE: data.test_scale,
            "samples": rows["sample"].unique(maintain_order=True).to_list(),
            "inputs": [item for part in examples for item in part.manifest.info["inputs"]],
            "origin": {
                "flanks": examples[0].manifest.info["origin"]["flanks"],
                **({"near_duplicates": near, "doubts": [said] if (said := sentence(near)) else []} if near else {}),
            },
        },
    )


def _require_same(examples: Sequence[Artifact], data: DataConfig) -> None:
    wanted = {"length": data.length, "targets": list(data.targets)}
    first = examples[0]
    for part in examples:
        for fact, expected in wanted.items():
            found = part.manifest.info[fact]
            if found != expected:
                raise InputError(f"{part.path}: was made with {fact} {found}, expected {expected} as in data.{fact}")
        if ("values.npy" in part.manifest.files) != ("values.npy" in first.manifest.files):
            raise InputError(
                f"{part.path}: one of it and {first.path} holds expression, expected expression in all samples or none"
            )


def split_rows(rows: pl.DataFrame, data: DataConfig, near: pl.Series | None = None) -> pl.DataFrame:
    """Return who is trained on, who chooses and who judges, as data.split says.

    `near` (n,) are the ids of similarity groups, None where nobody looked for any. The same sequence never has two
    roles, nor has a similarity group under that scheme: where files give it several, it keeps the strictest (test
    before val before train), and its other rows have none. Without near-duplicates this is the split by sequence.

    Raises:
        InputError: data.split=file, and a sample does not have all three files.
    """
    by_sample = rows.group_by("sample", maintain_order=True).agg(pl.col("role").unique())
    given = {sample: set(roles) for sample, roles in by_sample.iter_rows()}
    trained = [roles for roles in given.values() if "train" in roles]
    for sample, roles in given.items():
        missing = [role for role in ROLES if role not in roles]
        if data.split == "file" and missing and "train" in roles:
            raise InputError(
                f"data.split=file: sample {sample} has no file of {missing[0]} sequences, expected train, val and test"
            )
    pooled = data.split in ("sequence", "similarity")
    whole = not pooled and all(roles >= set(ROLES) for roles in trained)
    free = data.split == "auto" and all(roles <= {"train"} for roles in given.values())
    together = near is not None and (free or data.split == "similarity") and not near.equals(rows["group"])
    ids = near if near is not None and together else rows["group"]
    table = rows.select(
        pl.col("row").cast(pl.UInt32),
        ids.str.to_integer(base=16, dtype=pl.UInt64).alias("key"),
        _role(ids, given, data, pooled).alias("role"),
    )
    for stricter, weaker in (("test", ("val", "train")), ("val", ("train",))):
        taken = table.filter(pl.col("role") == stricter)["key"].unique()
        table = table.filter(~(pl.col("role").is_in(weaker) & pl.col("key").is_in(taken.implode())))
    scheme = "file" if whole else SIMILARITY_SCHEME if together else "group"
    return table.select("row", pl.lit(scheme).alias("scheme"), pl.lit(0, pl.Int32).alias("fold"), "role")


def _role(ids: pl.Series, given: dict[str, set[str]], data: DataConfig, pooled: bool) -> pl.Expr:
    """Return every row's role: its file's, or for training rows that of its hash where the sample has no such file."""
    tested = [name for name, roles in given.items() if "test" in roles]
    validated = [] if pooled else [name for name, roles in given.items() if "val" in roles]
    held_out = pl.Series(hash_units(ids, data.split_seed + 1) < data.test_fraction)
    chosen = pl.Series(hash_units(ids, data.split_seed) < data.validation_fraction)
    file, sample = pl.col("role"), pl.col("sample")
    from_pool = (file == "train") | (pl.lit(pooled) & (file == "val"))
    return (
        pl.when(~from_pool)
        .then(file)
        .when(pl.lit(held_out) & ~sample.is_in(tested))
        .then(pl.lit("test"))
        .when(pl.lit(chosen) & ~sample.is_in(validated))
        .then(pl.lit("val"))
        .otherwise(pl.lit("train"))
    )
