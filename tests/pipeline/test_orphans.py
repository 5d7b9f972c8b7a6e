"""A head process that is killed leaves tasks that go on by themselves; the next start takes over or replaces them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.pipeline, pytest.mark.slow]
LAUNCH = ("run", str(ROOT), "-profile", "test", "-resume", "--set", "perturb.max_rows=50;perturb.map_rows=5")


def stages_at_work(folder: Path) -> list[str]:
    """Return the gxtool stages whose processes work below `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            below = (process / "cwd").resolve().is_relative_to(folder)
        except OSError:  # it ended while we looked
            continue
        if below and words[0].endswith(b"python") and len(words) > 2:
            found.append(words[2].decode())
    return found


def wait_until(happened: Callable[[], bool], still_worthwhile: Callable[[], bool] = lambda: True) -> None:
    while not happened():
        assert still_worthwhile(), "the run ended before what was waited for happened"
        time.sleep(0.05)


@pytest.mark.parametrize("stage", ["evaluate", "perturb"])
def test_what_an_orphan_has_finished_is_no_error_for_the_next_start(
    start: Callable, tmp_path: Path, stage: str
) -> None:
    head = subprocess.Popen(
        [ROOT / "nextflow", *LAUNCH],
        cwd=tmp_path,
        env={**os.environ, "GXTOOL_ENGINE": "24.10.0", "NXF_ANSI_LOG": "false"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: stage in stages_at_work(tmp_path), lambda: head.poll() is None)
    head.send_signal(signal.SIGKILL)
    head.wait()
    assert stage in stages_at_work(tmp_path)
    wait_until(lambda: not stages_at_work(tmp_path))

    again = start(tmp_path, *LAUNCH, GXTOOL_ENGINE="24.10.0")
    assert again.status == 0, again.terminal
    assert again.count("FAILED") == {}
    assert again.count("CACHED").keys() >= {"PREPROCESS", "TOKENIZE", "TRAIN"}
