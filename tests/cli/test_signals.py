"""SIGINT and SIGTERM end every command with 130 and 143, without a traceback, and leave nothing half-written."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gxtool import api
from gxtool.io.artifact import find_artifacts

pytest.importorskip("torch")
pytestmark = pytest.mark.slow

FAMILY = "histone"
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
# Sends itself a signal when a module is about to be imported, or a function of gxtool to be called.
CHILD = """
import importlib, os, sys
place, number = sys.argv[1], int(sys.argv[2])
hit = lambda: os.kill(os.getpid(), number)
class AtImport:
    def find_spec(self, name, path=None, target=None):
        if name == place:
            hit()
if ":" in place:
    from gxtool import interrupts
    interrupts.install()
    module, _, names = place.partition(":")
    owner = importlib.import_module(module)
    *owners, name = names.split(".")
    for one in owners:
        owner = getattr(owner, one)
    real = getattr(owner, name)
    def hit_first(*arguments, **named):
        hit()
        return real(*arguments, **named)
    setattr(owner, name, hit_first)
else:
    sys.meta_path.insert(0, AtImport())
sys.argv = ["gxtool", *sys.argv[3:]]
from gxtool.__main__ import main
main()
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signals")
    settings = api.Settings(FAMILY, "tiny")
    raw = api.simulate(folder / "raw", FAMILY)
    api.preprocess(raw / "samplesheet.csv" if raw.is_dir() else raw, folder / "examples", settings)
    return api.tokenize([folder / "examples"], folder / "dataset", settings)


def start(folder: Path, *command: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def train_words(dataset: Path, output: Path, *more: str) -> list[str]:
    words = ["train", "--model", FAMILY, "--preset", "tiny", "--input", str(dataset), "--output", str(output)]
    return [*words, "--device", "cpu", "--threads", "1", *more]


def assert_ended(process: subprocess.Popen, number: int, folder: Path, left: tuple[str, ...] = ()) -> str:
    """Check how a process ended and what it left; return what it said on standard error."""
    _, said = process.communicate(timeout=120)
    assert process.returncode == CODES[number], said
    assert "Traceback" not in said
    assert "Interrupted" not in said
    assert tuple(sorted(path.name for path in folder.iterdir())) == left
    return said


@pytest.mark.parametrize(
    ("place", "number"),
    [
        ("typer", signal.SIGINT),
        ("polars", signal.SIGTERM),
        ("torch", signal.SIGINT),
        ("torch.nn", signal.SIGINT),
        ("transformers.trainer", signal.SIGTERM),
        ("gxtool.io.dataset:Dataset.open", signal.SIGINT),
    ],
)
def test_signal_while_something_is_imported_or_opened(place: str, number: int, dataset: Path, tmp_path: Path) -> None:
    process = start(tmp_path, "-c", CHILD, place, str(int(number)), *train_words(dataset, tmp_path / "models"))
    assert_ended(process, number, tmp_path)


@pytest.mark.parametrize(
    ("place", "number"),
    [
        ("gxtool.io.artifact:ArtifactWriter._publish", signal.SIGTERM),
        ("gxtool.io.artifact:ArtifactWriter.write_table", signal.SIGINT),
        ("gxtool.io.artifact:Unfinished", signal.SIGTERM),
    ],
)
def test_signal_while_an_artifact_is_written(place: str, number: int, dataset: Path, tmp_path: Path) -> None:
    words = ["tokenize", "--model", FAMILY, "--preset", "tiny"]
    words += ["--input", str(dataset.parent / "examples"), "--output", str(tmp_path / "dataset")]
    assert_ended(start(tmp_path, "-c", CHILD, place, str(int(number)), *words), number, tmp_path)


@pytest.mark.parametrize("number", list(CODES))
def test_signal_while_a_folder_is_renamed_comes_before_or_after(number: int, dataset: Path, tmp_path: Path) -> None:
    words = ["tokenize", "--model", FAMILY, "--preset", "tiny"]
    words += ["--input", str(dataset.parent / "examples"), "--output", str(tmp_path / "dataset")]
    place = "gxtool.io.unfinished:Unfinished._release"
    assert_ended(start(tmp_path, "-c", CHILD, place, str(int(number)), *words), number, tmp_path, ("dataset",))
    assert len(find_artifacts([tmp_path], "dataset")) == 1


def wait_for(condition: Callable[[], object], process: subprocess.Popen) -> None:
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def test_signal_between_models_keeps_those_that_are_done(dataset: Path, tmp_path: Path) -> None:
    words = train_words(dataset, tmp_path / "models", "--seeds", "30")
    process = start(tmp_path, "-m", "gxtool", *words)
    wait_for(lambda: len(find_artifacts([tmp_path], content=False)) > 1, process)
    process.send_signal(signal.SIGINT)
    said = assert_ended(process, signal.SIGINT, tmp_path, (".models.progress", "models"))
    assert said.startswith("gxtool: error: stopped by SIGINT: ")
    assert all(path.name[0] != "." for path in (tmp_path / "models").iterdir())
    assert len(find_artifacts([tmp_path / "models"], "model")) >= 2


def test_signal_while_a_lock_is_waited_for(dataset: Path, tmp_path: Path) -> None:
    words = train_words(dataset, tmp_path / "models", "--checkpoint-dir", str(tmp_path / "progress"))
    process = start(tmp_path, "-m", "gxtool", *words)
    wait_for(lambda: list(tmp_path.glob("progress/*/lock")), process)
    process.kill()
    process.communicate()
    for left in tmp_path.glob(".models*"):
        left.rmdir()
    (lock,) = tmp_path.glob("progress/*/lock")
    with lock.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        process = start(tmp_path, "-m", "gxtool", *words)
        time.sleep(random.Random(1).uniform(6, 8))
        process.send_signal(signal.SIGTERM)
        said = assert_ended(process, signal.SIGTERM, tmp_path, ("progress",))
    assert "Traceback" not in said


@pytest.mark.parametrize("seed", [1, 2])
def test_signal_at_any_moment(seed: int, dataset: Path, tmp_path: Path) -> None:
    draw = random.Random(seed)
    number = draw.choice(list(CODES))
    process = start(tmp_path, "-m", "gxtool", *train_words(dataset, tmp_path / "models", "--seeds", "30"))
    # Python itself needs some time until gxtool's first line.
    time.sleep(draw.uniform(0.5, 9))
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    assert process.returncode == CODES[number], said
    assert "Traceback" not in said
    for artifact in find_artifacts([tmp_path], content=True):
        assert artifact.manifest.kind == "model"
