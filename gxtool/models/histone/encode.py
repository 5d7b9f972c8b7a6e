"""`examples` of histone marks become a `dataset`: joined, labelled, split and summarised. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from gxtool.data.splits import (
    chromosome_split,
    file_split,
    group_and_sample_split,
    group_split,
    random_rows_split,
    sample_split,
)
from gxtool.errors import ConfigError, InputError
from gxtool.io.artifact import Artifact, ArtifactWriter
from gxtool.io.replicates import join_replicates
from gxtool.models.histone.config import DataConfig
from gxtool.models.histone.examples import ROLES, join_arrays, layout
from gxtool.models.histone.others import COLUMN, join_other_cell_types
from gxtool.models.histone.summary import summarise

SAME = ("signal_kind", "orientation")
"""What all examples of a dataset must have in common beside their axes."""
FACTS = ("matched", "outside", "blacklisted", "missing_marks", "renamed_chromosomes", COLUMN)
"""What is told of each sample's tracks."""


def encode(examples: Sequence[Artifact], data: DataConfig, writer: ArtifactWriter) -> None:
    """Join examples into one dataset: signal.npy (unscaled), labels.npy, rows, splits, summary and replicates.

    labels.npy holds 0 and 1 (uint8), or log2(expression + 1) (float32) with data.target=log_expression.

    Raises:
        InputError: examples made with other marks or bins, only some of them labelled, or without what the target or
            the split needs.
        ConfigError: a threshold of training genes with several folds.
    """
    _require_same(examples, data)
    tables = [part.table("rows.parquet").drop("row") for part in examples]
    for part, table in zip(examples, tables, strict=True):
        if table.columns != tables[0].columns:
            raise InputError(
                f"{part.path}: its rows have {', '.join(table.columns)}, expected {', '.join(tables[0].columns)} as "
                f"{examples[0].path} (labels or expression in all of them or in none)"
            )
    rows = pl.concat(tables).with_row_index("row")
    signals = [part.array("signal.npy") for part in examples]
    if len(examples) == 1:
        writer.adopt("signal.npy", examples[0], "signal.npy")
    else:
        join_arrays(signals, (len(rows), *signals[0].shape[1:]), np.result_type(*signals), writer)
    if data.allow_missing:
        writer.write_array("present.npy", np.concatenate([part.array("present.npy") for part in examples]))
    splits = split_rows(rows, data)
    labels, thresholds = label_rows(rows, splits, data)
    if labels is not None:
        rows = rows.with_columns(pl.Series("label", labels))
        writer.write_array("labels.npy", labels)
    writer.write_table("rows.parquet", rows)
    writer.write_table("splits.parquet", splits)
    # Labels are log2(expression + 1), or made of the order of expression, which the logarithm keeps.
    join_replicates(examples, writer, lambda table: table.with_columns((pl.col("value") + 1).log(2)))
    join_other_cell_types(examples, writer)
    _describe(examples, (rows, splits, signals), {"thresholds": thresholds} if thresholds else {}, data, writer)


def _require_same(examples: Sequence[Artifact], data: DataConfig) -> None:
    for part in examples:
        for fact, wanted in layout(data).items():
            found = part.manifest.info.get(fact)
            if found != wanted:
                raise InputError(f"{part.path}: was made with {fact} {found}, expected {wanted} as in data.{fact}")
        for fact in SAME:
            found, wanted = part.manifest.info[fact], examples[0].manifest.info[fact]
            if found != wanted:
                raise InputError(f"{part.path}: its {fact} is {found}, expected {wanted} as in {examples[0].path}")
        if data.allow_missing and "present.npy" not in part.manifest.files:
            raise InputError(f"{part.path}: was made without data.allow_missing, expected it with it")


def split_rows(rows: pl.DataFrame, data: DataConfig) -> pl.DataFrame:
    """Return who is trained on, who chooses and who judges, as data.split says; rows without labels all wait for test.

    Raises:
        InputError: the rows do not say what the split needs.
    """
    published = rows["role"].null_count() == 0
    if "label" not in rows.columns and "expression" not in rows.columns:
        return file_split(rows.with_columns(pl.lit("test").alias("role")))
    split = data.split if data.split != "auto" else "file" if published else "chromosome"
    if split in ("file", "random_rows") and not published:
        raise InputError(
            f"data.split={split}: tracks come without published train, valid and test genes, expected gene, "
            "chromosome, cell_type or gene_and_cell_type"
        )
    if split == "chromosome" and "chrom" not in rows.columns:
        raise InputError(
            "data.split=chromosome: these tables do not say where a gene lies, expected file, gene or cell_type"
        )
    if split == "chromosome":
        return chromosome_split(rows, data.n_folds)
    if split == "cell_type":
        return sample_split(rows, data.n_folds)
    if split == "gene_and_cell_type":
        return group_and_sample_split(rows, data.validation_fraction, data.split_seed, data.test_fraction, data.n_folds)
    if split == "gene":
        return group_split(rows, data.validation_fraction, data.split_seed, None if published else data.test_fraction)
    if split == "random_rows":
        return random_rows_split(rows, data.validation_fraction, data.split_seed)
    return file_split(rows)


def label_rows(
    rows: pl.DataFrame, splits: pl.DataFrame, data: DataConfig
) -> tuple[np.ndarray | None, dict[str, float]]:
    """Return the target of every row (None without any) and the thresholds (sample -> expression) it was made with.

    A gene is on when its expression is above the median of its sample; `>` and not `>=`, because where most genes are
    silent the median is 0 and every gene would be on.

    Raises:
        InputError: log expression is asked for of tables that only hold labels.
        ConfigError: a threshold of training genes with several folds.
    """
    if "expression" not in rows.columns:
        if "label" in rows.columns and data.target != "label":
            raise InputError(
                f"data.target={data.target}: these tables hold labels and no expression, expected target label"
            )
        return (rows["label"].to_numpy() if "label" in rows.columns else None), {}
    values = rows["expression"].to_numpy()
    if data.target == "log_expression":
        return np.log2(values + 1).astype(np.float32), {}
    counted = np.ones(len(rows), dtype=bool)
    if data.threshold == "train":
        if splits["fold"].n_unique() > 1:
            raise ConfigError(
                f"data.threshold: is train, but data.split={data.split} has several folds, whose training genes have "
                "other medians; expected all"
            )
        counted[:] = False
        counted[splits.filter(pl.col("role") == "train")["row"].to_numpy()] = True
    labels = np.zeros(len(rows), np.uint8)
    thresholds = {}
    for sample in rows["sample"].unique(maintain_order=True).to_list():
        own = (rows["sample"] == sample).to_numpy()
        thresholds[sample] = float(np.median(values[own & counted])) if (own & counted).any() else float("nan")
        labels[own] = values[own] > thresholds[sample]
    return labels, thresholds


def _describe(
    examples: Sequence[Artifact],
    content: tuple[pl.DataFrame, pl.DataFrame, Sequence[np.ndarray]],
    origin: dict[str, Any],
    data: DataConfig,
    writer: ArtifactWriter,
) -> None:
    rows, splits, signals = content
    info = examples[0].manifest.info
    said = {fact: info[fact] for fact in SAME} | {"target": data.target}
    origins = [part.manifest.info["origin"] for part in examples]
    facts = {sample: found for one in origins for sample, found in one.get("facts", {}).items()}
    assemblies = {one["assembly"] for one in origins if one.get("assembly")}
    told = said | {"assembly": ", ".join(sorted(assemblies))}
    told |= {key: {sample: found[key] for sample, found in facts.items() if key in found} for key in FACTS}
    ends = np.cumsum([len(signal) for signal in signals])
    parts = [
        (rows.slice(end - len(signal), len(signal)), signal) for end, signal in zip(ends.tolist(), signals, strict=True)
    ]
    writer.write_json("summary.json", summarise(parts, splits, data, told))
    writer.describe(
        rows={role: int((splits["role"] == role).sum()) for role in ROLES},
        info={
            **layout(data),
            **said,
            "scheme": splits["scheme"][0],
            "samples": rows["sample"].unique(maintain_order=True).to_list(),
            "inputs": [item for part in examples for item in part.manifest.info["inputs"]],
            "origin": origin,
        },
    )
