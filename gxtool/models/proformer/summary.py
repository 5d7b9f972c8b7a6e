"""What the report shows of promoter data: sizes, lengths, GC content and expression, by role. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gxtool.data.sequence import gc_content
from gxtool.measure.scales import TEST_SCALE, TestScale, moments, on_other_scale

ROLES = ("train", "val", "test")
# Bars of a histogram of expression, and of GC content from 0 to 1.
EXPRESSION_BINS, GC_BINS = 36, 50


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

    known: lengths (n,), and labels (n, T) or None. facts: targets, tallies by sample, and the declared scale of test
    labels. Roles of samples that were not measured are `test`.
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
                    {"target": target, **_measured(parts, place, facts[TEST_SCALE])}
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


def _measured(parts: Mapping[str, Part], place: int, declared: TestScale) -> dict[str, Any]:
    """Describe one target in each role; test values on another scale have bins of their own."""
    values = {role: part.labels[:, place].astype(np.float64) for role, part in parts.items() if part.labels is not None}
    found: dict[str, dict[str, Any]] = {
        role: {"mean": float(own.mean()), "sd": float(own.std()), "whole": float((own == np.round(own)).mean())}
        for role, own in values.items()
    }
    known = {"train", "test"} <= set(values)
    other = known and on_other_scale(moments(values["train"]), moments(values["test"]), declared)
    for roles in (("train", "val"), ("test",)) if other else (ROLES,):
        together = {role: values[role] for role in roles if role in values}
        if together:
            low, high = min(own.min() for own in together.values()), max(own.max() for own in together.values())
            edges = np.linspace(low, high if high > low else low + 1, EXPRESSION_BINS + 1)
            for role, own in together.items():
                found[role] |= {"edges": np.round(edges, 4).tolist(), "expression": shares(own, edges)}
    return {"roles": found, "other_scale": other}


def shares(values: np.ndarray, edges: np.ndarray) -> list[float]:
    """Return the share of values in each bin, rounded to 5 decimals."""
    return np.round(np.histogram(values, edges)[0] / max(1, len(values)), 5).tolist()
