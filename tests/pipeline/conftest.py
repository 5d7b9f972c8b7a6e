"""Starting the real engine, and reading what a run left behind."""

from __future__ import annotations

import csv
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Launch:
    """One start of Nextflow: the folder it ran in, its exit status, and all it said on the terminal."""

    folder: Path
    status: int
    terminal: str

    @property
    def trace(self) -> list[dict[str, str]]:
        """Return the rows of the trace: one per task, with `process`, `tag`, `status` and `attempt`."""
        with (self.folder / "results/pipeline_info/trace.txt").open() as table:
            return list(csv.DictReader(table, delimiter="\t"))

    def count(self, status: str) -> dict[str, int]:
        """Return how many tasks of each process ended with `status` (COMPLETED, CACHED, FAILED)."""
        ended = [row["process"] for row in self.trace if row["status"] == status]
        return {process: ended.count(process) for process in dict.fromkeys(ended)}


def nextflow(folder: Path, *arguments: str, **environment: str) -> Launch:
    """Run the wrapper in `folder` and wait for it."""
    done = subprocess.run(
        [ROOT / "nextflow", *arguments],
        cwd=folder,
        env={**os.environ, "NXF_ANSI_LOG": "false", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Launch(folder, done.returncode, done.stdout)


@pytest.fixture(scope="session", params=["24.10.0", "25.04.4"])
def engine(request: pytest.FixtureRequest) -> str:
    """Name a pinned engine; the second reads scripts with the strict parser."""
    return request.param


@pytest.fixture(scope="session")
def start() -> Callable[..., Launch]:
    """Return the function that runs `./nextflow` in a folder."""
    return nextflow
