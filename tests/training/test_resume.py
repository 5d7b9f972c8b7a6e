"""Killed, stopped and retried trainings end in the very weights of an undisturbed one, bit by bit."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import child_jobs
import pytest
import toy_family

from gxtool.io.artifact import find_artifacts, open_artifact, verify
from gxtool.models.base import Unit
from gxtool.training.checkpoints import ProgressFolder
from gxtool.training.run import TrainOptions, train

Child = Callable[..., int | None]
# Dropout uses random numbers in each step, and progress is saved inside epochs of 5 steps too: 20 steps in all.
TRAINING: dict[str, Any] = {"epochs": 4, "save_steps": 2, "schedule": "cosine", "warmup_ratio": 0.2}
STEPS = 20
LIVER = [("liver", 1)]


@pytest.fixture(scope="module")
def undisturbed(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("undisturbed") / "model"
    return train(dataset, output, toy_family.run(**TRAINING), [Unit("liver", 1)], TrainOptions(device="cpu"))[0]


def assert_same(model: Path, undisturbed: Path) -> None:
    """Compare all that is hashed."""
    assert (model / "manifest.json").read_text() == (undisturbed / "manifest.json").read_text()
    assert verify(open_artifact(model)) == []


def assert_unfinished(output: Path) -> None:
    """Check that nothing of an interrupted training can be mistaken for a model."""
    assert not output.exists()
    assert not list(output.parent.rglob("manifest.json"))
    assert not list(output.parent.rglob("training_args.bin"))


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_twice_at_random_steps(
    seed: int, dataset: Path, tmp_path: Path, in_child: Child, undisturbed: Path
) -> None:
    generator = random.Random(seed)
    output = tmp_path / "model"
    for _ in range(2):
        step = generator.randint(1, STEPS // 2)
        assert in_child("train_toy", dataset, output, TRAINING, LIVER, (signal.SIGKILL, step)) == -signal.SIGKILL
        assert_unfinished(output)
    assert in_child("train_toy", dataset, output, TRAINING, LIVER) == 0
    assert_same(output, undisturbed)
    assert not any((tmp_path / "progress").iterdir())


def test_killed_while_a_checkpoint_is_written(
    dataset: Path, tmp_path: Path, in_child: Child, undisturbed: Path
) -> None:
    output = tmp_path / "model"
    hit = (signal.SIGKILL, child_jobs.INSIDE_CHECKPOINT)
    assert in_child("train_toy", dataset, output, TRAINING, LIVER, hit) == -signal.SIGKILL
    folders = sorted(path.name for path in tmp_path.glob("progress/*/checkpoint-*"))
    assert folders == ["checkpoint-2", "checkpoint-4"]
    assert not list(tmp_path.glob("progress/*/checkpoint-4/COMPLETE"))
    assert in_child("train_toy", dataset, output, TRAINING, LIVER) == 0
    assert_same(output, undisturbed)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_asked_to_stop_inside_an_epoch(
    number: int, code: int, dataset: Path, tmp_path: Path, in_child: Child, undisturbed: Path
) -> None:
    output = tmp_path / "model"
    assert in_child("train_toy", dataset, output, TRAINING, LIVER, (number, 8)) == code
    assert_unfinished(output)
    sentence = Path(f"{output}.error").read_text()
    assert sentence.startswith(f"stopped by {signal.Signals(number).name}: liver-seed1-fold0 is saved at step 8 in ")
    assert sentence.endswith("; the same command goes on from there")
    assert in_child("train_toy", dataset, output, TRAINING, LIVER) == 0
    assert_same(output, undisturbed)


def test_asked_to_stop_during_validation_after_the_epochs_last_step(
    dataset: Path, tmp_path: Path, in_child: Child, undisturbed: Path
) -> None:
    output = tmp_path / "model"
    hit = (signal.SIGTERM, child_jobs.INSIDE_VALIDATION)
    for step in (5, 10):
        assert in_child("train_toy", dataset, output, TRAINING, LIVER, hit) == 143
        assert f"is saved at step {step} in" in Path(f"{output}.error").read_text()
    assert in_child("train_toy", dataset, output, TRAINING, LIVER) == 0
    assert_same(output, undisturbed)


def test_finished_models_of_a_stopped_task_are_not_trained_again(
    dataset: Path, tmp_path: Path, in_child: Child, undisturbed: Path
) -> None:
    units = [("liver", 1), ("lung", 1)]
    first, retry = tmp_path / "first", tmp_path / "retry"
    assert in_child("train_toy", dataset, first, TRAINING, units, (signal.SIGTERM, STEPS + 3)) == 143
    assert [artifact.path.name for artifact in find_artifacts([first], "model")] == ["liver-seed1-fold0"]
    # A pipeline's retry starts in an empty folder. Liver takes no step there: the first that comes is lung's fourth.
    assert in_child("train_toy", dataset, retry, TRAINING, units, (signal.SIGTERM, 1)) == 143
    assert "lung-seed1-fold0 is saved at step 4 in" in Path(f"{retry}.error").read_text()
    assert_same(retry / "liver-seed1-fold0", undisturbed)
    # The same command in the same folder finds liver where it is.
    before = (retry / "liver-seed1-fold0" / "manifest.json").stat().st_mtime_ns
    assert in_child("train_toy", dataset, retry, TRAINING, units) == 0
    assert (retry / "liver-seed1-fold0" / "manifest.json").stat().st_mtime_ns == before
    assert len(find_artifacts([retry], "model")) == 2
    assert not any((tmp_path / "progress").iterdir())


def test_damaged_checkpoint_changes_nothing(dataset: Path, tmp_path: Path, in_child: Child, undisturbed: Path) -> None:
    """Flip one bit in the middle of each file of the newest checkpoint, one after the other."""
    output = tmp_path / "model"
    assert in_child("train_toy", dataset, output, TRAINING, LIVER, (signal.SIGKILL, 9)) == -signal.SIGKILL
    (progress,) = (tmp_path / "progress").iterdir()
    assert sorted(path.name for path in progress.glob("checkpoint-*")) == ["checkpoint-6", "checkpoint-8"]
    saved = tmp_path / "saved"
    shutil.copytree(progress, saved)
    names = sorted(path.name for path in (saved / "checkpoint-8").iterdir())
    assert len(names) == 8
    for name in names:
        shutil.rmtree(progress, ignore_errors=True)
        shutil.copytree(saved, progress)
        path = progress / "checkpoint-8" / name
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        assert ProgressFolder(progress).latest() == progress / "checkpoint-6", name
        assert in_child("train_toy", dataset, output, TRAINING, LIVER) == 0, name
        assert_same(output, undisturbed)
        shutil.rmtree(output)


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("_task", "progress cannot be saved ("),
        ("_write", "no space left while writing; nothing was kept, expected room for the whole artifact"),
    ],
)
def test_full_disk_is_one_sentence_and_leaves_nothing_half_written(
    place: str, sentence: str, dataset: Path, tmp_path: Path, in_child: Child, capfd: pytest.CaptureFixture
) -> None:
    output = tmp_path / "model"
    assert in_child("train_toy", dataset, output, {"epochs": 1}, LIVER, None, place) == 3
    assert_unfinished(output)
    assert sentence in Path(f"{output}.error").read_text()
    assert not list(tmp_path.glob(".model*"))
    assert "Traceback" not in capfd.readouterr().err
