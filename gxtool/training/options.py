"""What a training or scoring command is told besides its input and output, and what it says while it runs. No torch."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gxtool.errors import DependencyError, GxtoolError

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
    threads         CPU threads; None: the configuration's `resources.threads`
    overwrite       replace an output that exists
    attempt         1 for the first try; each further one halves the micro-batch and doubles accumulation
    """

    checkpoint_dir: Path | None = None
    init: Path | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = None
    overwrite: bool = False
    on_progress: Callable[[Progress], None] | None = None
    attempt: int = 1


DEFAULT_OPTIONS = TrainOptions()


class OutOfMemoryError(GxtoolError):
    """The machine's or the accelerator's memory did not suffice; a pipeline tries again with smaller micro-batches."""

    exit_code = 137


class InterruptedTrainingError(GxtoolError):
    """A signal asked for a stop; progress is saved and the same command goes on from there."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        # The shell's convention: 128 + signal, 130 for SIGINT and 143 for SIGTERM.
        self.exit_code = 128 + signal_number


def require_packages() -> None:
    """Check that what training and scoring import is installed.

    Raises:
        DependencyError: the first missing package.
    """
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise DependencyError(f"{package} is not installed, expected gxtool with its `train` extra: gxtool[train]")
