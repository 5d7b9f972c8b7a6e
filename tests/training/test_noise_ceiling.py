"""Evaluations say what a perfect model could reach, where something of their test rows was measured more than once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import toy_family

from gxtool.io.artifact import ArtifactWriter
from gxtool.io.dataset import Dataset
from gxtool.io.replicates import SCHEMA, long_table
from gxtool.models.base import Unit
from gxtool.training.ceilings import add_ceilings, repeated, sample_ceiling
from gxtool.training.evaluate import evaluate
from gxtool.training.run import TrainOptions, train

NOTHING = pl.DataFrame(schema=SCHEMA)


def dataset_of(path: Path, labels: np.ndarray, groups: list[str]) -> Dataset:
    rows = pl.DataFrame({"row": pl.Series(range(len(groups)), dtype=pl.UInt32), "sample": "A", "group": groups})
    with ArtifactWriter(path, "dataset") as writer:
        writer.write_array("labels.npy", labels)
        writer.write_table("rows.parquet", rows)
        writer.write_table("splits.parquet", rows.select("row", scheme=pl.lit("file"), fold=0, role=pl.lit("test")))
    return Dataset.open(path)


def rows_of(dataset: Dataset) -> pl.DataFrame:
    labels = pl.Series("label", np.asarray(dataset.labels(), np.float64))
    return dataset.rows.with_columns(labels, target=pl.lit(0, pl.UInt32))


def test_replicates_of_known_noise_have_the_known_ceiling(tmp_path: Path) -> None:
    """Noise as large as the truth: r of replicates 1/2; the mean of three is worth 3/4; its root is the ceiling."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=4_000)
    replicates = truth[:, None] + rng.normal(size=(4_000, 3))
    dataset = dataset_of(tmp_path / "d", replicates.mean(1), [f"g{i}" for i in range(4_000)])
    found = sample_ceiling(long_table(replicates, [0, 0, 0]), dataset, rows_of(dataset), "regression", 0.95)
    assert (found["source"], found["n_measurements"], found["n_units"]) == ("replicates", 3, 4_000)
    assert found["between"]["estimate"] == pytest.approx(0.5, abs=0.03)
    assert found["metrics"]["r2_score"]["estimate"] == pytest.approx(0.75, abs=0.03)
    pearson = found["metrics"]["pearson"]
    assert pearson["estimate"] == pytest.approx(np.sqrt(0.75), abs=0.02)
    assert pearson["low"] < np.corrcoef(truth, replicates.mean(1))[0, 1] < pearson["high"]


def test_replicates_of_other_rows_and_targets_do_not_count(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(size=(30, 2))
    dataset = dataset_of(tmp_path / "d", values.mean(1), [f"g{i}" for i in range(30)])
    rows = rows_of(dataset)
    table = long_table(values, [0, 0])
    assert sample_ceiling(table, dataset, rows[:20], "regression", 0.95)["n_units"] == 20
    assert sample_ceiling(table, dataset, rows[:9], "regression", 0.95) is None, "too few to say"
    values[:15, 1] = np.nan
    assert sample_ceiling(long_table(values, [0, 0]), dataset, rows, "regression", 0.95)["n_units"] == 15
    other = long_table(values, [1, 1])
    assert sample_ceiling(other, dataset, rows, "regression", 0.95) is None


def test_sequences_that_stand_twice_are_two_measurements_of_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    truth = rng.normal(size=3_000)
    labels = np.concatenate([truth + rng.normal(size=3_000), truth + rng.normal(size=3_000), rng.normal(size=500)])
    groups = [f"g{i}" for i in range(3_000)] * 2 + [f"single{i}" for i in range(500)]
    dataset = dataset_of(tmp_path / "d", labels, groups)
    found = sample_ceiling(NOTHING, dataset, rows_of(dataset), "regression", 0.95)
    assert (found["source"], found["n_measurements"], found["n_units"]) == ("repeated rows", 2, 3_000)
    assert found["metrics"]["pearson"]["estimate"] == pytest.approx(np.sqrt(0.5), abs=0.03)
    assert found["metrics"]["r2_score"]["estimate"] == pytest.approx(0.5, abs=0.04)


def test_an_order_by_value_makes_no_ceiling() -> None:
    """Of pure noise the smaller and the larger of two correlate with 0.47; drawn at random they do not."""
    values = np.sort(np.random.default_rng(3).normal(size=(4_000, 2)), axis=1)
    rows = pl.DataFrame({"group": np.repeat(np.arange(4_000), 2).astype(str), "label": values.ravel()})
    assert np.corrcoef(values.T)[0, 1] > 0.4
    assert abs(np.corrcoef(repeated(rows))[0, 1]) < 0.06


def test_lines_that_stand_there_twice_measure_nothing_twice(tmp_path: Path) -> None:
    values = np.random.default_rng(4).normal(size=40)
    dataset = dataset_of(tmp_path / "d", np.tile(values, 2), [f"g{i}" for i in range(40)] * 2)
    assert sample_ceiling(NOTHING, dataset, rows_of(dataset), "regression", 0.95) is None
    once = dataset_of(tmp_path / "once", values, [f"g{i}" for i in range(40)])
    assert sample_ceiling(NOTHING, once, rows_of(once), "regression", 0.95) is None


def test_a_constant_measurement_leaves_no_ceiling(tmp_path: Path) -> None:
    values = np.stack([np.random.default_rng(5).normal(size=40), np.ones(40)], axis=1)
    dataset = dataset_of(tmp_path / "d", values[:, 0], [f"g{i}" for i in range(40)])
    assert sample_ceiling(long_table(values, [0, 0]), dataset, rows_of(dataset), "regression", 0.95) is None


def test_predictors_whose_interval_reaches_the_ceiling_are_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    replicates = rng.normal(size=(500, 1)) + rng.normal(size=(500, 2))
    dataset = dataset_of(tmp_path / "d", replicates.mean(1), [f"g{i}" for i in range(500)])
    with ArtifactWriter(tmp_path / "with", "dataset") as writer:
        for name in ("labels.npy", "rows.parquet", "splits.parquet"):
            writer.adopt(name, dataset.artifact)
        writer.write_table("replicates.parquet", long_table(replicates, [0, 0]))
    table = rows_of(dataset).with_columns(sample=pl.lit("A"), predictor=pl.lit("model"))
    scores = {"low": {"high": 0.7}, "close": {"high": 0.85}, "unknown": {"high": float("nan")}}
    baselines = {name: {"metrics": {"pearson": score}} for name, score in scores.items()}
    entry = {"sample": "A", "model": {"pearson": {"high": 0.9}}, "baselines": baselines}
    (found,) = add_ceilings([entry], Dataset.open(tmp_path / "with"), table, "pearson", 0.95)
    assert found["ceiling"]["metrics"]["pearson"]["estimate"] == pytest.approx(np.sqrt(2 / 3), abs=0.03)
    assert found["ceiling"]["reached_by"] == ["model", "close"]


def test_classes_are_held_against_what_two_measurements_leave_room_for(dataset: Path, tmp_path: Path) -> None:
    """The toy's label is its first number with noise: two such measurements, and what one says of the other."""
    opened = Dataset.open(dataset)
    rng = np.random.default_rng(7)
    values = np.asarray(opened.arrays["numbers"])[:, :1] + 0.5 * rng.normal(size=(155, 2))
    with ArtifactWriter(tmp_path / "d", "dataset", family="toy") as writer:
        for name in opened.artifact.manifest.files:
            writer.adopt(name, opened.artifact)
        writer.write_table("replicates.parquet", long_table(values, [0, 0]))
        writer.describe(info=opened.artifact.manifest.info)
    train(tmp_path / "d", tmp_path / "model", toy_family.run(), [Unit(None, 5)], TrainOptions())
    evaluate([tmp_path / "model"], tmp_path / "d", tmp_path / "e")
    liver, lung = json.loads((tmp_path / "e/metrics.json").read_text())["samples"]
    ceiling = liver["ceiling"]
    assert (ceiling["source"], ceiling["n_measurements"], ceiling["n_units"]) == ("replicates", 2, 23)
    assert 0.7 < ceiling["metrics"]["auroc"]["estimate"] <= 1
    assert "first_number" in ceiling["reached_by"]
    assert "train_mean" not in ceiling["reached_by"]
    assert lung["ceiling"]["n_units"] == 15
    train(dataset, tmp_path / "plain", toy_family.run(), [Unit(None, 5)], TrainOptions())
    evaluate([tmp_path / "plain"], dataset, tmp_path / "without")
    assert "ceiling" not in json.loads((tmp_path / "without/metrics.json").read_text())["samples"][0]
