"""What each split proves: what was held out, how good the run was on it, and what may be claimed from that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gxtool.models.base import Figure, ReferenceLine, Trace
from gxtool.report import blocks, formats
from gxtool.report.blocks import Block, Look, Meanings, Part
from gxtool.report.gather import FamilyMaterial, Material
from gxtool.report.paired import VERDICTS, all_pairs
from gxtool.report.predictors import Predictor, predictors
from gxtool.report.schemes import held_out, in_words, scheme_proves, scheme_title
from gxtool.report.skill import remark, skill_of

# What a clear fall of the score hints at, by the scheme before and after, with the family's words.
RELATIVES = "a sign that neighbours and relatives of the {groups} helped"
TRAINING_ALONE = "a sign that part of what it learned holds in the {samples} of the training alone"
FALLS = {
    ("group", "chromosome"): RELATIVES,
    ("file", "chromosome"): RELATIVES,
    ("random_rows", "chromosome"): RELATIVES,
    ("group", "group_and_sample"): TRAINING_ALONE,
    ("chromosome", "group_and_sample"): TRAINING_ALONE,
    ("sample", "group_and_sample"): "a sign that it remembered {groups}, which is no help with new ones",
}


class Claim(NamedTuple):
    """One run under its split: score with interval (of one sample), or median with range (of several), and the bar.

    `bar` is the strongest baseline, None without any; `verdict` is what the paired test of the two found.
    """

    run: Predictor
    scheme: str
    value: float
    low: float | None
    high: float | None
    bar: tuple[str, float] | None
    verdict: str


def claims_part(family: FamilyMaterial, material: Material) -> Part | None:
    """Show one row per run and split; several splits stand side by side in a figure. Nothing without a score."""
    found = claims(family, material)
    if not found:
        return None
    schemes = list(dict.fromkeys(claim.scheme for claim in found))
    items: list[Block] = []
    if len(schemes) == 1:
        title = scheme_title(family, schemes[0])
        text = f"A good score on this split ({title}) says this much. {scheme_proves(family, schemes[0])}".strip()
        items.append(_table(family, found))
    else:
        text = (
            f"{len(schemes)} splits hold out different things, so the same score says different things. Test rows "
            "differ from split to split: read the intervals, not the last digit."
        )
        items += [_figure(family, found, schemes), _meanings(family, schemes), *_falls(family, found)]
        items.append(_table(family, found))
    items += _left_out(found)
    return Part("What each split proves" if len(schemes) > 1 else "What this split proves", text, tuple(items))


def claims(family: FamilyMaterial, material: Material) -> list[Claim]:
    """List every run that has a score, by split the easier splits first."""
    pairs = [pair for pair in all_pairs(family, material) if pair.get("kind") == "baseline"]
    everyone = predictors(family)
    found = [_claim(family, one, everyone, pairs) for one in everyone if not one.baseline]
    return [claim for claim in found if claim]


def _claim(
    family: FamilyMaterial, one: Predictor, everyone: Sequence[Predictor], pairs: Sequence[Mapping[str, Any]]
) -> Claim | None:
    middle = _middle(one, family.metric)
    if middle is None:
        return None
    own = {name for sample in one.scored.samples for name in sample.get("baselines", {})}
    beside = [Predictor(formats.predictor_label(name), one.scored, name, 0) for name in sorted(own)]
    bars = {b.baseline: value[0] for b in beside if (value := _middle(b, family.metric)) is not None}
    best = max if formats.higher_is_better(family.metric) else min
    name = best(bars, key=bars.__getitem__) if bars else ""
    bar = (formats.predictor_label(name), bars[name]) if name else None
    return Claim(one, one.scheme, *middle, bar, _verdict(family, one, name, pairs))


def _middle(one: Predictor, metric: str) -> tuple[float, float | None, float | None] | None:
    scores = one.scores(metric)
    if len(one.scored.samples) == 1:
        score = next(iter(scores.values()), None)
        return (score["estimate"], score.get("low"), score.get("high")) if score else None
    overall = one.overall(metric)
    return (overall["median"], overall.get("min"), overall.get("max")) if overall.get("median") is not None else None


def _verdict(family: FamilyMaterial, one: Predictor, bar: str, pairs: Sequence[Mapping[str, Any]]) -> str:
    """Return `no skill`, or what the paired tests against the strongest baseline found."""
    lacking = remark(skill_of(one, family.metric), family.sample_noun)
    if lacking == "no skill":
        return lacking
    tests = [
        pair
        for pair in pairs
        if pair.get("b") == bar
        and pair.get("a") in (one.run_name, one.label)
        and pair.get("metric", family.metric) == family.metric
    ]
    whole = [pair for pair in tests if pair.get("sample") is None]
    said = [str(pair.get("verdict")) for pair in whole or tests]
    counted = [f"{verdict} in {said.count(verdict)}" for verdict in VERDICTS if verdict in said]
    if not said:
        verdict = "not tested"
    elif len(set(said)) == 1:
        verdict = said[0]
    else:
        verdict = f"{formats.listing(counted)} of {formats.plural(len(said), *family.sample_noun)}"
    return f"{verdict}; {lacking}" if lacking else verdict


def _figure(family: FamilyMaterial, found: Sequence[Claim], schemes: Sequence[str]) -> Block:
    """Draw one row per split and run, with the run's strongest baseline in the same row."""
    label, several = formats.metric_label(family.metric), len({c.run.label for c in found}) > len(schemes)
    rows = {id(c): scheme_title(family, c.scheme) + (f": {c.run.label}" if several else "") for c in found}
    bars = [claim for claim in found if claim.bar]
    traces = [
        Trace(
            "model",
            tuple(rows[id(c)] for c in found),
            tuple(c.value for c in found),
            "points",
            tuple(c.low for c in found),
            tuple(c.high for c in found),
            tuple(_score_text(c) for c in found),
        )
    ]
    if bars:
        traces.append(
            Trace(
                "strongest baseline",
                tuple(rows[id(c)] for c in bars),
                tuple(c.bar[1] for c in bars if c.bar),
                "points",
            )
        )
    chance = formats.METRICS[family.metric].chance if family.metric in formats.METRICS else None
    lines = (ReferenceLine("guessing", chance),) if chance is not None and _near(found, chance) else ()
    said = ", ".join(f"{rows[id(c)]} {formats.number(c.value)}" for c in found)
    many = any(len(c.run.scored.samples) > 1 for c in found)
    word = family.sample_words
    what = f"median and range over {word}" if many else "estimate and confidence interval"
    figure = Figure(
        f"{label} under each split",
        f"{said}. Marker and line: {what}; open marker: the strongest baseline on the same rows.",
        "Split",
        label,
        tuple(traces),
        lines,
    )
    look = Look((0, 1), ("model", "baseline"), horizontal=True, values=True, order=tuple(rows.values()))
    return blocks.one_chart(figure, look)


def _near(found: Sequence[Claim], chance: float) -> bool:
    """Say whether what guessing reaches is close enough to the scores to be drawn without squeezing them."""
    values = [end for c in found for end in (c.value, c.low, c.high) if end is not None]
    return min(values) - chance < 2 * (max(values) - min(values))


def _score_text(claim: Claim) -> str:
    between = formats.interval(claim.low, claim.high)
    return formats.number(claim.value) + (f" ({between})" if between else "")


def _falls(family: FamilyMaterial, found: Sequence[Claim]) -> list[Block]:
    """Say for every preset what a fall of its score from one split to another hints at."""
    by_preset: dict[str, list[Claim]] = {}
    for claim in found:
        by_preset.setdefault(str(claim.run.scored.metrics.get("preset") or claim.run.label), []).append(claim)
    rows = []
    for preset, own in by_preset.items():
        first = {claim.scheme: claim for claim in reversed(own)}
        for (before, after), reason in FALLS.items():
            if before in first and after in first:
                steps = (first[before], first[after])
                said = in_words(family, reason) if _falls_clearly(family, *steps) else ""
                rows.append(
                    [
                        blocks.text(preset),
                        *(blocks.text(f"{scheme_title(family, c.scheme)} ({formats.number(c.value)})") for c in steps),
                        blocks.text(f"falls: {said}" if said else "does not clearly fall"),
                    ]
                )
    if not rows:
        return []
    note = "A fall is clear when the second score lies beyond the interval (or range) of the first."
    return [blocks.table("From one split to another", ("Preset", "From", "To", "The score"), rows, note)]


def _falls_clearly(family: FamilyMaterial, before: Claim, after: Claim) -> bool:
    if formats.higher_is_better(family.metric):
        return before.low is not None and after.value < before.low
    return before.high is not None and after.value > before.high


def _table(family: FamilyMaterial, found: Sequence[Claim]) -> blocks.Table:
    label = formats.metric_label(family.metric)
    rows = [
        [
            blocks.text(claim.run.label),
            blocks.text(scheme_title(family, claim.scheme)),
            blocks.num(claim.value, _score_text(claim)),
            blocks.text(claim.bar[0] if claim.bar else None),
            blocks.num(claim.bar[1] if claim.bar else None),
            blocks.text(claim.verdict, "bad" if "no skill" in claim.verdict else VERDICTS.get(claim.verdict, "")),
        ]
        for claim in found
    ]
    columns = ("Run", "Split", label, "Strongest baseline", "Its score", "Verdict")
    many = any(len(claim.run.scored.samples) > 1 for claim in found)
    note = f"In brackets: {'range over ' + family.sample_words if many else 'confidence interval'}."
    note += " Verdict: the paired test against the strongest baseline."
    return blocks.table("Runs, their splits and the bar to pass", columns, rows, note)


def _left_out(found: Sequence[Claim]) -> list[Block]:
    """Say of each run which test rows it had seen before, and what else its evaluation says of its claim."""
    return [
        blocks.Paragraph(f"{claim.run.label}: {' '.join(sentences)}")
        for claim in found
        if (sentences := formats.nested(claim.run.scored.metrics, "claim", "sentences"))
    ]


def _meanings(family: FamilyMaterial, schemes: Sequence[str]) -> Meanings:
    terms = tuple(
        (scheme_title(family, scheme), f"(held out: {held_out(family, scheme)})", said)
        for scheme in schemes
        if (said := scheme_proves(family, scheme))
    )
    return Meanings("What a good score on each split says", terms)
