"""TensorBoard's event files, written at each epoch's end and without a thread, so that a full disk is noticed here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.record_writer import RecordWriter
from torch import nn
from torch.utils.tensorboard import summary

TRAINING = ("train_loss", "learning_rate", "seconds")
BINS = 64


class Board:
    """One event file; what a killed process wrote beyond its last checkpoint (`from_step`) is hidden by it."""

    def __init__(self, folder: Path, from_step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # The name that TensorBoard looks for; the time keeps files of one training in their order.
        self._file = (folder / f"events.out.tfevents.{time.time_ns()}.gxtool").open("wb")
        self._records = RecordWriter(self._file)
        self._write(file_version="brain.Event:2")
        if from_step:
            self._write(step=from_step + 1, session_log=SessionLog(status=SessionLog.START))

    def add(self, line: Mapping[str, Any]) -> None:
        """Draw one epoch's numbers over the optimiser steps done."""
        for name, value in line.items():
            if name not in ("epoch", "step") and value is not None:
                group = "train" if name in TRAINING else "validation"
                drawn = summary.scalar(f"{group}/{name.removeprefix('val_')}", value)
                self._write(step=line["step"], summary=drawn)
        self._file.flush()

    def add_histograms(self, network: nn.Module, step: int) -> None:
        """Draw the distribution of every weight."""
        for name, parameter in network.named_parameters():
            values = parameter.detach().float().cpu().numpy()
            self._write(step=step, summary=summary.histogram(name.replace(".", "/"), values, BINS))
        self._file.flush()

    def close(self) -> None:
        """Close the file; what a full disk did not take is lost, and was told when it was written."""
        with suppress(OSError):
            self._file.close()

    def _write(self, **content: Any) -> None:
        self._records.write(Event(wall_time=time.time(), **content).SerializeToString())
