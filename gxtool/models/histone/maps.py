"""Which bins of which marks a model reads: maps of marks and bins from changes, gradients and attention.

Changes are named `H3K4me3:57` (a bin, from 1), `H3K4me3:51-55` (a run of bins) or `H3K4me3` (the whole mark).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gxtool.models.base import Figure, Heatmap, ReportContext, ReportSection, Trace

# With more cell types than this their maps are averaged: nobody compares dozens by eye.
MAX_SAMPLES = 6
PLACE = re.compile(r"(?P<mark>.+):(?P<first>\d+)(?:-(?P<last>\d+))?")
BARS = "attention_marks"


class Map(NamedTuple):
    """How a kind of effect is drawn: title, what a value says, its name, sign (-1: what taking away takes away), and
    whether values lie on both sides of 0."""

    title: str
    says: str
    unit: str
    sign: int
    diverging: bool


MAPS = {
    "blank_bin": Map(
        "Blanking one bin",
        "How much of the prediction is lost when a bin is set to 0: above 0 the signal there raises the prediction",
        "Loss of the prediction",
        -1,
        True,
    ),
    "blank_run": Map(
        "Blanking a run of bins",
        "How much of the prediction is lost when neighbouring bins are set to 0: above 0 their signal raises it",
        "Loss of the prediction",
        -1,
        True,
    ),
    "integrated_gradients": Map(
        "Integrated gradients",
        "What each bin adds to the network's output on the way from no signal to the signal",
        "Mean attribution",
        1,
        True,
    ),
    "attention": Map(
        "Attention over bins", "The weight each bin has within its mark; 1 in all", "Mean attention", 1, False
    ),
}


class Axes(NamedTuple):
    """Marks in order, number of bins, width of a bin (bp; 0: unknown), and whether bins follow transcription."""

    marks: tuple[str, ...]
    n_bins: int
    bin_size: int
    oriented: bool


Values = dict[str, list[float | None]]
Groups = dict[str, dict[str, Mapping[str, Any]]]


def map_sections(context: ReportContext) -> list[ReportSection]:
    """Return one section for each run whose effects name places; its maps stand side by side."""
    runs: dict[str, Groups] = {}
    for summary in context.effects:
        for group in summary.get("effects") or ():
            if group.get("kind") in (*MAPS, BARS) and group.get("changes"):
                kinds = runs.setdefault(str(summary.get("run") or "model"), {})
                kinds.setdefault(group["kind"], {})[str(group.get("sample"))] = group
    return [_section(run, kinds, context.summaries) for run, kinds in runs.items()]


def _section(run: str, kinds: Groups, summaries: Sequence[Mapping[str, Any]]) -> ReportSection:
    axes = _axes(kinds, summaries)
    samples = list(dict.fromkeys(sample for groups in kinds.values() for sample in groups))
    averaged = len(samples) > MAX_SAMPLES
    shown = [""] if averaged else samples
    items: list[Any] = []
    for kind, draw in [*((kind, _map) for kind in MAPS), (BARS, _bars)]:
        if kind not in kinds:
            continue
        views = {}
        for sample in shown:
            chosen = list(kinds[kind].values()) if averaged else [kinds[kind][s] for s in (sample,) if s in kinds[kind]]
            where = f"mean of {len(chosen)} cell types" if averaged else sample
            views[sample] = draw(kind, chosen, axes, where)
        items.append(views if len(shown) > 1 else views[shown[0]])
    text = (
        "Test genes, and the mean over them. Maps made by changing the input and by gradients should agree on the "
        "places that matter; attention says where the network looks, not in which direction. "
    )
    text += (
        "Bins run in the direction of transcription."
        if axes.oriented
        else "Bins run along the chromosome, so genes on both strands are laid over each other."
    )
    return ReportSection(f"Where {run} looks, bin by bin", text, tuple(items))


def _axes(kinds: Groups, summaries: Sequence[Mapping[str, Any]]) -> Axes:
    """Return the axes of the dataset that holds all named places, or what the names themselves say."""
    names = [change["change"] for groups in kinds.values() for group in groups.values() for change in group["changes"]]
    places = [found for found in map(PLACE.fullmatch, names) if found]
    marks = dict.fromkeys(
        [*(found["mark"] for found in places), *(name for name in names if not PLACE.fullmatch(name))]
    )
    n_bins = max((int(found["last"] or found["first"]) for found in places), default=0)
    for summary in summaries:
        if set(marks) <= set(summary["marks"]) and n_bins <= summary["n_bins"]:
            oriented = summary.get("orientation") == "strand"
            return Axes(tuple(summary["marks"]), summary["n_bins"], summary["bin_size"], oriented)
    return Axes(tuple(marks), n_bins, 0, False)


def _values(group: Mapping[str, Any], axes: Axes) -> Values:
    """Return mark -> value of each bin; a run's value stands in all of its bins, and None where there is none."""
    found: Values = {mark: [None] * axes.n_bins for mark in axes.marks}
    for change in group["changes"]:
        place = PLACE.fullmatch(change["change"])
        if place and place["mark"] in found:
            first, last = int(place["first"]), int(place["last"] or place["first"])
            for number in range(first, min(last, axes.n_bins) + 1):
                found[place["mark"]][number - 1] = change.get("mean")
    return found


def _map(kind: str, groups: Sequence[Mapping[str, Any]], axes: Axes, where: str) -> Heatmap:
    drawn = MAPS[kind]
    tables = [_values(group, axes) for group in groups]
    z = tuple(
        tuple(_mean([table[mark][number] for table in tables], drawn.sign) for number in range(axes.n_bins))
        for mark in axes.marks
    )
    return Heatmap(
        title=f"{drawn.title}, {where}",
        description=f"{_strongest(z, axes, drawn)} {drawn.says}. {_notes(groups)}".strip(),
        x_title="Start of the bin from the TSS (bp)" if axes.bin_size else "Bin",
        y_title="Mark",
        x=tuple(_starts(axes)),
        y=axes.marks,
        z=z,
        z_title=drawn.unit,
        diverging=drawn.diverging,
    )


def _mean(values: Sequence[float | None], sign: int) -> float | None:
    known = [value for value in values if value is not None]
    return sign * sum(known) / len(known) if known else None


def _starts(axes: Axes) -> list[int]:
    """Return where bins start from the TSS (bp), or their numbers where the width is unknown."""
    if not axes.bin_size:
        return list(range(1, axes.n_bins + 1))
    return [number * axes.bin_size - axes.n_bins * axes.bin_size // 2 for number in range(axes.n_bins)]


def _strongest(z: Sequence[Sequence[float | None]], axes: Axes, drawn: Map) -> str:
    """Name the strongest bin of each mark, strongest mark first."""
    starts, found = _starts(axes), []
    for mark, row in zip(axes.marks, z, strict=True):
        known = [(abs(value), value, number) for number, value in enumerate(row) if value is not None]
        if known and max(known)[0] > 0:
            size, value, number = max(known)
            at = f"{starts[number]:+,} bp" if axes.bin_size else f"bin {starts[number]}"
            found.append((size, f"{mark} at {at} ({value:{'+' if drawn.diverging else ''}.3g})".replace("-", "\u2212")))
    if not found:
        return "No bin does anything."
    ordered = [text for _, text in sorted(found, reverse=True)]
    return f"Strongest bin of each mark: {', '.join(ordered)}."


def _notes(groups: Sequence[Mapping[str, Any]]) -> str:
    sizes = [change["n"] for group in groups for change in group["changes"][:1] if change.get("n")]
    said = [f"{sum(sizes):,} test genes."] if sizes else []
    notes = dict.fromkeys(str(group["note"]) for group in groups if group.get("note"))
    return " ".join([*said, *(f"{note}." for note in list(notes)[:1])])


def _bars(kind: str, groups: Sequence[Mapping[str, Any]], axes: Axes, where: str) -> Figure:
    found = [{change["change"]: change.get("mean") for change in group["changes"]} for group in groups]
    means = {mark: _mean([values.get(mark) for values in found], 1) for mark in axes.marks}
    known = {mark: value for mark, value in means.items() if value is not None}
    best = max(known, key=known.__getitem__, default=None)
    said = f"{best} has most of the attention ({known[best]:.2f} of 1). " if best else ""
    return Figure(
        title=f"Attention over marks, {where}",
        description=f"{said}{_notes(groups)}".strip(),
        x_title="Mark",
        y_title="Mean attention",
        traces=(Trace("attention", tuple(known), tuple(known.values()), "bars"),),
        y_range=None,
    )
