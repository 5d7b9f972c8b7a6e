"""What the report shows of where predictions err: their density, and residuals by length and GC content."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from gxtool.models.base import Figure, Heatmap, ReferenceLine, ReportContext, ReportSection, Trace


def error_sections(context: ReportContext) -> list[ReportSection]:
    """Return one section whose figures show one run on one sample at a time."""
    found = {
        f"{sample['sample']}, {run}": (run, sample)
        for run, details in context.details.items()
        for sample in details["samples"]
    }
    if not found:
        return []
    items: list[Mapping[str, Figure | Heatmap]] = [
        {label: _density(run, sample) for label, (run, sample) in found.items()}
    ]
    text = ""
    one_scale = {label: (run, sample) for label, (run, sample) in found.items() if not sample["other_scale"]}
    if one_scale:
        figures, text = _residual_figures(one_scale)
        items += figures
    other = dict.fromkeys(sample["sample"] for _, sample in found.values() if sample["other_scale"])
    if other:
        text += f" Test values of {', '.join(other)} are on another scale than training values: there are no residuals."
    return [ReportSection("Where predictions err", text.strip(), tuple(items))]


def _residual_figures(
    found: Mapping[str, tuple[str, Mapping[str, Any]]],
) -> tuple[list[Mapping[str, Figure | Heatmap]], str]:
    """Return residuals by GC content, by length where inserts differ in it, and what is said of them."""
    figures: list[Mapping[str, Figure | Heatmap]] = [
        {label: _by_gc(run, sample) for label, (run, sample) in found.items()}
    ]
    text = (
        "Residuals are predicted minus measured values, of predictions averaged over seeds. A mean away from 0 says "
        "that such sequences are predicted too high or too low as a whole."
    )
    if any(len(sample["residuals"]["length"]) > 1 for _, sample in found.values()):
        figures.append({label: _by_length(run, sample) for label, (run, sample) in found.items()})
    else:
        lengths = {int(one["low"]) for _, sample in found.values() for one in sample["residuals"]["length"]}
        text += f" All test inserts are {' or '.join(map(str, sorted(lengths)))} bases long."
    return figures, text


def _density(run: str, sample: Mapping[str, Any]) -> Heatmap:
    content = sample["density"]
    n_rows = sum(map(sum, content["counts"]))
    return Heatmap(
        title=f"Predicted against measured, {run} on {sample['sample']}",
        description=f"How many of {n_rows:,} test sequences lie in each cell; empty cells have none. "
        + ("Predicted and measured values are on different scales." if sample["other_scale"] else ""),
        x_title="Measured",
        y_title="Predicted",
        x=_centres(content["measured"]),
        y=_centres(content["predicted"])[::-1],  # rows of a heat map run downwards
        z=tuple(tuple(count or None for count in row) for row in content["counts"][::-1]),
        z_title="sequences",
    )


def _by_gc(run: str, sample: Mapping[str, Any]) -> Figure:
    bins = _several(sample, "gc")
    x = tuple(round((one["low"] + one["high"]) / 2, 4) for one in bins)
    return _residuals(run, sample, "gc", ("GC content", "GC content of the insert", x))


def _by_length(run: str, sample: Mapping[str, Any]) -> Figure:
    bins = _several(sample, "length")
    x = tuple((one["low"] + one["high"] - 1) / 2 for one in bins)  # the last base of a bin is inside of it
    return _residuals(run, sample, "length", ("length", "Length of the insert (bases)", x))


def _residuals(run: str, sample: Mapping[str, Any], kind: str, axis: tuple[str, str, tuple[float, ...]]) -> Figure:
    word, x_title, x = axis
    bins = _several(sample, kind)
    furthest = max(bins, key=lambda one: abs(one["mean"]), default=None)
    found = ""
    if furthest:
        where = f"{furthest['low']:g} to {furthest['high']:g}"
        found = f" Furthest from 0 in {where}: {furthest['mean']:.3f} of {furthest['n']:,} sequences."
    text = tuple(f"{one['n']:,} sequences, standard deviation {one['sd']:.3f}" for one in bins)
    return Figure(
        title=f"Residuals by {word}, {run} on {sample['sample']}",
        description="Mean of predicted minus measured, with a 95% interval of the mean, where there are at least two "
        f"sequences.{found}",
        x_title=x_title,
        y_title="Predicted minus measured",
        traces=(
            Trace(
                run,
                x,
                tuple(one["mean"] for one in bins),
                "points",
                tuple(one["low_mean"] for one in bins),
                tuple(one["high_mean"] for one in bins),
                text,
            ),
        ),
        lines=(ReferenceLine("no error", 0.0),),
    )


def _several(sample: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    """Return the bins of more than one sequence."""
    return [one for one in sample["residuals"][kind] if one["n"] > 1]


def _centres(edges: list[float]) -> tuple[float, ...]:
    return tuple(float(f"{(low + high) / 2:.3g}") for low, high in pairwise(edges))
