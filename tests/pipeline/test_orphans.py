"""A head process that is killed leaves tasks that go on by themselves; the next start takes over or replaces them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.pipeline, pytest.mark.slow]
LAUNCH = ("run", str(ROOT), "-profile", "test", "-resume", "--set", "perturb.max_rows=50;perturb.map_rows=5")


def stages_at_work(folder: Path) -> dict[str, int]:
    """Return the gxtool stages whose processes work below `folder`, and the ids of these."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            below = (process / "cwd").resolve().is_relative_to(folder)
        except OSError:  # it ended while we looked
            continue
        if below and words[0].endswith(b"python") and len(words) > 2:
            found[words[2].decode()] = int(process.name)
    return found


def wait_until(happened: Callable[[], bool], still_worthwhile: Callable[[], bool] = lambda: True) -> None:
    while not happened():
        assert still_worthwhile(), "the run ended before what was waited for happened"
        time.sleep(0.05)


def kill_head(folder: Path, stage: str) -> None:
    """Start the pipeline in `folder` and kill its head process while a task of `stage` works; the task goes on."""
    head = subprocess.Popen(
        [ROOT / "nextflow", *LAUNCH],
        cwd=folder,
        env={**os.environ, "GXTOOL_ENGINE": "24.10.0", "NXF_ANSI_LOG": "false"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: stage in stages_at_work(folder), lambda: head.poll() is None)
    head.send_signal(signal.SIGKILL)
    head.wait()
    assert stage in stages_at_work(folder)


@pytest.mark.parametrize("stage", ["evaluate", "perturb"])
def test_what_an_orphan_has_finished_is_no_error_for_the_next_start(
    start: Callable, tmp_path: Path, stage: str
) -> None:
    kill_head(tmp_path, stage)
    wait_until(lambda: not stages_at_work(tmp_path))

    again = start(tmp_path, *LAUNCH, GXTOOL_ENGINE="24.10.0")
    assert again.status == 0, again.terminal
    assert again.count("FAILED") == {}
    assert again.count("CACHED").keys() >= {"PREPROCESS", "TOKENIZE", "TRAIN"}


def test_training_waits_for_an_orphan_that_trains_the_same_models(start: Callable, tmp_path: Path) -> None:
    kill_head(tmp_path, "train")
    progress = tmp_path / ".gxtool/checkpoints"
    wait_until(lambda: bool(list(progress.glob("*/lock"))), lambda: "train" in stages_at_work(tmp_path))
    (orphan,) = stages_at_work(tmp_path).values()
    os.kill(orphan, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as background:
        again = background.submit(start, tmp_path, *LAUNCH, GXTOOL_ENGINE="24.10.0")
        try:
            wait_until(lambda: bool(list(progress.glob("*/awaited"))), lambda: not again.done())
        finally:
            os.kill(orphan, signal.SIGCONT)
        launch = again.result()
    assert launch.status == 0, launch.terminal
    assert launch.count("FAILED") == {}
    # The engine gives the task the folder in which the orphan works: what that one has published is taken as it is.
    logs = [path.read_text() for path in tmp_path.glob("work/*/*/.command.log")]
    assert sum("is training this model; waiting for it" in text for text in logs) == 1
    assert len(list((launch.folder / "results/runs/tiny/models").glob("*/manifest.json"))) == 3
    assert list(progress.iterdir()) == []
