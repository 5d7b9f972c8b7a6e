"""Trained models at work on new rows, in a notebook and as a stage."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import toy_family

from gxtool.errors import InputError
from gxtool.io.artifact import open_artifact
from gxtool.io.dataset import Dataset
from gxtool.models.base import Unit
from gxtool.training.predict import config_of, load_model, predict
from gxtool.training.run import TrainOptions, train

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def models(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("at-work") / "models"
    units = [Unit("liver", 1), Unit("liver", 2), Unit("lung", 1)]
    train(dataset, output, toy_family.run(epochs=1), units, TrainOptions())
    return output


@pytest.fixture
def new_rows(tmp_path: Path) -> Path:
    return toy_family.write_dataset(tmp_path / "new", {"heart": 9}, labelled=False)


def test_model_predicts_datasets_arrays_and_chosen_rows_alike(models: Path, dataset: Path) -> None:
    model = load_model(models / "liver-seed1-fold0", device="cpu")
    opened = Dataset.open(dataset)
    whole = model.predict(opened)
    assert whole.shape == (155,)
    assert ((whole > 0) & (whole < 1)).all()
    chosen = np.array([7, 3])
    assert model.predict(opened, chosen) == pytest.approx(whole[chosen])
    assert model.predict({"numbers": opened.arrays["numbers"][chosen]}) == pytest.approx(whole[chosen])
    assert model.predict(opened, batch_size=10) == pytest.approx(whole, abs=1e-6)
    assert not model.network.training


def test_model_refuses_rows_of_another_kind(models: Path, tmp_path: Path) -> None:
    other = toy_family.write_dataset(tmp_path / "d", {"heart": 9}, names=["x", "z", "y"])
    with pytest.raises(InputError, match="names is"):
        load_model(models / "liver-seed1-fold0").predict(Dataset.open(other))


def test_model_without_weights_is_refused(models: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(models / "liver-seed1-fold0", tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").unlink()
    with pytest.raises(InputError, match="m/model.safetensors: is missing"):
        load_model(tmp_path / "m")


def test_loaded_weights_lie_where_torch_puts_them(models: Path) -> None:
    # A mapped file has them at any multiple of 8 bytes, and matrix products round by that.
    network = load_model(models / "liver-seed1-fold0", device="cpu").network
    assert {tensor.data_ptr() % 64 for tensor in (*network.parameters(), *network.buffers())} == {0}


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(value: float, models: Path, dataset: Path, tmp_path: Path) -> None:
    def spoil(weights: dict) -> None:
        weights["first.weight"][0, 1] = value

    broken = toy_family.with_weights(models / "liver-seed1-fold0", tmp_path / "broken", spoil)
    sentence = (
        f"{broken}/model.safetensors: tensor first.weight has 1 of 15 values that are NaN or infinite, expected finite "
        "weights"
    )
    with pytest.raises(InputError) as refused:
        predict([broken], dataset, tmp_path / "p")
    assert str(refused.value) == sentence
    assert not (tmp_path / "p").exists()


def test_configuration_comes_back_as_it_was(models: Path) -> None:
    config = config_of(open_artifact(models / "liver-seed1-fold0"), toy_family.FAMILY)
    assert config == toy_family.run(epochs=1).config


def test_rows_are_predicted_by_the_models_of_their_sample(models: Path, dataset: Path, tmp_path: Path) -> None:
    predict([models], dataset, tmp_path / "p")
    artifact = open_artifact(tmp_path / "p", "predictions", "toy")
    table = artifact.table("predictions.parquet")
    assert table.columns == ["sample", "group", "label", "prediction", "sd"]
    assert table["group"].to_list() == Dataset.open(dataset).rows["group"].to_list()
    both = [load_model(models / f"liver-seed{seed}-fold0").predict(Dataset.open(dataset))[0] for seed in (1, 2)]
    assert table["prediction"][0] == pytest.approx(np.mean(both))
    assert table["sd"][0] == pytest.approx(np.std(both, ddof=1))
    lung = table.filter(pl.col("sample") == "lung")
    assert lung["sd"].null_count() == len(lung) == 61
    written = (tmp_path / "p" / "predictions.tsv").read_text().splitlines()
    assert written[0] == "sample\tgroup\tprediction"
    assert len(written) == 156
    assert "predictions.tsv" in artifact.manifest.files


def test_new_sample_is_predicted_by_models_of_one_sample(models: Path, new_rows: Path, tmp_path: Path) -> None:
    predict([models / "lung-seed1-fold0"], new_rows, tmp_path / "p")
    table = pl.read_parquet(tmp_path / "p" / "predictions.parquet")
    assert table.columns == ["sample", "group", "prediction", "sd"]
    assert len(table) == 9


def test_new_sample_with_models_of_several_is_refused(models: Path, new_rows: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sample heart is none of those the models were trained on \(liver, lung\)"):
        predict([models], new_rows, tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_importing_the_doors_needs_no_torch() -> None:
    code = (
        "import sys, json\n"
        "import gxtool.training.run, gxtool.training.evaluate, gxtool.training.predict\n"
        "print(json.dumps(sorted(m for m in ('torch', 'transformers', 'sklearn') if m in sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout) == []


def test_missing_torch_is_a_dependency_and_not_a_traceback(monkeypatch: pytest.MonkeyPatch, dataset: Path) -> None:
    from gxtool.errors import DependencyError

    monkeypatch.setattr("gxtool.training.options.PACKAGES", ("torch_of_another_world",))
    with pytest.raises(DependencyError, match=r"torch_of_another_world is not installed, expected .* gxtool\[train\]"):
        train(dataset, Path("never"), toy_family.run(), [Unit("liver", 1)], TrainOptions())
