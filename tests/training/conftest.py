"""The toy family as the only one, one dataset of it, and processes that may be killed."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import toy_family  # noqa: E402


@pytest.fixture(autouse=True)
def only_the_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the registry know no other family."""
    monkeypatch.setattr("gxtool.models.registry.families", lambda: {"toy": toy_family.FAMILY})


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 94 rows of liver (47 train, 24 val, 23 test) and 61 of lung (31, 15, 15)."""
    return toy_family.write_dataset(tmp_path_factory.mktemp("toy") / "dataset")


@pytest.fixture(scope="session")
def in_child() -> Callable[..., int | None]:
    """Return a function that calls a function of `child_jobs` in a process of its own and returns its exit code.

    The processes are forked from one that has imported torch and done nothing with it: seconds saved for each.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["child_jobs"])
    with pytest.MonkeyPatch.context() as patch:
        # Python 3.11's fork server has its own idea of sys.path, and says nothing when it cannot import.
        patch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), *filter(None, sys.path)]))
        patch.setenv("OMP_NUM_THREADS", "1")
        forkserver.ensure_running()

    def call(name: str, *arguments: Any) -> int | None:
        import child_jobs

        process = context.Process(target=getattr(child_jobs, name), args=arguments)
        process.start()
        process.join(120)
        if process.is_alive():
            process.kill()
            raise TimeoutError(f"{name} did not end")
        return process.exitcode

    return call


@pytest.fixture(scope="session")
def pooled(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one model of all samples, of seed 5."""
    from gxtool.models.base import Unit
    from gxtool.training.run import TrainOptions, train

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gxtool.models.registry.families", lambda: {"toy": toy_family.FAMILY})
        output = tmp_path_factory.mktemp("pooled") / "models"
        train(dataset, output, toy_family.run(), [Unit(None, 5)], TrainOptions())
    return output
