"""How far the axis of scores reaches: models and baselines that know something set it, the others do not stretch it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gxtool.models.base import ReferenceLine, Trace
from gxtool.report import formats
from gxtool.report.gather import FamilyMaterial
from gxtool.report.predictors import Predictor
from gxtool.report.skill import skill_of

# Room at both ends of an axis, in shares of what it shows; the same as the page's script leaves.
ROOM = 0.06
# So far beyond what must be seen, in shares of that, may other scores lie to be drawn where they are.
NEAR = 0.25
# Scores that are all alike still get an axis of this share of them.
LEAST = 0.02
GUESSING = "guessing"
"""Label of the line at what guessing reaches."""
Range = tuple[float, float]


def says_nothing(one: Predictor, metric: str) -> bool:
    """Say whether a baseline predicts a constant on every sample, or has no skill on any, by the primary metric."""
    if not one.baseline:
        return False
    entries = [formats.nested(sample, "baselines", one.baseline) for sample in one.scored.samples]
    faulty = [entry.get("fault") for entry in entries if entry]
    return (bool(faulty) and all(faulty)) or skill_of(one, metric).none


def score_range(telling: Iterable[float | None], others: Iterable[float | None]) -> Range | None:
    """Return the ends of an axis that `others` would stretch by more than a quarter; None: they do not.

    telling: scores and ends of intervals that must be seen; others: scores of what says nothing.
    """
    seen = [value for value in telling if value is not None]
    extra = [value for value in others if value is not None]
    if not seen or not extra:
        return None
    low, high = min(seen), max(seen)
    span = max(high - low, LEAST * max(abs(low), abs(high)))
    near = [value for value in extra if low - NEAR * span <= value <= high + NEAR * span]
    if len(near) == len(extra):
        return None
    low, high = min([low, *near]), max([high, *near])
    room = ROOM * max(high - low, span)
    return low - room, high + room


def axis_of(
    family: FamilyMaterial, drawn: Sequence[tuple[Predictor, Trace]], lines: Sequence[ReferenceLine]
) -> tuple[Range | None, tuple[ReferenceLine, ...], str]:
    """Return the range of a score axis (None: all that is drawn), the lines that lie on it, and what is at its edge.

    drawn: the traces of a figure, each with the predictor it shows. Published scores belong on the axis; what guessing
    reaches does not stretch it.
    """
    silent = [says_nothing(one, family.metric) for one, _ in drawn]
    telling = [value for (_, trace), nothing in zip(drawn, silent, strict=True) if not nothing for value in ends(trace)]
    others = [value for (_, trace), nothing in zip(drawn, silent, strict=True) if nothing for value in trace.y]
    published = [line.value for line in lines if line.label != GUESSING]
    found = score_range([*telling, *published], others) if telling else None
    if found is None:
        return None, tuple(lines), ""
    shown = tuple(line for line in lines if found[0] <= line.value <= found[1])
    names = {
        one.label: value
        for (one, trace), nothing in zip(drawn, silent, strict=True)
        if nothing
        for value in trace.y
        if value is not None and not found[0] <= value <= found[1]
    }
    said = ", ".join(f"{name} {formats.number(value)}" for name, value in names.items())
    return found, shown, f" At the edge, outside of the axis: {said}." if said else ""


def ends(trace: Trace) -> list[float | None]:
    """Return all values that a trace draws: scores, and ends of their intervals."""
    return [*trace.y, *trace.low, *trace.high]
