"""What two processes do together under torchrun: train with rows that do not divide, and stop when one is told to."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import toy_family

from gxtool.models.base import Unit
from gxtool.training.flow import Flow
from gxtool.training.run import InterruptedTrainingError, TrainOptions, train

UNITS = [Unit("liver", 1), Unit("lung", 1)]
DIVIDED: dict[str, Any] = {"model": {"dropout": 0.0}}
STOPPED: dict[str, Any] = {"model": {"dropout": 0.3}, "save_steps": 2}


def main(dataset: Path, folder: Path) -> None:
    """Write models to `folder`/divided, /stopped and /undisturbed."""
    toy_family.install()
    options = TrainOptions(device="cpu", checkpoint_dir=folder / "progress")
    train(dataset, folder / "divided", toy_family.run(**DIVIDED), UNITS, options)
    stopped = toy_family.run(name="stopped", **STOPPED)
    train(dataset, folder / "undisturbed", stopped, UNITS[:1], options)
    _stop_one_process_at(8)
    try:
        train(dataset, folder / "stopped", stopped, UNITS[:1], options)
    except InterruptedTrainingError as error:
        (folder / f"rank{os.environ['RANK']}.txt").write_text(f"{error.exit_code} {error}")
    train(dataset, folder / "stopped", stopped, UNITS[:1], options)


def _stop_one_process_at(step: int) -> None:
    end, seen = Flow.on_step_end, []

    def on_step_end(self: Flow, *arguments: Any, **named: Any) -> None:
        seen.append(1)
        if len(seen) == step and os.environ["RANK"] == "1":
            os.kill(os.getpid(), signal.SIGTERM)
        end(self, *arguments, **named)

    Flow.on_step_end = on_step_end


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
