"""What cannot be trained is said in one sentence, before anything is spent or after nothing is left behind."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import toy_family

from gxtool.errors import ConfigError, InputError, UsageError
from gxtool.io.artifact import open_artifact
from gxtool.models.base import Unit
from gxtool.training.machine import machine
from gxtool.training.run import OutOfMemoryError, TrainOptions, train
from gxtool.training.trainer import ModelTrainer

LIVER = Unit("liver", 1)


def fit(dataset: Path, output: Path, unit: Unit = LIVER, options: TrainOptions | None = None, **training: Any) -> Path:
    """Train one model of the toy and return its folder."""
    model = training.pop("model", None)
    return train(dataset, output, toy_family.run(model=model, **training), [unit], options or TrainOptions())[0]


@pytest.fixture(scope="module")
def trained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(dataset, tmp_path_factory.mktemp("trained") / "model")


def test_start_with_other_shapes_is_refused_by_name(trained: Path, dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"weight first.bias is shape \(5,\), expected shape \(6,\) as in this model"):
        fit(dataset, tmp_path / "m", options=TrainOptions(init=trained), model={"hidden_size": 6})


def test_start_from_another_family_is_refused(trained: Path, dataset: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(trained, other)
    (other / "manifest.json").write_bytes(replace(open_artifact(trained).manifest, family="bear").to_bytes())
    with pytest.raises(InputError, match="is a model of family bear, expected toy"):
        fit(dataset, tmp_path / "m", options=TrainOptions(init=other))


def test_start_from_a_model_of_other_rows_is_refused(trained: Path, tmp_path: Path) -> None:
    turned = toy_family.write_dataset(tmp_path / "turned", names=["z", "y", "x"])
    with pytest.raises(InputError) as failure:
        fit(turned, tmp_path / "m", options=TrainOptions(init=trained))
    assert str(failure.value) == (
        f"--from {trained}: was trained on rows whose names is ['x', 'y', 'z'], expected ['z', 'y', 'x'] as in the "
        f"dataset {turned}"
    )
    assert not list(tmp_path.glob("*m*"))


def test_start_from_weights_that_are_no_numbers_is_refused(trained: Path, dataset: Path, tmp_path: Path) -> None:
    broken = toy_family.with_weights(trained, tmp_path / "broken", lambda weights: weights["first.bias"].fill_(np.nan))
    sentence = r"--from .*/broken/model.safetensors: tensor first.bias has 5 of 5 values that are NaN or infinite"
    with pytest.raises(InputError, match=sentence):
        fit(dataset, tmp_path / "m", options=TrainOptions(init=broken))


def test_a_failure_before_the_first_checkpoint_leaves_no_progress(
    dataset: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    def build(*arguments: Any) -> None:
        raise InputError("no such network")

    monkeypatch.setattr("gxtool.training.fitting.build_network", build)
    with pytest.raises(InputError, match="no such network"):
        fit(dataset, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_existing_output_is_refused_before_anything_is_trained(trained: Path, dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "note.txt").write_text("mine")
    with pytest.raises(InputError, match="m: exists already, expected a new folder"):
        fit(dataset, tmp_path / "m")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    with pytest.raises(InputError, match="m: holds no artifact that can be read, expected one of kind model"):
        fit(dataset, tmp_path / "m", options=TrainOptions(overwrite=True))
    with pytest.raises(InputError, match=r"m: cannot be written: .*note\.txt is no folder"):
        fit(dataset, tmp_path / "m" / "note.txt" / "m")
    assert (tmp_path / "m" / "note.txt").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_model_is_replaced_when_told(trained: Path, dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "m")
    (tmp_path / "m" / "config.json").write_text("damaged")
    with pytest.raises(InputError, match="m: exists already, expected a new folder"):
        fit(dataset, tmp_path / "m")
    replaced = fit(dataset, tmp_path / "m", options=TrainOptions(overwrite=True))
    assert (replaced / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()
    assert (replaced / "config.json").read_bytes() == (trained / "config.json").read_bytes()


def test_unit_that_the_dataset_lacks_is_refused(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="sample heart: not in the dataset, expected one of liver, lung"):
        fit(dataset, tmp_path / "m", Unit("heart", 1))
    with pytest.raises(InputError, match="has no fold 3, expected one of 0"):
        fit(dataset, tmp_path / "m", Unit("liver", 1, 3))
    with pytest.raises(UsageError, match="2 models to train, expected at least one and none twice"):
        train(dataset, tmp_path / "m", toy_family.run(), [LIVER, LIVER], TrainOptions())


def test_dataset_without_labels_is_refused(tmp_path: Path) -> None:
    unlabelled = toy_family.write_dataset(tmp_path / "d", labelled=False)
    with pytest.raises(InputError, match=r"d: has no labels.npy, expected a dataset with labels"):
        fit(unlabelled, tmp_path / "m")


def test_labels_that_are_all_alike_are_refused(tmp_path: Path) -> None:
    # One training row, one of validation and one of each label are too few for two classes.
    tiny = toy_family.write_dataset(tmp_path / "d", {"liver": 4})
    with pytest.raises(InputError, match=r"sample liver: \w+ rows: all \d labels are \d, expected both classes"):
        fit(tiny, tmp_path / "m")


def test_loss_that_explodes_stops_with_one_sentence(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"loss became (nan|inf) by step \d+, .*training.learning_rate 1e\+38 is probably too"
    ):
        fit(dataset, tmp_path / "m", learning_rate=1e38, optimizer="sgd", epochs=2)
    assert not (tmp_path / "m").exists()


def test_memory_that_does_not_suffice_is_told_apart(dataset: Path, tmp_path: Path, monkeypatch: Any) -> None:
    def compute_loss(*arguments: Any, **named: Any) -> None:
        torch.empty(2**60)

    monkeypatch.setattr(ModelTrainer, "compute_loss", compute_loss)
    with pytest.raises(OutOfMemoryError, match="gradient_accumulation higher") as failure:
        fit(dataset, tmp_path / "m")
    assert failure.value.exit_code == 137
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_memory_errors_of_every_kind_become_one(error: Exception) -> None:
    with pytest.raises(OutOfMemoryError), machine(TrainOptions(), 1):
        raise error


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes differ"), machine(TrainOptions(), 1):
        raise RuntimeError("shapes differ")


def test_progress_that_cannot_be_saved_is_one_sentence(dataset: Path, tmp_path: Path, monkeypatch: Any) -> None:
    def full(*arguments: Any, **named: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ModelTrainer, "_save_optimizer_and_scheduler", full)
    with pytest.raises(InputError, match=r"progress cannot be saved \(.*No space left on device\), expected room"):
        fit(dataset, tmp_path / "m")
    assert not (tmp_path / "m").exists()
