"""How good: scores with intervals beside the baselines, and the values of single seeds."""

from __future__ import annotations

from collections.abc import Sequence

from gxtool.models.base import Figure, ReferenceLine, Trace
from gxtool.report import blocks, formats
from gxtool.report.blocks import Block, Chart, Gallery, Look, Part
from gxtool.report.gather import FamilyMaterial
from gxtool.report.predictors import Predictor, by_scheme, metric_names, predictors, references, sample_names
from gxtool.report.readings import readings_tables
from gxtool.report.schemes import scheme_title
from gxtool.report.skill import skill_of

Middle = tuple[float, float | None, float | None, str]


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
        f"rows.{_left_out(family)} A model's estimate is the score of its predictions averaged over seeds; "
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
    traces, slots, roles = [], [], []
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
    for one in everyone:
        middle = _middle(one, samples, metric)
        if middle is not None:
            value, low, high, text = middle
            traces.append(Trace(one.label, (one.label,), (value,), "points", (low,), (high,), (text,)))
            slots.append(one.slot)
            roles.append(one.role)
    better = "higher" if formats.higher_is_better(metric) else "lower"
    where = samples[0] if single else f"{len(samples)} {family.sample_words}"
    lines = [ReferenceLine(f"{ref['name']}, published", ref["value"]) for ref in references(family, metric)]
    if any(skill_of(one, metric).without for one in everyone if not one.baseline):
        lines.append(ReferenceLine("guessing", formats.METRICS[metric].chance or 0.0))
    figure = Figure(
        f"{label} on {where}: each model beside each baseline",
        f"{_ranking(everyone, samples, metric)} ({better} is better). {_legend(family, single)}",
        "Predictor",
        label if single else f"{label}, median over {family.sample_words}",
        tuple(traces),
        tuple(lines),
    )
    return figure, Look(tuple(slots), tuple(roles), horizontal=True, legend=False, values=True)


def _legend(family: FamilyMaterial, single: bool) -> str:
    if single:
        return "Marker and line: estimate with confidence interval; small circles: single seeds."
    one, many = family.sample_noun
    return f"Marker: median over {many}; line: smallest to largest; small circles: one {one} each."


def _ranking(everyone: Sequence[Predictor], samples: Sequence[str], metric: str) -> str:
    """Write every predictor's value in order, best first: what a reader of the text gets instead of the figure."""
    values = [(one.label, _middle(one, samples, metric)) for one in everyone]
    known = [(label, middle[0]) for label, middle in values if middle is not None]
    known.sort(key=lambda pair: pair[1], reverse=formats.higher_is_better(metric))
    return ", ".join(f"{label} {formats.number(value)}" for label, value in known)


def _middle(one: Predictor, samples: Sequence[str], metric: str) -> Middle | None:
    """Return value, low, high and their text: estimate and interval of one sample, or median and range over many."""
    if len(samples) == 1:
        score = one.scores(metric).get(samples[0])
        if not score:
            return None
        low, high = score.get("low"), score.get("high")
        return score["estimate"], low, high, f"{formats.number(score['estimate'])} ({formats.interval(low, high)})"
    overall = one.overall(metric)
    if overall.get("median") is None:
        return None
    low, high = overall.get("min"), overall.get("max")
    return overall["median"], low, high, f"{formats.number(overall['median'])} ({formats.interval(low, high)})"


def _seed_values(one: Predictor, metric: str) -> list[float]:
    if one.baseline:
        return []
    seeds = [seed for sample in one.scored.samples for seed in sample.get("per_seed", [])]
    return [seed[metric] for seed in seeds if seed.get(metric) is not None]


def _overall_table(family: FamilyMaterial, everyone: Sequence[Predictor], metrics: Sequence[str]) -> blocks.Table:
    """Make one row per predictor: the mean of the main metric, then median and range of every metric."""
    rows = []
    for one in everyone:
        start = [blocks.text(one.label), blocks.num(len(one.scores(family.metric)))]
        rows.append([*start, blocks.num(one.overall(family.metric).get("mean")), *(_median(one, m) for m in metrics)])
    labels = [formats.metric_label(metric) for metric in metrics]
    columns = (
        "Predictor",
        f"{family.sample_words.capitalize()}",
        f"Mean {labels[0]}",
        *(f"Median {x}" for x in labels),
    )
    note = f"In brackets: smallest to largest over {family.sample_words}."
    return blocks.table(f"Scores over all {family.sample_words}", columns, rows, note)


def _median(one: Predictor, metric: str) -> blocks.Cell:
    overall = one.overall(metric)
    return blocks.num(overall.get("median"), remark=formats.interval(overall.get("min"), overall.get("max")))


def _score_table(
    family: FamilyMaterial, everyone: Sequence[Predictor], metrics: Sequence[str], n_samples: int
) -> blocks.Table:
    rows = []
    for one in everyone:
        for sample in one.scored.samples:
            scores = [one.score(sample, metric) for metric in metrics]
            if any(scores):
                rows.append(
                    [
                        blocks.text(one.label),
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


def _seed_tables(family: FamilyMaterial, metrics: Sequence[str], n_samples: int) -> list[Block]:
    """List each seed's scores; with many samples the medians over them come first."""
    labels = tuple(map(formats.metric_label, metrics))
    tables: list[Block] = []
    medians = [
        [blocks.text(one.run), blocks.num(seed.get("seed")), *(blocks.num(seed.get(metric)) for metric in metrics)]
        for one in family.scored
        for seed in (one.metrics.get("overall") or {}).get("per_seed") or []
    ]
    if n_samples > 1 and medians:
        tables.append(blocks.table(f"Each seed, median over {family.sample_words}", ("Run", "Seed", *labels), medians))
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
