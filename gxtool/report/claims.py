"""What each split proves: what was held out, how good the run was on it, and what may be claimed from that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from gxtool.data.splits import SCHEMES
from gxtool.models.base import Figure, ReferenceLine, Trace
from gxtool.report import blocks, formats
from gxtool.report.blocks import Block, Look, Paragraph, Part
from gxtool.report.gather import FamilyMaterial, Material
from gxtool.report.paired import VERDICTS, all_pairs
from gxtool.report.predictors import Predictor, predictors
from gxtool.report.skill import remark, skill_of

# What a clear fall of the score says, by the scheme before and after: {group} and {sample} are the family's words.
FALLS = {
    ("group", "chromosome"): "what is lost came from neighbours and relatives of the {group}s",
    ("file", "chromosome"): "what is lost came from neighbours and relatives of the {group}s",
    ("random_rows", "chromosome"): "what is lost came from neighbours and relatives of the {group}s",
    ("group", "group_and_sample"): "what is lost holds for the {sample}s of the training alone",
    ("chromosome", "group_and_sample"): "what is lost holds for the {sample}s of the training alone",
    ("sample", "group_and_sample"): "what is lost was memory of the {group}s, which new {group}s do not bring",
}
APART = {"group": "{group}s", "sample": "{sample}s", "chrom": "chromosomes"}


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
        text = f"{_opening(family, schemes[0])} {_proves(family, schemes[0])}".strip()
        items.append(_table(family, found))
    else:
        text = (
            f"{len(schemes)} splits hold out different things, so the same score means different things. Test rows "
            "differ from split to split: read the intervals, not the last digit."
        )
        items += [_figure(family, found, schemes), *_falls(family, found), _table(family, found)]
        items.append(_meanings(family, schemes))
    return Part("What each split proves" if len(schemes) > 1 else "What this split proves", text, tuple(items))


def claims(family: FamilyMaterial, material: Material) -> list[Claim]:
    """List every run that has a score, by split in the order of `SCHEMES`."""
    order = list(SCHEMES)
    pairs = [pair for pair in all_pairs(family, material) if pair.get("kind") == "baseline"]
    everyone = predictors(family)
    found = [_claim(family, one, everyone, pairs) for one in everyone if not one.baseline]
    known = [claim for claim in found if claim]
    return sorted(known, key=lambda claim: order.index(claim.scheme) if claim.scheme in order else len(order))


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
    return Claim(one, str(one.scored.metrics.get("scheme")), *middle, bar, _verdict(family, one, name, pairs))


def _middle(one: Predictor, metric: str) -> tuple[float, float | None, float | None] | None:
    scores = one.scores(metric)
    if len(one.scored.samples) == 1:
        score = next(iter(scores.values()), None)
        return (score["estimate"], score.get("low"), score.get("high")) if score else None
    overall = one.overall(metric)
    return (overall["median"], overall.get("min"), overall.get("max")) if overall.get("median") is not None else None


def _verdict(family: FamilyMaterial, one: Predictor, bar: str, pairs: Sequence[Mapping[str, Any]]) -> str:
    """Return `no skill`, or what the paired tests against the strongest baseline found."""
    lacking = remark(skill_of(one, family.metric), family.sample_word)
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
        verdict = f"{formats.listing(counted)} of {formats.plural(len(said), family.sample_word)}"
    return f"{verdict}; {lacking}" if lacking else verdict


def _words(family: FamilyMaterial, text: str) -> str:
    """Put the family's words into a text; plurals are those of the words."""
    words = {"group": family.unit, "sample": family.sample_word}
    for key, word in words.items():
        text = text.replace(f"{{{key}}}s", formats.many(word)).replace(f"{{{key}}}", word)
    return text


def scheme_title(family: FamilyMaterial, scheme: str) -> str:
    """Return how a split is called for readers, such as `new genes`; an unknown one keeps its name."""
    known = SCHEMES.get(scheme)
    return _words(family, known.title) if known else scheme.replace("_", " ")


def _proves(family: FamilyMaterial, scheme: str) -> str:
    known = SCHEMES.get(scheme)
    return f"A good score says: {_words(family, known.proves)}" if known else ""


def _held_out(family: FamilyMaterial, scheme: str) -> str:
    known = SCHEMES.get(scheme)
    if not known:
        return ""
    return formats.listing([_words(family, APART.get(column, column)) for column in known.apart]) or "nothing"


def _opening(family: FamilyMaterial, scheme: str) -> str:
    return f"Split: {scheme_title(family, scheme)}."


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
    word = formats.many(family.sample_word)
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
    """Say for every preset what follows where its score falls from one split to the next."""
    said = []
    by_preset: dict[str, list[Claim]] = {}
    for claim in found:
        by_preset.setdefault(str(claim.run.scored.metrics.get("preset") or claim.run.label), []).append(claim)
    for preset, own in by_preset.items():
        first = list({claim.scheme: claim for claim in reversed(own)}.values())[::-1]
        if len(first) > 1:
            said.append(Paragraph(f"{preset}: {'; '.join(_steps(family, first))}."))
    return said


def _steps(family: FamilyMaterial, claims_: Sequence[Claim]) -> list[str]:
    """Compare the splits that are known to follow from one another; at least the neighbours in order."""
    by_scheme = {claim.scheme: claim for claim in claims_}
    known = [(by_scheme[a], by_scheme[b]) for a, b in FALLS if a in by_scheme and b in by_scheme]
    steps = []
    for before, after in known or pairwise(claims_):
        names = [scheme_title(family, claim.scheme) for claim in (before, after)]
        values = [formats.number(claim.value) for claim in (before, after)]
        start = f"from {names[0]} ({values[0]}) to {names[1]} ({values[1]})"
        worse = (after.value < before.value) == formats.higher_is_better(family.metric)
        end = before.low if formats.higher_is_better(family.metric) else before.high
        beyond = end is not None and (after.value < end) == formats.higher_is_better(family.metric)
        reason = FALLS.get((before.scheme, after.scheme))
        if worse and beyond and reason:
            steps.append(f"{start} the score falls, and {_words(family, reason)}")
        elif worse and beyond:
            steps.append(f"{start} the score falls")
        else:
            steps.append(f"{start} it does not clearly fall")
    return steps


def _table(family: FamilyMaterial, found: Sequence[Claim]) -> blocks.Table:
    label = formats.metric_label(family.metric)
    rows = [
        [
            blocks.text(claim.run.label),
            blocks.text(scheme_title(family, claim.scheme)),
            blocks.text(_held_out(family, claim.scheme)),
            blocks.num(claim.value, _score_text(claim)),
            blocks.text(claim.bar[0] if claim.bar else None),
            blocks.num(claim.bar[1] if claim.bar else None),
            blocks.text(claim.verdict, "bad" if "no skill" in claim.verdict else VERDICTS.get(claim.verdict, "")),
        ]
        for claim in found
    ]
    columns = ("Run", "Split", "Held out", label, "Strongest baseline", "Its score", "Verdict")
    many = any(len(claim.run.scored.samples) > 1 for claim in found)
    note = f"In brackets: {'range over ' + formats.many(family.sample_word) if many else 'confidence interval'}."
    note += " Verdict: the paired test against the strongest baseline."
    return blocks.table("Runs, their splits and the bar to pass", columns, rows, note)


def _meanings(family: FamilyMaterial, schemes: Sequence[str]) -> blocks.Table:
    rows = [
        [blocks.text(scheme_title(family, scheme)), blocks.text(_words(family, SCHEMES[scheme].proves))]
        for scheme in schemes
        if scheme in SCHEMES
    ]
    return blocks.table("What a good score on each split says", ("Split", "What it says"), rows)
