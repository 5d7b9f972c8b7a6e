"""A training task that is told to stop is tried again and goes on from the step it saved."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.pipeline, pytest.mark.slow]


def wait_for(find: Callable, still_worthwhile: Callable) -> object:
    """Return what `find` finds, looking until there is something."""
    while not (found := find()):
        assert still_worthwhile(), "the run ended before what was waited for happened"
        time.sleep(0.05)
    return found


def training_processes(folder: Path) -> list[int]:
    """Return the ids of `gxtool train` processes that work below `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            below = (process / "cwd").resolve().is_relative_to(folder)
        except OSError:  # it ended while we looked
            continue
        if below and b"train" in words and any(word.endswith(b"python") for word in words[:1]):
            found.append(int(process.name))
    return found


def test_stopped_training_is_tried_again_and_goes_on_from_the_saved_step(start: Callable, tmp_path: Path) -> None:
    progress = tmp_path / ".gxtool/checkpoints"
    with ThreadPoolExecutor(1) as background:
        run = background.submit(
            start, tmp_path, "run", str(ROOT), "-profile", "test", "--set", "training.epochs=6", GXTOOL_ENGINE="24.10.0"
        )
        wait_for(lambda: list(progress.glob("*/checkpoint-*/COMPLETE")), lambda: not run.done())
        (process,) = training_processes(tmp_path)
        os.kill(process, signal.SIGTERM)
        wait_for(lambda: process not in training_processes(tmp_path), lambda: True)
        saved = [json.loads(path.read_text()) for path in progress.glob("*/checkpoint-*/record.json")]
        launch = run.result()

    assert launch.status == 0, launch.terminal
    attempts = [(row["status"], row["exit"], row["attempt"]) for row in launch.trace if row["process"] == "TRAIN"]
    assert attempts == [("FAILED", "143", "1"), ("COMPLETED", "0", "2")]
    first_seconds = [record["epoch_seconds"][0] for record in saved if record["epoch_seconds"]]
    models = sorted((launch.folder / "results").glob("runs/tiny/models/*/metrics.jsonl"))
    assert [len(path.read_text().splitlines()) for path in models] == [6, 6, 6]
    # The seconds an epoch took are never the same twice: this epoch was trained in the first attempt, once.
    spent = [json.loads(path.with_name("runtime.json").read_text())["epoch_seconds"][0] for path in models]
    assert first_seconds
    assert set(first_seconds) <= set(spent)
    assert not list(progress.glob("*"))
