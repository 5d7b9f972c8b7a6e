"""What each split proves: what was held out, how good the run was on it, and what may be claimed from that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gxtool.data.splits import SCHEMES
from gxtool.measure.sentences import counts_sentence, question_sentence, verdict_words
from gxtool.measure.verdict import QUESTION, Question
from gxtool.models.base import Figure, ReferenceLine, Trace
from gxtool.report import blocks, formats
from gxtool.report.axes import GUESSING
from gxtool.report.blocks import Block, Look, Meanings, Part
from gxtool.report.gather import FamilyMaterial
from gxtool.report.paired import VERDICTS
from gxtool.report.predictors import Middle, Predictor, predictors
from gxtool.report.schemes import held_out, in_words, scheme_proves, scheme_title
from gxtool.report.skill import remark, skill_of

# What a clear fall of the score hints at, by the scheme before and after, with the family's words.
RELATIVES = "a sign that neighbours and relatives of the {groups} helped"
TRAINING_ALONE = "a sign that part of what it learned holds in the {samples} of the training alone"
FALLS = {
    ("group", "chromosome"): RELATIVES,
    ("group", "similarity"): RELATIVES,
    ("file", "similarity"): RELATIVES,
    ("file", "chromosome"): RELATIVES,
    ("random_rows", "chromosome"): RELATIVES,
    ("group", "group_and_sample"): TRAINING_ALONE,
    ("chromosome", "group_and_sample"): TRAINING_ALONE,
    ("sample", "group_and_sample"): "a sign that it remembered {groups}, which is no help with new ones",
}


class Claim(NamedTuple):
    """One run under its split: its score with interval, the score to beat, and the verdict.

    `bar` is the strongest baseline with its score, None without any.
    """

    run: Predictor
    scheme: str
    score: Middle
    bar: tuple[str, float] | None
    verdict: str


def claims_part(family: FamilyMaterial) -> Part | None:
    """Show one row per run and split; several splits stand side by side in a figure. Nothing without a score."""
    found = claims(family)
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


def claims(family: FamilyMaterial) -> list[Claim]:
    """List every run that has a score, by split the easier splits first."""
    found = [_claim(family, one) for one in predictors(family) if not one.baseline]
    return [claim for claim in found if claim]


def _claim(family: FamilyMaterial, one: Predictor) -> Claim | None:
    middle = one.middle(family.metric)
    if middle is None:
        return None
    strongest = one.scored.judgement.get("strongest")
    bar = Predictor("", one.scored, strongest, 0).middle(family.metric) if strongest else None
    named = (formats.predictor_label(strongest), bar.mean) if bar else None
    return Claim(one, one.scheme, middle, named, _verdict(family, one))


def _verdict(family: FamilyMaterial, one: Predictor) -> str:
    """Return `no skill`, or the verdict against the baselines, with its counts where there are several samples."""
    lacking = remark(skill_of(one, family.metric), family.sample_noun)
    judgement = one.scored.judgement
    if lacking == "no skill":
        return lacking
    if not judgement:
        return "not compared"
    said = [verdict_words(judgement["verdict"], family.words)]
    if len(one.scored.samples) > 1:
        said.append(counts_sentence([sample["verdict"] for sample in one.scored.samples], family.words))
    return "; ".join([*said, *([lacking] if lacking else [])])


def _figure(family: FamilyMaterial, found: Sequence[Claim], schemes: Sequence[str]) -> Block:
    """Draw one row per split and run, with the run's strongest baseline in the same row."""
    label, several = formats.metric_label(family.metric), len({c.run.label for c in found}) > len(schemes)
    rows = {id(c): scheme_title(family, c.scheme) + (f": {c.run.label}" if several else "") for c in found}
    bars = [claim for claim in found if claim.bar]
    traces = [
        Trace(
            "model",
            tuple(rows[id(c)] for c in found),
            tuple(c.score.mean for c in found),
            "points",
            tuple(c.score.low for c in found),
            tuple(c.score.high for c in found),
            tuple(c.score.text for c in found),
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
    lines = (ReferenceLine(GUESSING, chance),) if chance is not None and _near(found, chance) else ()
    said = ", ".join(f"{rows[id(c)]} {formats.number(c.score.mean)}" for c in found)
    many = any(len(c.run.scored.samples) > 1 for c in found)
    what = f"mean over {family.sample_words} and its interval" if many else "score and its interval"
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
    values = [end for c in found for end in c.score if end is not None]
    return min(values) - chance < 2 * (max(values) - min(values))


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
                        *(
                            blocks.text(f"{scheme_title(family, c.scheme)} ({formats.number(c.score.mean)})")
                            for c in steps
                        ),
                        blocks.text(f"falls: {said}" if said else "does not clearly fall"),
                    ]
                )
    if not rows:
        return []
    note = "A fall is clear when the two intervals do not overlap."
    return [blocks.table("From one split to another", ("Preset", "From", "To", "The score"), rows, note)]


def _falls_clearly(family: FamilyMaterial, before: Claim, after: Claim) -> bool:
    better, worse = (before.score, after.score)
    if not formats.higher_is_better(family.metric):
        better, worse = worse, better
    return better.low is not None and worse.high is not None and worse.high < better.low


def _table(family: FamilyMaterial, found: Sequence[Claim]) -> blocks.Table:
    label = formats.metric_label(family.metric)
    rows = [
        [
            blocks.text(claim.run.label),
            blocks.text(scheme_title(family, claim.scheme)),
            blocks.num(claim.score.mean, claim.score.text),
            blocks.text(claim.bar[0] if claim.bar else None),
            blocks.num(claim.bar[1] if claim.bar else None),
            blocks.text(claim.verdict, _style(claim)),
        ]
        for claim in found
    ]
    columns = ("Run", "Split", label, "Strongest baseline", "Its score", "Verdict")
    several = any(len(claim.run.scored.samples) > 1 for claim in found)
    note = f"Scores: mean over {family.sample_words}. " if several else ""
    note += f"In brackets: its interval. {question_sentence(_question(found), family.words)}. Verdict: against every "
    note += "baseline at once."
    return blocks.table("Runs, their splits and the score to beat", columns, rows, note)


def _question(found: Sequence[Claim]) -> Question:
    level = found[0].run.scored.metrics.get("level") or QUESTION.level
    return Question(level, all("sample" in SCHEMES[c.scheme].apart for c in found if c.scheme in SCHEMES))


def _style(claim: Claim) -> str:
    if "no skill" in claim.verdict:
        return "bad"
    return VERDICTS.get(str(claim.run.scored.judgement.get("verdict")), "")


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
