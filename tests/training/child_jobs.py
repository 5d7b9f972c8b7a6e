"""What tests let other processes do: train, and be hit by a signal at a chosen step."""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import toy_family

from gxtool.errors import GxtoolError
from gxtool.models.base import Unit
from gxtool.training import fitting
from gxtool.training.checkpoints import ProgressFolder
from gxtool.training.flow import Flow
from gxtool.training.run import TrainOptions, train
from gxtool.training.trainer import ModelTrainer

INSIDE_CHECKPOINT = "inside checkpoint"
INSIDE_VALIDATION = "inside validation"


def train_toy(
    folder: Path,
    output: Path,
    training: Mapping[str, Any],
    units: Sequence[tuple[str | None, int]],
    hit: tuple[int, int | str] | None = None,
    full_from: str | None = None,
) -> None:
    """Train and exit as the command line does; `hit` is a signal and the step (or place) it comes at.

    Steps count from 1 over all models of this process. `full_from` names the function of `fitting` from which on no
    file may become larger than 300 bytes, which writers take for a full disk. The error's
    sentence goes to `output`.error.
    """
    toy_family.install()
    os.environ["OMP_NUM_THREADS"] = "1"
    if hit:
        _arm(*hit)
    if full_from:
        _fill_disk(full_from)
    try:
        train(
            folder,
            output,
            toy_family.run(**training),
            [Unit(*unit) for unit in units],
            TrainOptions(checkpoint_dir=output.parent / "progress", device="cpu"),
        )
    except GxtoolError as error:
        Path(f"{output}.error").write_text(str(error))
        sys.exit(error.exit_code)


def _fill_disk(place: str) -> None:
    real = getattr(fitting, place)

    def on_full_disk(*arguments: Any) -> Any:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
        return real(*arguments)

    setattr(fitting, place, on_full_disk)


def hold_lock(folder: Path, ready: Path, seconds: float) -> None:
    """Keep a progress folder's lock for a while; `ready` appears when it is held."""
    import time

    with ProgressFolder(folder).locked():
        ready.touch()
        time.sleep(seconds)
        ProgressFolder(folder).remove()


def _arm(number: int, place: int | str) -> None:
    if place == INSIDE_CHECKPOINT:
        write = ModelTrainer._save_optimizer_and_scheduler
        calls = []

        def torn(self: ModelTrainer, folder: str) -> None:
            calls.append(folder)
            if len(calls) == 2:
                os.kill(os.getpid(), number)
            write(self, folder)

        ModelTrainer._save_optimizer_and_scheduler = torn
    elif place == INSIDE_VALIDATION:
        evaluate = ModelTrainer.evaluate

        def hit(self: ModelTrainer, *arguments: Any, **named: Any) -> dict:
            os.kill(os.getpid(), number)
            return evaluate(self, *arguments, **named)

        ModelTrainer.evaluate = hit
    else:
        _arm_step(number, place)


def _arm_step(number: int, step: int) -> None:
    end, seen = Flow.on_step_end, []

    def on_step_end(self: Flow, *arguments: Any, **named: Any) -> None:
        seen.append(1)
        if len(seen) == step:
            os.kill(os.getpid(), number)
            # Python runs its handlers between two instructions; give it some.
            signal.getsignal(number)
        end(self, *arguments, **named)

    Flow.on_step_end = on_step_end


# Children inherit these objects: a full collection in each of them would copy all of their memory.
gc.freeze()
