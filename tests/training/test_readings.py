"""Other readings of the same rows, and what a family says beside the metrics; neither changes a number."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import toy_family

from gxtool.cli.tables import print_scores
from gxtool.io.artifact import open_artifact, verify
from gxtool.io.dataset import Dataset
from gxtool.models.base import Unit
from gxtool.training.evaluate import evaluate
from gxtool.training.predict import load_model
from gxtool.training.readings import reading_as
from gxtool.training.run import TrainOptions, train

READINGS = {"as it is": {"upside_down": False}, "upside down": {"upside_down": True}}


@pytest.fixture(scope="module")
def models(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("read") / "models"
    train(dataset, output, toy_family.run(), [Unit(None, 1), Unit(None, 2)], TrainOptions())
    return output


def judge(models: Path, dataset: Path, output: Path, monkeypatch: pytest.MonkeyPatch, **hooks: object) -> Path:
    family = replace(toy_family.FAMILY, **hooks)
    monkeypatch.setattr("gxtool.models.registry.families", lambda: {"toy": family})
    return evaluate([models], dataset, output)


def test_readings_are_scored_beside_the_models_own_and_change_no_other_number(
    models: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    plain = json.loads((judge(models, dataset, tmp_path / "plain", monkeypatch) / "metrics.json").read_text())
    read = json.loads(
        (judge(models, dataset, tmp_path / "e", monkeypatch, readings=READINGS) / "metrics.json").read_text()
    )
    own, other = read.pop("readings")
    assert read == plain
    assert (own["name"], own["fields"], own["own"]) == ("as it is", {"upside_down": False}, True)
    assert (other["name"], other["own"]) == ("upside down", False)
    for place, sample in enumerate(plain["samples"]):
        estimate = sample["model"]["auroc"]["estimate"]
        assert own["samples"][place]["sample"] == other["samples"][place]["sample"] == sample["sample"]
        assert own["samples"][place]["auroc"] == pytest.approx(estimate)
        assert other["samples"][place]["auroc"] == pytest.approx(1 - estimate)
    assert set(other["samples"][0]) == {"sample", "auroc", "accuracy", "brier"}
    print_scores(plain)
    assert "by reading" not in capsys.readouterr().err
    print_scores(read | {"readings": [own, other]})
    estimate = plain["samples"][1]["model"]["auroc"]["estimate"]
    said = f"lung, auroc by reading: as it is {estimate:.3f} (the model's own), upside down {1 - estimate:.3f}"
    assert said in capsys.readouterr().err


def test_only_models_that_read_otherwise_are_asked_again(
    models: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gxtool.training import predict

    asked, infer_once = [], predict.Model.predict
    monkeypatch.setattr(predict.Model, "predict", lambda self, *rest: asked.append(1) or infer_once(self, *rest))
    judge(models, dataset, tmp_path / "a", monkeypatch)
    assert len(asked) == 2
    judge(models, dataset, tmp_path / "b", monkeypatch, readings={"as it is": {"upside_down": False}})
    assert len(asked) == 4
    judge(models, dataset, tmp_path / "c", monkeypatch, readings=READINGS)
    assert len(asked) == 8


def test_configuration_is_as_it_was_after_a_reading_even_if_it_fails(models: Path, dataset: Path) -> None:
    model = load_model(models / "all-seed1-fold0", device="cpu")
    rows = Dataset.open(dataset)
    before = model.predict(rows)
    with reading_as(model.network, {"upside_down": True}):
        assert not np.allclose(model.predict(rows), before)
    with pytest.raises(RuntimeError, match="no"), reading_as(model.network, {"upside_down": True}):
        raise RuntimeError("no")
    assert model.network.config.upside_down is False
    assert model.predict(rows) == pytest.approx(before)


def test_details_are_what_the_family_says_of_the_scored_table(
    models: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = open_artifact(judge(models, dataset, tmp_path / "e", monkeypatch, details="toy:details"))
    content = written.json("details.json")
    assert content["rows"] == {"first_number": 38, "model": 76, "train_mean": 38}
    assert content["samples"] == ["liver", "lung"]
    assert {"row", "sample", "group", "label", "predictor", "seed", "model", "fold", "prediction"} <= set(
        content["columns"]
    )
    assert content["unknown"] is None
    assert verify(written) == []
    assert "details.json" not in open_artifact(judge(models, dataset, tmp_path / "p", monkeypatch)).manifest.files
    assert pl.read_parquet(tmp_path / "e/predictions.parquet").equals(
        pl.read_parquet(tmp_path / "p/predictions.parquet")
    )
