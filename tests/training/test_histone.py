"""A real family through the whole room, from simulated tables to scores beside baselines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gxtool.io.artifact import open_artifact
from gxtool.io.dataset import Dataset
from gxtool.models import stages
from gxtool.models.base import Run, Unit
from gxtool.models.registry import get_family, resolve_config
from gxtool.training.evaluate import evaluate
from gxtool.training.networks import network_class
from gxtool.training.predict import load_model, predict
from gxtool.training.run import TrainOptions, train


@pytest.fixture(autouse=True)
def only_the_toy() -> None:
    """Take the place of the fixture that hides every family but the toy."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("histone")
    family = get_family("histone")
    config = resolve_config(family, "tiny")
    family.load(family.simulate)(folder / "raw", "demo", 1)
    stages.preprocess(family, config, folder / "raw" / "samplesheet.csv", folder / "examples")
    return stages.tokenize(family, config, [folder / "examples"], folder / "dataset")


def test_tiny_learns_the_planted_signal_and_is_judged_beside_baselines(dataset: Path, tmp_path: Path) -> None:
    family = get_family("histone")
    run = Run(family, "tiny", resolve_config(family, "tiny", (), ()), "tiny")
    sample = Dataset.open(dataset).samples[0]
    train(dataset, tmp_path / "model", run, [Unit(sample, 1)], TrainOptions(device="cpu"))
    assert open_artifact(tmp_path / "model").manifest.info["n_parameters"] == family.parameters["tiny"]
    evaluate([tmp_path / "model"], dataset, tmp_path / "evaluation", run.config)
    content = json.loads((tmp_path / "evaluation" / "metrics.json").read_text())
    # Activity itself, which no model can know better, ranks genes at 0.93.
    assert 0.75 < content["samples"][0]["model"]["auroc"]["estimate"] < 0.95
    assert sorted(content["samples"][0]["baselines"]) == sorted(family.baselines)
    predict([tmp_path / "model"], dataset, tmp_path / "predictions")
    assert (tmp_path / "predictions" / "predictions.tsv").is_file()
    model = load_model(tmp_path / "model", device="cpu")
    loaded = network_class(family).from_pretrained(tmp_path / "model")
    for name, tensor in model.network.state_dict().items():
        assert np.array_equal(tensor.numpy(), loaded.state_dict()[name].numpy()), name
    assert {name for name, _ in loaded.named_buffers()} <= loaded.state_dict().keys()
