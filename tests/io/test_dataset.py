"""An opened dataset: labels of one target and of several, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gxtool.errors import InputError
from gxtool.io.artifact import ArtifactWriter
from gxtool.io.dataset import Dataset

VALUES = np.arange(6.0, dtype=np.float32).reshape(3, 2)


def write(path: Path, labels: np.ndarray, targets: list[str], samples: tuple[str, ...] = ("fly", "fly", "fly")) -> Path:
    rows = pl.DataFrame({"row": range(3), "sample": samples, "group": list("abc")})
    splits = pl.DataFrame({"row": range(3), "scheme": "file", "fold": 0, "role": ["train", "val", "test"]})
    with ArtifactWriter(path, "dataset", family="proformer") as writer:
        writer.write_array("labels.npy", labels)
        writer.write_table("rows.parquet", rows.with_columns(pl.col("row").cast(pl.UInt32)))
        writer.write_table("splits.parquet", splits)
        writer.describe(info={"scheme": "file", **({"targets": targets} if targets else {})})
    return path


def test_each_target_has_its_column_and_its_name(tmp_path: Path) -> None:
    one = Dataset.open(write(tmp_path / "one", VALUES[:, 0], []))
    assert (one.n_targets, one.labels().tolist(), one.name_of("fly")) == (1, [0, 2, 4], "fly")
    both = Dataset.open(write(tmp_path / "both", VALUES, ["dev", "hk"]))
    assert (both.n_targets, both.labels(1).tolist(), both.name_of("fly", 1)) == (2, [1, 3, 5], "hk")
    alone = Dataset.open(write(tmp_path / "alone", VALUES[:, 1], ["hk"]))
    assert (alone.n_targets, alone.labels().tolist(), alone.name_of("fly")) == (1, [1, 3, 5], "hk")
    several = Dataset.open(write(tmp_path / "several", VALUES, ["dev", "hk"], ("fly", "fly", "mouse")))
    assert several.name_of("mouse", 0) == "mouse dev"


def test_labels_have_a_column_for_each_target(tmp_path: Path) -> None:
    for name, labels, targets, sentence in (
        ("few", VALUES[:, 0], ["dev", "hk"], r"has shape \(3,\), expected 2 for each of 3 rows \(dev, hk\)$"),
        ("many", VALUES, [], r"has shape \(3, 2\), expected 1 for each of 3 rows \(no targets are named\)$"),
    ):
        path = write(tmp_path / name, labels, targets)
        with pytest.raises(InputError, match=sentence):
            Dataset.open(path)


def test_arrays_have_a_row_for_each_row(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"labels.npy: 2 rows, expected 3 as in rows.parquet$"):
        Dataset.open(write(tmp_path / "short", VALUES[:2, 0], []))
