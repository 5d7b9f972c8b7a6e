"""Where it is good: the score of every sample, each run against each baseline, with published means as lines."""

from __future__ import annotations

from collections.abc import Sequence

from gxtool.models.base import Figure, ReferenceLine, Trace
from gxtool.report import blocks, formats
from gxtool.report.axes import axis_of
from gxtool.report.blocks import Block, Chart, Gallery, Look, Part
from gxtool.report.gather import FamilyMaterial
from gxtool.report.predictors import Predictor, predictors, references, sample_names


def by_sample_part(family: FamilyMaterial) -> Part | None:
    """Show one row per sample; nothing when there is a single one, whose row the scores above are."""
    if len(sample_names(family)) < 2:
        return None
    everyone, metric = predictors(family), family.metric
    label, word = formats.metric_label(metric), family.sample_word
    models = [one for one in everyone if not one.baseline]
    baselines = [one for one in everyone if one.baseline]
    views = [
        (model.label, [model, *_beside(model, baselines)], f"{model.label} against each baseline") for model in models
    ]
    if len(models) > 1:
        views.append(("All runs", models, "all runs"))
    figures = [_figure(family, chosen, metric, what) for _, chosen, what in views]
    gallery = Gallery(
        (Chart(tuple(figure for figure, _ in figures), tuple(look for _, look in figures)),),
        "Run",
        tuple(name for name, _, _ in views),
    )
    items: list[Block] = [gallery]
    if references(family, metric):
        items.append(_reference_table(family))
    return Part(f"{label} by {word}", "", tuple(items))


def _beside(model: Predictor, baselines: Sequence[Predictor]) -> list[Predictor]:
    """Return the baselines that stand beside a model in its evaluation, under their shared names."""
    own = {name for sample in model.scored.samples for name in sample.get("baselines", {})}
    exact = [one for one in baselines if one.scored is model.scored]
    listed = {one.baseline for one in exact}
    same_split = [one for one in baselines if one.scheme == model.scheme]
    shared = [one for one in same_split if one.baseline in own and one.baseline not in listed]
    return sorted([*exact, *shared], key=lambda one: one.slot)


def _figure(family: FamilyMaterial, chosen: Sequence[Predictor], metric: str, what: str) -> tuple[Figure, Look]:
    label, word = formats.metric_label(metric), family.sample_word
    first = chosen[0].scores(metric)
    order = sorted(first, key=lambda name: first[name]["estimate"], reverse=formats.higher_is_better(metric))
    order += [name for one in chosen[1:] for name in one.scores(metric) if name not in order]
    order = list(dict.fromkeys(order))
    traces = []
    for one in chosen:
        scores = one.scores(metric)
        names = [name for name in order if name in scores]
        if not names:
            continue
        has_interval = not one.baseline
        traces.append(
            Trace(
                one.label,
                tuple(names),
                tuple(scores[name]["estimate"] for name in names),
                "points",
                tuple(scores[name].get("low") for name in names) if has_interval else (),
                tuple(scores[name].get("high") for name in names) if has_interval else (),
                tuple(_hover(scores[name]) for name in names),
            )
        )
    lines = [ReferenceLine(f"{ref['name']}, published mean", ref["value"]) for ref in references(family, metric)]
    shown = [one for one in chosen if one.scores(metric)]
    axis, on_axis, edge = axis_of(family, list(zip(shown, traces, strict=True)), lines)
    figure = Figure(
        f"{label} by {word}, {what}",
        f"{_extremes(chosen[0], metric, order)} Sorted by {chosen[0].label}; lines at its markers are confidence "
        f"intervals{'; vertical lines are published means' if lines else ''}.{edge}",
        word.capitalize(),
        label,
        tuple(traces),
        on_axis,
        y_range=axis,
    )
    slots, roles = tuple(one.slot for one in shown), tuple(one.role for one in shown)
    if len(set(slots)) < len(slots):
        slots = tuple(range(len(shown)))  # runs on several splits, which share colours
    return figure, Look(slots, roles, horizontal=True, order=tuple(order))


def _hover(score: dict) -> str:
    between = formats.interval(score.get("low"), score.get("high"))
    return formats.number(score["estimate"]) + (f" ({between})" if between else "")


def _extremes(one: Predictor, metric: str, order: Sequence[str]) -> str:
    scores = one.scores(metric)
    known = [name for name in order if name in scores]
    if not known:
        return ""
    best, worst = known[0], known[-1]
    best_value, worst_value = (formats.number(scores[name]["estimate"]) for name in (best, worst))
    return f"{one.label} ranges from {best_value} on {best} to {worst_value} on {worst}."


def _reference_table(family: FamilyMaterial) -> blocks.Table:
    rows = [
        [blocks.text(ref["name"]), blocks.num(ref["value"]), blocks.text(ref.get("source"))]
        for ref in references(family, family.metric)
    ]
    return blocks.table("Published means", ("Method", formats.metric_label(family.metric), "Source"), rows)
