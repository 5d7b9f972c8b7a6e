"""Rows of the table that set what is ours beside each peer, from the laps of all contenders."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.table import Row
from benchmarks.timing import Lap, medians, ratio

OURS = "ours"


def compare(
    work: str, peers: Mapping[str, str], laps: Mapping[str, list[Lap]], at_least: Mapping[str, float]
) -> list[Row]:
    """Return a row for every peer (name -> how the table calls it); one without laps was not measured.

    `at_least` bounds some ratios.
    """
    ours, rows = medians(laps[OURS]).wall, []
    for name, title in peers.items():
        if name in laps:
            times, theirs = ratio(laps[name], laps[OURS]), medians(laps[name]).wall
            rows.append(Row(work, title, "s", theirs, ours, times.wall, times.cpu, at_least.get(name)))
        else:
            rows.append(Row(work, title, "s", None, ours))
    return rows


def scaled(laps: list[Lap], share: float) -> list[Lap]:
    """Return what laps over a share of the work would have taken over all of it."""
    return [Lap(wall / share, cpu / share) for wall, cpu in laps]
