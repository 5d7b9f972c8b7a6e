"""What the report shows of promoter data: sizes, lengths, GC content and expression, by role. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gxtool.data.sequence import gc_content

ROLES = ("train", "val", "test")
# Bars of a histogram of expression, and of GC content from 0 to 1.
EXPRESSION_BINS, GC_BINS = 36, 50
# Means further apart than this many standard deviations, or standard deviations more than this factor apart: the test
# values are on another scale, as the challenge's are.
OTHER_MEAN, OTHER_SD = 1.0, 2.0


class Part(NamedTuple):
    """Sequences of one role in one sample: lengths, GC content (n,) and, where they are measured, labels (n, T)."""

    lengths: np.ndarray
    gc: np.ndarray
    labels: np.ndarray | None


def summarise(
    rows: pl.DataFrame,
    splits: pl.DataFrame,
    tokens: Iterable[np.ndarray],
    known: tuple[np.ndarray, np.ndarray | None],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Describe all rows of a dataset; tokens come in blocks of rows, of which one is in memory at a time.

    known: lengths (n,), and labels (n, T) or None. facts: targets, and tallies by sample. Roles of samples that were
    not measured are `test`.
    """
    lengths, labels = known
    gc = np.concatenate([gc_content(block).astype(np.float32) for block in tokens])
    samples = []
    for name in rows["sample"].unique(maintain_order=True).to_list():
        own = (rows["sample"] == name).to_numpy()
        parts = {}
        for role in ROLES:
            chosen = splits.filter(pl.col("role") == role)["row"].to_numpy()
            chosen = chosen[own[chosen]]
            if len(chosen):
                parts[role] = Part(lengths[chosen], gc[chosen], None if labels is None else labels[chosen])
        samples.append(
            {
                "sample": name,
                "tally": facts["tallies"][name],
                "sizes": {role: len(parts[role].gc) if role in parts else 0 for role in ROLES},
                "roles": {role: _of_role(part) for role, part in parts.items()},
                "targets": [
                    {"target": target, "roles": _measured(parts, place)}
                    for place, target in enumerate(facts["targets"])
                ],
            }
        )
    return {
        "targets": facts["targets"],
        "scheme": splits["scheme"][0],
        "left_out": len(rows) - len(splits),
        "measured": labels is not None,
        "samples": samples,
    }


def _of_role(part: Part) -> dict[str, Any]:
    lengths, counts = np.unique(part.lengths, return_counts=True)
    return {
        "lengths": lengths.tolist(),
        "length_counts": counts.tolist(),
        "gc": shares(part.gc[np.isfinite(part.gc)], np.linspace(0, 1, GC_BINS + 1)),
    }


def _measured(parts: Mapping[str, Part], place: int) -> dict[str, dict[str, Any]]:
    """Describe one target in each role; test values on another scale have bins of their own."""
    values = {role: part.labels[:, place].astype(np.float64) for role, part in parts.items() if part.labels is not None}
    found: dict[str, dict[str, Any]] = {
        role: {"mean": float(own.mean()), "sd": float(own.std()), "whole": float((own == np.round(own)).mean())}
        for role, own in values.items()
    }
    for roles in (("train", "val"), ("test",)) if is_foreign(found) else (ROLES,):
        together = {role: values[role] for role in roles if role in values}
        if together:
            low, high = min(own.min() for own in together.values()), max(own.max() for own in together.values())
            edges = np.linspace(low, high if high > low else low + 1, EXPRESSION_BINS + 1)
            for role, own in together.items():
                found[role] |= {"edges": np.round(edges, 4).tolist(), "expression": shares(own, edges)}
    return found


def shares(values: np.ndarray, edges: np.ndarray) -> list[float]:
    """Return the share of values in each bin, rounded to 5 decimals."""
    return np.round(np.histogram(values, edges)[0] / max(1, len(values)), 5).tolist()


def is_foreign(roles: Mapping[str, Mapping[str, Any]]) -> bool:
    """Say whether test values of one target are on another scale than those that were trained on.

    roles: mean and sd of each role.
    """
    if not {"train", "test"} <= set(roles):
        return False
    train, test = roles["train"], roles["test"]
    if min(train["sd"], test["sd"]) <= 0:
        return False
    ratio = train["sd"] / test["sd"]
    return not 1 / OTHER_SD < ratio < OTHER_SD or abs(train["mean"] - test["mean"]) > OTHER_MEAN * train["sd"]
