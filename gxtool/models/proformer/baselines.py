"""What a network on promoters has to beat: GC content, and counts of short words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gxtool.measure.baselines import BaselineResult, Split, gradient_boosting, ridge
from gxtool.models.proformer.features import GC


def gc_line(split: Split, seed: int) -> BaselineResult:
    """Predict expression by a straight line through GC content."""
    return ridge(_columns(split, lambda name: name == GC), seed)


def kmer_ridge(split: Split, seed: int) -> BaselineResult:
    """Predict expression by ridge regression on the counts of 5-mers of both strands."""
    return ridge(_columns(split, lambda name: name != GC), seed)


def kmer_boosting(split: Split, seed: int) -> BaselineResult:
    """Predict expression by gradient boosting on GC content and the counts of 5-mers of both strands."""
    return gradient_boosting(split, seed, kind="regression")


def _columns(split: Split, wanted: Callable[[str], bool]) -> Split:
    """Return a split whose only features are those of wanted names."""
    places = [place for place, name in enumerate(split.columns) if wanted(name)]
    parts = {role: getattr(split, role)[:, places] for role in ("train", "val", "test")}
    return replace(split, **parts, columns=tuple(split.columns[place] for place in places))
