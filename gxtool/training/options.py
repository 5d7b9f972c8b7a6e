"""What a training or scoring command is told besides its input and output, and what it says while it runs. No torch."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gxtool.errors import DependencyError, GxtoolError
from gxtool.interrupts import held

PACKAGES = ("torch", "transformers", "accelerate", "safetensors", "tensorboard")


@dataclass(frozen=True)
class Progress:
    """Where the training of one model stands.

    `train_loss` is the mean of the epoch so far (None before its first step); `score` is the latest validation value
    of `metric` (None before the first epoch's end); `seconds` counts training time, that before an interruption too.
    """

    unit: str
    epoch: int
    epochs: int
    step: int
    steps: int
    train_loss: float | None
    metric: str
    score: float | None
    seconds: float


@dataclass(frozen=True)
class TrainOptions:
    """Where to compute and where to keep progress.

    checkpoint_dir  shared folder that outlives a killed task; None: a hidden folder beside the output
    init            model folder, or a folder of such, whose weights training starts from
    wait_seconds    how long another process that trains the same model is waited for
    threads         CPU threads; None: the configuration's `resources.threads`
    overwrite       replace an output that exists
    """

    checkpoint_dir: Path | None = None
    init: Path | None = None
    # A task that was told to stop is given about this long before it is killed, and its retry may start at once.
    wait_seconds: float = 60.0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = None
    overwrite: bool = False
    on_progress: Callable[[Progress], None] | None = None


DEFAULT_OPTIONS = TrainOptions()


class OutOfMemoryError(GxtoolError):
    """The machine's or the accelerator's memory did not suffice; the next attempt halves its micro-batches."""

    exit_code = 137


class InterruptedTrainingError(GxtoolError):
    """A signal asked for a stop; progress is saved and the same command goes on from there."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        # The shell's convention: 128 + signal, 130 for SIGINT and 143 for SIGTERM.
        self.exit_code = 128 + signal_number


def require_packages() -> None:
    """Import what training and scoring need; it takes seconds, for which signals wait.

    Raises:
        DependencyError: the first missing package.
    """
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise DependencyError(f"{package} is not installed, expected gxtool with its `train` extra: gxtool[train]")
    with held():
        importlib.import_module("gxtool.training.machine")
