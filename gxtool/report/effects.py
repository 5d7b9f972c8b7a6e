"""What the models react to: how much the prediction moves when a part of the input is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gxtool.models.base import Figure, ReferenceLine, Trace
from gxtool.report import blocks, formats
from gxtool.report.blocks import Block, Chart, Gallery, Look, Part
from gxtool.report.gather import FamilyMaterial

# A figure of more changes than this cannot be read; the family shows them as a map, and the table the strongest.
MAX_CHANGES = 60
STRONGEST = 12
# With more samples than this their mean effects are averaged: a menu of hundreds of views is no help.
MAX_SAMPLES = 6
# Rows of the table; the artifact holds them all.
MAX_ROWS = 1500
PREDICTION = "prediction"

Group = Mapping[str, Any]


def effects_part(family: FamilyMaterial) -> Part | None:
    """Show the mean effect of every change, one view for each run, sample and kind of change; nothing without any."""
    found = [
        (str(summary.get("run") or ""), group)
        for summary in (family.context.effects if family.context else ())
        for group in summary.get("effects") or ()
        if group.get("changes")
    ]
    if not found:
        return None
    groups = _few_samples(family, found)
    drawn = [
        (run, group)
        for run, group in groups
        if len(group["changes"]) <= MAX_CHANGES
        and group.get("readout", PREDICTION) == PREDICTION
        and not (family.record and group.get("kind") in (*family.record.maps, *family.record.probes))
    ]
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


def _few_samples(family: FamilyMaterial, found: Sequence[tuple[str, Group]]) -> list[tuple[str, Group]]:
    """Return the groups as they are, or averaged over the samples of a run where those are many.

    Targets have units of their own, and are never averaged.
    """
    kinds: dict[tuple[str, str, str], list[Group]] = {}
    for run, group in found:
        kinds.setdefault((run, str(group.get("kind")), str(group.get("readout", PREDICTION))), []).append(group)
    kept: list[tuple[str, Group]] = []
    for (run, _, _), groups in kinds.items():
        if len(groups) > MAX_SAMPLES and not family.has_targets:
            name = f"mean of {formats.plural(len(groups), *family.sample_noun)}"
            kept.append((run, {**groups[0], "sample": name, "changes": _averaged(groups)}))
        else:
            kept += [(run, group) for group in groups]
    return kept


def _averaged(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Average each change over samples, every sample counted alike; n is added up, a spread is not given."""
    by_change: dict[str, list[Mapping[str, Any]]] = {}
    for group in groups:
        for change in group["changes"]:
            by_change.setdefault(str(change["change"]), []).append(change)
    return [
        {
            "change": name,
            "mean": _mean([change.get("mean") for change in changes]),
            "mean_absolute": _mean([change.get("mean_absolute") for change in changes]),
            "n": sum(change.get("n") or 0 for change in changes),
        }
        for name, changes in by_change.items()
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _label(run: str, group: Group) -> str:
    return ", ".join(word for word in (run, str(group.get("sample")), _kind(group)) if word)


def _kind(group: Group) -> str:
    return str(group.get("kind", "")).replace("_", " ")


def _figure(run: str, group: Group) -> tuple[Figure, Look]:
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
        f"{finding} {group.get('note') or ''}".strip(),
        "Change",
        "Mean change of the prediction",
        (Trace("mean effect", names, means, "points", text=written),),
        (ReferenceLine("no effect", 0.0),),
    )
    return figure, Look((0,), ("model",), horizontal=True, legend=False, values=True)


def _table(family: FamilyMaterial, groups: Sequence[tuple[str, Group]]) -> blocks.Table:
    """List every change, of maps with many of them the strongest."""
    listed = [(run, group, _strongest(group)) for run, group in groups]
    rows = [
        [
            blocks.text(run),
            blocks.text(group.get("sample")),
            blocks.text(_kind(group)),
            blocks.text(str(group.get("readout", PREDICTION)).replace("_", " ")),
            blocks.text(change.get("change")),
            blocks.num(change.get("mean"), formats.signed(change.get("mean"))),
            blocks.num(change.get("mean_absolute")),
            blocks.num(change.get("sd")),
            blocks.num(change.get("n")),
        ]
        for run, group, changes in listed
        for change in changes
    ]
    columns = ("Run", family.sample_word.capitalize(), "Kind", "Of", "Change", "Mean effect", "Mean size", "SD", "n")
    keep = [j for j in range(len(columns)) if j != 3 or len({row[3].text for row in rows}) > 1]
    body = [[row[j] for j in keep] for row in rows[:MAX_ROWS]]
    total = sum(len(group["changes"]) for _, group in groups)
    title = "Every change" if len(body) == total else "The strongest changes"
    note = "Mean size: mean of effects without their sign. n: test rows."
    if len(body) < total:
        note += (
            f" {len(body):,} of {total:,} changes are listed: of kinds with more than {MAX_CHANGES} the {STRONGEST} "
            "strongest. The effects artifact holds all of them."
        )
    return blocks.table(title, [columns[j] for j in keep], body, note)


def _strongest(group: Group) -> Sequence[Mapping[str, Any]]:
    """Return all changes of a group in order, or the strongest first where there are too many."""
    changes = group["changes"]
    if len(changes) <= MAX_CHANGES:
        return changes
    return sorted(changes, key=lambda change: -abs(change.get("mean") or 0))[:STRONGEST]
