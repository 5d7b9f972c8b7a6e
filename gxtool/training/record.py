"""What training writes down: a line per epoch, and which epoch's weights are the ones to keep."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gxtool.config import TrainingConfig
from gxtool.measure.metrics import find_metric
from gxtool.models.base import Family
from gxtool.models.settings_checks import LOSS, monitored_metric

RECORD = "record.json"


@dataclass(frozen=True)
class Mark:
    """One epoch's weights, and their value of the validation metric that chooses (NaN where it is undefined)."""

    epoch: int
    step: int
    value: float


@dataclass
class Record:
    """The part of a training's state that is no tensor; it is saved with every checkpoint.

    history has one mapping per epoch. `best` has the best validation value so far, `kept` the weights that the model
    gets if training ended here. `stale` counts epochs since the best one, `epoch_loss` sums the step losses of an
    unfinished epoch, `seconds` is the training time until the last save, `epoch_seconds` that until each epoch's end,
    and `finished` says that no step is left to do.
    """

    history: list[dict[str, Any]] = field(default_factory=list)
    best: Mark | None = None
    kept: Mark | None = None
    stale: int = 0
    epoch_loss: float = 0.0
    seconds: float = 0.0
    epoch_seconds: list[float] = field(default_factory=list)
    finished: bool = False

    @classmethod
    def load(cls, folder: Path) -> Record:
        """Read the record of a checkpoint."""
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        marks = {name: Mark(**content[name]) if content[name] else None for name in ("best", "kept")}
        return cls(**{**content, **marks})

    def save(self, folder: Path) -> None:
        """Write the record into a checkpoint."""
        (folder / RECORD).write_text(json.dumps(asdict(self)), encoding="utf-8")

    def lines(self) -> str:
        """Return the history as JSON lines; what is not a finite number is null."""
        return "".join(json.dumps(_finite(line)) + "\n" for line in self.history)


@dataclass(frozen=True)
class Monitor:
    """The validation metric that picks the weights, and how long to wait for a better value (0: for ever)."""

    metric: str
    higher_is_better: bool
    keep: str
    patience: int

    @classmethod
    def of(cls, family: Family, config: TrainingConfig) -> Monitor:
        """Return the configured monitor.

        Raises:
            ConfigError: a metric that the family is not validated by.
        """
        metric = monitored_metric(family, config)
        higher = metric != LOSS and find_metric(metric).higher_is_better
        return cls(metric, higher, config.keep, config.patience)

    def note(self, record: Record, line: Mapping[str, Any]) -> bool:
        """Add an epoch's line to the record; return whether its weights are the ones to keep so far.

        Of equal values the earlier one is the best; an undefined value (NaN) is worse than any other.
        """
        record.history.append(dict(line))
        mark = Mark(line["epoch"], line["step"], line[f"val_{self.metric}"])
        better = record.best is None or self._worth(mark) > self._worth(record.best)
        record.best = mark if better else record.best
        record.stale = 0 if better else record.stale + 1
        keeps = better or self.keep == "last"
        record.kept = mark if keeps else record.kept
        return keeps

    def is_exhausted(self, record: Record) -> bool:
        """Say whether patience has run out."""
        return bool(self.patience) and record.stale >= self.patience

    def _worth(self, mark: Mark) -> float:
        if not np.isfinite(mark.value):
            return -np.inf
        return mark.value if self.higher_is_better else -mark.value


class TrainingClock:
    """Training time, going on from what a checkpoint had counted."""

    def __init__(self, seconds_before: float) -> None:
        self._before, self._start = seconds_before, time.perf_counter()

    def seconds(self) -> float:
        """Return the seconds of this and earlier processes."""
        return self._before + time.perf_counter() - self._start


def _finite(line: Mapping[str, Any]) -> dict[str, Any]:
    return {key: None if isinstance(value, float) and not np.isfinite(value) else value for key, value in line.items()}
