"""Time contenders that take turns, so that a machine that is slow for a minute is slow for all of them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any, NamedTuple


class Lap(NamedTuple):
    """One measurement: wall time and CPU time of all threads (s)."""

    wall: float
    cpu: float


def lap(work: Callable[[], Any]) -> Lap:
    """Time one call; a call that measures itself (in a process of its own) returns its Lap."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    own = Lap(time.perf_counter() - wall, time.process_time() - cpu)
    return result if isinstance(result, Lap) else own


def take_turns(
    contenders: Mapping[str, Callable[[], Any]], rounds: int, repeats: Mapping[str, int] | None = None
) -> dict[str, list[Lap]]:
    """Time every contender once per round, each round beginning with another one.

    Quick ones are timed `repeats` times in a row, of which the round keeps the median.
    """
    laps: dict[str, list[Lap]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            taken = [lap(contenders[name]) for _ in range((repeats or {}).get(name, 1))]
            laps[name].append(Lap(median(one.wall for one in taken), median(one.cpu for one in taken)))
    return laps


def medians(laps: list[Lap]) -> Lap:
    """Return the median wall and CPU time."""
    return Lap(median(one.wall for one in laps), median(one.cpu for one in laps))


def ratio(theirs: list[Lap], ours: list[Lap]) -> Lap:
    """Return how many times longer the peer takes: the median of the rounds' ratios, of wall and of CPU time."""
    pairs = list(zip(theirs, ours, strict=True))
    return Lap(
        median(their.wall / our.wall for their, our in pairs),
        median(their.cpu / max(our.cpu, 1e-9) for their, our in pairs),
    )
