"""`train`: a dataset becomes trained models. The door of this room: importing it needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gxtool.interrupts import held
from gxtool.models.base import Run, Unit
from gxtool.training.options import (
    DEFAULT_OPTIONS,
    InterruptedTrainingError,
    OutOfMemoryError,
    Progress,
    TrainOptions,
    require_packages,
)

__all__ = ["InterruptedTrainingError", "OutOfMemoryError", "Progress", "TrainOptions", "train"]


def train(
    dataset: Path, output: Path, run: Run, units: Sequence[Unit], options: TrainOptions = DEFAULT_OPTIONS
) -> list[Path]:
    """Train one model per unit, one after the other, and return their folders in this order.

    One unit writes its model to `output` itself, several write to `output/<unit's name>`. Killed and run again with the
    same arguments, it goes on where it stood: models that were complete are not trained again, and on a CPU the
    weights are those of an undisturbed run, bit by bit. Under torchrun all processes train each model together.

    Raises:
        InputError: the dataset or the model to start from does not fit, an output exists, or no room is left.
        ConfigError: an unknown metric to monitor, or a loss that is no longer finite.
        DependencyError: PyTorch or the device asked for is missing.
        OutOfMemoryError: one micro-batch does not fit into memory (exit code 137).
        InterruptedTrainingError: SIGTERM or SIGINT came; progress is saved (exit codes 143, 130).
    """
    require_packages()
    with held():
        from gxtool.training.fitting import train_units

    return train_units(Path(dataset), Path(output), run, units, options)
