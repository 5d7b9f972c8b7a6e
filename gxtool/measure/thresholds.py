"""How soon training reaches a score worth naming, such as a published mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gxtool.errors import InputError
from gxtool.measure.metrics import find_metric


class Reached(NamedTuple):
    """Where a target was first reached: epochs and optimiser steps done."""

    epoch: float
    step: int


def steps_to_reach(history: Iterable[Mapping[str, Any]], metric: str, target: float) -> Reached | None:
    """Return the first row of a training history whose `metric` is at least as good as `target`, or None.

    A history row has epoch, step and validation metrics; rows without this metric (or with None or NaN in its
    place) are passed over. `metric` is the row's key, a known metric with or without the prefix `val_`, which decides
    whether more or less is better.
    """
    higher_is_better = find_metric(metric.removeprefix("val_")).higher_is_better
    for row in history:
        value = row.get(metric)
        if value is None or not (value >= target if higher_is_better else value <= target):
            continue
        missing = [key for key in Reached._fields if key not in row]
        if missing:
            raise InputError(f"training history: the row with {metric} {value} lacks {', '.join(missing)}")
        return Reached(row["epoch"], row["step"])
    return None
