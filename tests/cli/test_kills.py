"""SIGKILL at any moment: the same command then gives what an undisturbed one gives, and leaves nothing beside it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gxtool import api
from gxtool.io.artifact import open_artifact, verify

pytest.importorskip("torch")
pytestmark = pytest.mark.slow

FAMILY, SETTINGS = "histone", api.Settings("histone", "tiny")
MACHINE = ("--device", "cpu", "--threads", "1")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset and models of one seed."""
    folder = tmp_path_factory.mktemp("kills")
    raw = api.simulate(folder / "raw", FAMILY)
    api.preprocess(raw / "samplesheet.csv" if raw.is_dir() else raw, folder / "examples", SETTINGS)
    api.tokenize([folder / "examples"], folder / "dataset", SETTINGS)
    api.train(folder / "dataset", folder / "models", SETTINGS, options=api.TrainOptions(device="cpu", threads=1))
    return folder


def start(command: str, work: Path, output: Path) -> subprocess.Popen:
    words = {
        "train": ("--model", FAMILY, "--preset", "tiny", "--input", work / "dataset"),
        "evaluate": ("--checkpoint", work / "models", "--input", work / "dataset"),
        "perturb": ("--checkpoint", work / "models", "--input", work / "dataset"),
    }[command]
    return subprocess.Popen(
        [sys.executable, "-m", "gxtool", command, *map(str, words), "--output", str(output), *MACHINE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def finish(process: subprocess.Popen) -> None:
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said


@pytest.mark.parametrize("command", ["evaluate", "perturb"])
def test_killed_twice_at_random_moments(command: str, work: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    finish(start(command, work, tmp_path / "undisturbed"))
    seconds, draw = time.monotonic() - began, random.Random(len(command))
    for _ in range(2):
        process = start(command, work, tmp_path / "result")
        time.sleep(draw.uniform(0.3, 0.95) * seconds)
        process.kill()
        process.communicate()
        if (tmp_path / "result").exists():
            break
    else:
        finish(start(command, work, tmp_path / "result"))
    found, wanted = (open_artifact(tmp_path / name) for name in ("result", "undisturbed"))
    assert found.id == wanted.id
    assert not verify(found)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result", "undisturbed"]


def test_two_trainings_at_once_make_the_models_of_one(work: Path, tmp_path: Path) -> None:
    processes = [start("train", work, tmp_path / "models") for _ in range(2)]
    said = [process.communicate(timeout=300)[1] for process in processes]
    # The second finds all models where the first has put them, whether it waited or came later.
    assert [process.returncode for process in processes] == [0, 0], said
    ids = {path.name: open_artifact(path).id for path in (tmp_path / "models").iterdir()}
    assert ids == {path.name: open_artifact(path).id for path in (work / "models").iterdir()}
    assert [path.name for path in tmp_path.iterdir()] == ["models"]
