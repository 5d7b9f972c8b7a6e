"""What the models react to: how much the prediction moves when a part of the input is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gxtool.models.base import Figure, ReferenceLine, Trace
from gxtool.report import blocks, formats
from gxtool.report.blocks import Block, Chart, Gallery, Look, Part
from gxtool.report.gather import FamilyMaterial

# A figure of more changes than this cannot be read; they stay in the table.
MAX_CHANGES = 60


def effects_part(family: FamilyMaterial) -> Part | None:
    """Show the mean effect of every change, one view for each run, sample and kind of change; nothing without any."""
    groups = [
        (str(summary.get("run") or ""), group)
        for summary in (family.context.effects if family.context else ())
        for group in summary.get("effects") or ()
        if group.get("changes")
    ]
    if not groups:
        return None
    drawn = [(run, group) for run, group in groups if len(group["changes"]) <= MAX_CHANGES]
    items: list[Block] = []
    if drawn:
        views, looks = zip(*(_figure(run, group) for run, group in drawn), strict=True)
        labels = tuple(_label(run, group) for run, group in drawn) if len(drawn) > 1 else ("",)
        items.append(Gallery((Chart(views, looks),), f"Run, {family.sample_word} and change", labels))
    items.append(_table(family, groups))
    text = (
        "The same test rows are predicted as they are and with a part of their input changed. An effect is what the "
        "change does to the prediction; it says what the model uses, not what causes expression."
    )
    return Part("What the models react to", text, tuple(items))


def _label(run: str, group: Mapping[str, Any]) -> str:
    return ", ".join(word for word in (run, str(group.get("sample")), _kind(group)) if word)


def _kind(group: Mapping[str, Any]) -> str:
    return str(group.get("kind", "")).replace("_", " ")


def _figure(run: str, group: Mapping[str, Any]) -> tuple[Figure, Look]:
    changes = [change for change in group["changes"] if change.get("mean") is not None]
    names = tuple(str(change["change"]) for change in changes)
    means = tuple(change["mean"] for change in changes)
    written = tuple(formats.signed(mean) for mean in means)
    strongest = max(changes, key=lambda change: abs(change["mean"]), default=None)
    finding = (
        f"{strongest['change']} moves the mean prediction most, by {formats.signed(strongest['mean'])}."
        if strongest
        else "No effect was recorded."
    )
    figure = Figure(
        f"Mean effect of {_kind(group)}, {run or 'model'} on {group.get('sample')}",
        finding,
        "Change",
        "Mean change of the prediction",
        (Trace("mean effect", names, means, "points", text=written),),
        (ReferenceLine("no effect", 0.0),),
    )
    return figure, Look((0,), ("model",), horizontal=True, legend=False, values=True)


def _table(family: FamilyMaterial, groups: Sequence[tuple[str, Mapping[str, Any]]]) -> blocks.Table:
    rows = [
        [
            blocks.text(run),
            blocks.text(group.get("sample")),
            blocks.text(_kind(group)),
            blocks.text(change.get("change")),
            blocks.num(change.get("mean"), formats.signed(change.get("mean"))),
            blocks.num(change.get("mean_absolute")),
            blocks.num(change.get("sd")),
            blocks.num(change.get("n")),
        ]
        for run, group in groups
        for change in group["changes"]
    ]
    columns = ("Run", family.sample_word.capitalize(), "Kind", "Change", "Mean effect", "Mean size", "SD", "n")
    note = "Mean size: mean of effects without their sign. n: test rows."
    return blocks.table("Every change", columns, rows, note)
