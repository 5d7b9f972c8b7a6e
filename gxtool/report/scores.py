"""How good: scores with intervals beside the baselines, and the values of single seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gxtool.models.base import Figure, ReferenceLine, Trace
from gxtool.report import blocks, formats
from gxtool.report.axes import GUESSING, axis_of
from gxtool.report.blocks import Block, Chart, Gallery, Look, Part
from gxtool.report.gather import FamilyMaterial
from gxtool.report.predictors import (
    Predictor,
    by_scheme,
    metric_names,
    middle_cell,
    predictors,
    references,
    sample_names,
)
from gxtool.report.readings import readings_tables
from gxtool.report.schemes import scheme_title
from gxtool.report.skill import skill_of


def scores_part(family: FamilyMaterial) -> Part:
    """Show every predictor's scores as a figure and as tables."""
    if not family.scored:
        return Part("Scores", "No evaluation was among the inputs, so there are no scores to show.")
    if not sample_names(family):
        return Part("Scores", "The evaluation holds no sample, so there are no scores to show.")
    everyone, samples, metrics = predictors(family), sample_names(family), metric_names(family)
    items: list[Block] = [_overview(family, everyone, samples, metrics)]
    if len(samples) > 1:
        items.append(_overall_table(family, everyone, metrics))
    items.append(_score_table(family, everyone, metrics, len(samples)))
    items += _seed_tables(family, metrics, len(samples))
    items += readings_tables(family)
    items.append(_definitions(metrics))
    return Part("Scores", _introduction(family, samples), tuple(items))


def _introduction(family: FamilyMaterial, samples: Sequence[str]) -> str:
    level = family.scored[0].metrics.get("level")
    confidence = f"{level:.0%} " if level else ""
    text = (
        "Every model stands beside simpler predictors fitted on the same training rows and scored on the same test "
        f"rows.{_left_out(family)}{_scales(family)} A model's score is the mean over its seeds; "
    )
    if len(samples) > 1:
        word = family.sample_words
        return f"{text}intervals of single {word} are {confidence}confidence intervals over test rows."
    return f"{text}lines are {confidence}confidence intervals over test {family.units}."


def _left_out(family: FamilyMaterial) -> str:
    """Name the baselines that do not apply to the data, and why."""
    reasons = {name: why for one in family.scored for name, why in one.metrics.get("baselines_left_out", {}).items()}
    if not reasons:
        return ""
    listed = "; ".join(f"{formats.predictor_label(name)} ({why})" for name, why in reasons.items())
    return f" Left out, as they do not apply: {listed}."


def _scales(family: FamilyMaterial) -> str:
    """Say which scores are not shown because test labels are on another scale."""
    found = dict.fromkeys(formats.nested(one.metrics, "other_scale", "sentence") for one in family.scored)
    return "".join(f" {sentence}" for sentence in found if sentence)


def _overview(
    family: FamilyMaterial, everyone: Sequence[Predictor], samples: Sequence[str], metrics: Sequence[str]
) -> Gallery:
    """Draw one row per predictor; the menu changes the metric, and the split where there are several."""
    schemes = by_scheme(everyone)
    views = [
        (_overview_figure(family, some, samples, name), formats.metric_label(name), scheme_title(family, scheme))
        for scheme, some in schemes.items()
        for name in metrics
        if any(one.scores(name) for one in some)
    ]
    chart = Chart(tuple(figure for (figure, _), *_ in views), tuple(look for (_, look), *_ in views))
    if len(schemes) == 1:
        return Gallery((chart,), "Metric", tuple(label for _, label, _ in views))
    return Gallery((chart,), "Metric and split", tuple(f"{label}, {title}" for _, label, title in views))


def _overview_figure(
    family: FamilyMaterial, everyone: Sequence[Predictor], samples: Sequence[str], metric: str
) -> tuple[Figure, Look]:
    label = formats.metric_label(metric)
    traces, slots, roles, whose = [], [], [], []
    single = len(samples) == 1
    for one in everyone:
        points = _seed_values(one, metric) if single else [s["estimate"] for s in one.scores(metric).values()]
        if points:
            traces.append(
                Trace(
                    f"{one.label}, single {'seeds' if single else family.sample_words}",
                    (one.label,) * len(points),
                    tuple(points),
                    "points",
                )
            )
            slots.append(one.slot)
            roles.append("seed")
            whose.append(one)
    for one in everyone:
        middle = one.middle(metric)
        if middle is not None:
            ends = (middle.low,), (middle.high,), (middle.text,)
            traces.append(Trace(one.label, (one.label,), (middle.mean,), "points", *ends))
            slots.append(one.slot)
            roles.append(one.role)
            whose.append(one)
    better = "higher" if formats.higher_is_better(metric) else "lower"
    where = samples[0] if single else f"{len(samples)} {family.sample_words}"
    lines = [ReferenceLine(f"{ref['name']}, published", ref["value"]) for ref in references(family, metric)]
    if any(skill_of(one, metric).without for one in everyone if not one.baseline):
        lines.append(ReferenceLine(GUESSING, formats.METRICS[metric].chance or 0.0))
    axis, on_axis, edge = axis_of(family, list(zip(whose, traces, strict=True)), lines)
    figure = Figure(
        f"{label} on {where}: each model beside each baseline",
        f"{_ranking(everyone, metric)} ({better} is better). {_legend(family, single)}{edge}",
        "Predictor",
        label if single else f"{label}, mean over {family.sample_words}",
        tuple(traces),
        on_axis,
        y_range=axis,
    )
    return figure, Look(tuple(slots), tuple(roles), horizontal=True, legend=False, values=True)


def _legend(family: FamilyMaterial, single: bool) -> str:
    if single:
        return "Marker and line: score with confidence interval; small circles: single seeds."
    one, many = family.sample_noun
    return f"Marker and line: mean over {many} with confidence interval; small circles: one {one} each."


def _ranking(everyone: Sequence[Predictor], metric: str) -> str:
    """Write every predictor's value in order, best first: what a reader of the text gets instead of the figure."""
    values = [(one.label, one.middle(metric)) for one in everyone]
    known = [(label, middle.mean) for label, middle in values if middle is not None]
    known.sort(key=lambda pair: pair[1], reverse=formats.higher_is_better(metric))
    return ", ".join(f"{label} {formats.number(value)}" for label, value in known)


def _seed_values(one: Predictor, metric: str) -> list[float]:
    if one.baseline:
        return []
    seeds = [seed for sample in one.scored.samples for seed in sample.get("per_seed", [])]
    return [seed[metric] for seed in seeds if seed.get(metric) is not None]


def _overall_table(family: FamilyMaterial, everyone: Sequence[Predictor], metrics: Sequence[str]) -> blocks.Table:
    """Make one row per predictor: the mean over samples of every metric with its interval."""
    rows = [
        [
            blocks.text(one.label),
            blocks.num(len(one.scores(family.metric))),
            *(middle_cell(one, metric) for metric in metrics),
        ]
        for one in everyone
    ]
    labels = [f"Mean {formats.metric_label(metric)}" for metric in metrics]
    columns = ("Predictor", family.sample_words.capitalize(), *labels)
    note = f"In brackets: confidence interval of the mean over {family.sample_words}."
    return blocks.table(f"Scores over all {family.sample_words}", columns, rows, note)


def _score_table(
    family: FamilyMaterial, everyone: Sequence[Predictor], metrics: Sequence[str], n_samples: int
) -> blocks.Table:
    rows = []
    for one in everyone:
        for sample in one.scored.samples:
            for label, scores in _lines(one, sample, metrics):
                rows.append(
                    [
                        blocks.text(label),
                        blocks.text(sample["sample"]),
                        blocks.num(sample.get("n")),
                        blocks.num(sample.get("n_positive")),
                        *map(blocks.estimate, scores),
                    ]
                )
    keep = [0, 1, 2] + ([3] if any(row[3].value is not None for row in rows) else [])
    keep += range(4, 4 + len(metrics))
    columns = ("Predictor", family.sample_word.capitalize(), "n", "n positive", *map(formats.metric_label, metrics))
    title = "Scores with confidence intervals" + (f", by {family.sample_word}" if n_samples > 1 else "")
    note = f"n: test {family.units}. In brackets: confidence interval."
    return blocks.table(title, [columns[j] for j in keep], [[row[j] for j in keep] for row in rows], note)


def _lines(one: Predictor, sample: Mapping[str, Any], metrics: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
    """Yield a predictor's line of one sample, and of a model the line of its seeds' average, a predictor of its own."""
    scores = [one.score(sample, metric) for metric in metrics]
    if any(scores):
        yield one.label, scores
    ensemble = None if one.baseline else sample.get("ensemble")
    if ensemble:
        n_seeds = len({seed.get("seed") for seed in sample.get("per_seed") or []})
        yield f"{one.label}, predictions averaged over {n_seeds} seeds", [{"estimate": ensemble[m]} for m in metrics]


def _seed_tables(family: FamilyMaterial, metrics: Sequence[str], n_samples: int) -> list[Block]:
    """List each seed's scores; with many samples the means over them come first."""
    labels = tuple(map(formats.metric_label, metrics))
    tables: list[Block] = []
    means = [
        [blocks.text(one.run), blocks.num(seed.get("seed")), *(blocks.num(seed.get(metric)) for metric in metrics)]
        for one in family.scored
        for seed in (one.metrics.get("overall") or {}).get("per_seed") or []
    ]
    if n_samples > 1 and means:
        tables.append(blocks.table(f"Each seed, mean over {family.sample_words}", ("Run", "Seed", *labels), means))
    rows = [
        [
            blocks.text(one.run),
            blocks.text(sample["sample"]),
            blocks.num(seed.get("seed")),
            blocks.num(seed.get("fold")),
            *(blocks.num(seed.get(metric)) for metric in metrics),
        ]
        for one in family.scored
        for sample in one.samples
        for seed in sample.get("per_seed") or []
    ]
    if not rows:
        return [*tables, blocks.Paragraph("No values of single seeds were recorded.")]
    columns = ("Run", family.sample_word.capitalize(), "Seed", "Fold", *labels)
    keep = [j for j in range(len(columns)) if j != 3 or len({row[3].value for row in rows}) > 1]
    rows = [[row[j] for j in keep] for row in rows]
    return [*tables, blocks.table("Each seed by itself", [columns[j] for j in keep], rows)]


def _definitions(metrics: Sequence[str]) -> blocks.Paragraph:
    known = [formats.METRICS[name] for name in metrics if name in formats.METRICS]
    return blocks.Paragraph(" ".join(f"{metric.label}: {metric.definition}." for metric in known), quiet=True)
