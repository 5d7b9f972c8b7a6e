"""Validation rows weigh as the reads behind them, where all of them are known; test rows never do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import toy_family

from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.io.dataset import Dataset
from gxtool.measure.metrics import auroc
from gxtool.measure.row_weights import weighted_score
from gxtool.models.base import Unit
from gxtool.training.evaluate import evaluate
from gxtool.training.predict import load_model
from gxtool.training.row_checks import reads_behind
from gxtool.training.run import TrainOptions, train

READS = np.random.default_rng(3).integers(1, 50, 155)


def with_reads(dataset: Path, path: Path, reads: list[float | None]) -> Path:
    opened = Dataset.open(dataset)
    with ArtifactWriter(path, "dataset", family="toy") as writer:
        for name in opened.artifact.manifest.files:
            if name != "rows.parquet":
                writer.adopt(name, opened.artifact)
        writer.write_table("rows.parquet", opened.rows.with_columns(reads=pl.Series(reads, dtype=pl.Float32)))
        writer.describe(info=opened.artifact.manifest.info)
    return path


def trained(dataset: Path, folder: Path) -> tuple[dict, float, float]:
    """Train for one epoch; return its line, the plain and the weighted AUROC of the model's validation rows."""
    train(dataset, folder, toy_family.run(epochs=1), [Unit(None, 5)], TrainOptions())
    opened = Dataset.open(dataset)
    rows = opened.indices("val")
    predictions = load_model(folder).predict(opened, rows)
    labels = np.asarray(opened.labels()[rows])
    line = json.loads((folder / "metrics.jsonl").read_text().splitlines()[0])
    weighted = weighted_score(["auroc", "brier"], labels, predictions, READS[rows])
    assert weighted["auroc"] != auroc(labels, predictions)
    return line, auroc(labels, predictions), weighted["auroc"]


def test_the_score_that_chooses_is_weighted(dataset: Path, tmp_path: Path) -> None:
    weighing = with_reads(dataset, tmp_path / "d", READS.tolist())
    line, _, weighted = trained(weighing, tmp_path / "m")
    assert line["val_auroc"] == pytest.approx(weighted, abs=1e-6)
    assert open_artifact(tmp_path / "m").manifest.info["validation_weights"] == "reads"
    evaluate([tmp_path / "m"], weighing, tmp_path / "e")
    table = pl.read_parquet(tmp_path / "e/predictions.parquet").filter(sample="liver", predictor="model")
    (liver, _) = json.loads((tmp_path / "e/metrics.json").read_text())["samples"]
    assert liver["model"]["auroc"]["estimate"] == pytest.approx(auroc(table["label"], table["prediction"]))


@pytest.mark.parametrize("reads", [[*READS.tolist()[:-1], None], [0.0] * 155, None])
def test_rows_weigh_the_same_where_reads_are_not_known(
    dataset: Path, tmp_path: Path, reads: list[float | None] | None
) -> None:
    if reads and reads[-1] is None:
        reads[1] = None  # row 1 is the first that validates
    same = with_reads(dataset, tmp_path / "d", reads) if reads else dataset
    line, plain, _ = trained(same, tmp_path / "m")
    assert line["val_auroc"] == pytest.approx(plain, abs=1e-6)
    assert "validation_weights" not in open_artifact(tmp_path / "m").manifest.info


def test_reads_of_some_rows(dataset: Path, tmp_path: Path) -> None:
    opened = Dataset.open(with_reads(dataset, tmp_path / "d", [None, *map(float, range(154))]))
    assert reads_behind(opened, np.array([4, 2])).tolist() == [3.0, 1.0]
    assert reads_behind(opened, np.array([0, 2])) is None
    assert reads_behind(opened, np.array([1])) is None
    assert reads_behind(Dataset.open(dataset), np.array([1])) is None
