"""What the verdicts say, in one place: the sentences of the report, of `compare` and of the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gxtool.measure.decimals import decimals, signed_decimals
from gxtool.measure.faults import listing
from gxtool.measure.metrics import find_metric
from gxtool.measure.verdict import Difference, Judgement, Question, Score, Verdict


class Words(NamedTuple):
    """What a family calls a unit and a sample, one and several: gene, genes, cell type, cell types."""

    unit: str
    units: str
    sample: str
    samples: str

    @classmethod
    def of(cls, words: Mapping[str, str]) -> Words:
        """Read the words that metrics.json holds."""
        return cls(words["group"], words["groups"], words["sample"], words["samples"])


# More sentences than this are summed up in one.
FEW = 4
# In the order in which counts are said.
COUNTED: dict[Verdict, str] = {
    "better": "better",
    "worse": "worse",
    "no clear difference": "no clear difference",
    "too little data": "too little data to say",
    "too few units": "too few {units} to say",
    "too few samples": "too few {samples} to say",
    "none": "not compared",
}


def verdict_words(verdict: Verdict, words: Words) -> str:
    """Return a verdict in the family's words."""
    return COUNTED[verdict].format(units=words.units, samples=words.samples)


def score_words(score: Score, level: float) -> str:
    """Return `AUROC 0.883 (95 % interval 0.861 to 0.902)`, or the score alone where there is no interval."""
    label = find_metric(score.metric).label
    if score.estimate is None:
        return f"no {label}"
    if score.low is None or score.high is None:
        return f"{label} {decimals(score.estimate)}"
    low, high = decimals(score.low), decimals(score.high)
    return f"{label} {decimals(score.estimate)} ({100 * level:g} % interval {low} to {high})"


def counts_sentence(verdicts: Sequence[Verdict], words: Words) -> str:
    """Return `better in 1 of 3 cell types, no clear difference in 2`; `better in all 3 cell types`."""
    counts = Counter(verdicts)
    said, total = [], f"{len(verdicts)} {words.samples}"
    for verdict in COUNTED:
        if counts[verdict] == len(verdicts):
            return f"{verdict_words(verdict, words)} in {'all ' if len(verdicts) > 1 else ''}{total}"
        if counts[verdict]:
            where = f"{counts[verdict]}{'' if said else f' of {total}'}"
            said.append(f"{verdict_words(verdict, words)} in {where}")
    return ", ".join(said)


def judgement_sentence(judgement: Judgement, words: Words, level: float = 0.95) -> str:
    """Say how good a model is, how it stands to its baselines, and in how many samples."""
    model = judgement.model
    if judgement.remark:
        score = "" if model.estimate is None else f"reaches {score_words(model, level)} and "
        return f"{model.predictor} {score}is not compared: {judgement.remark}."
    where = f"on {model.sample}" if model.sample else ""
    if not where and model.n_samples > 1:
        where = f"on average over {model.n_samples} {words.samples}"
    sentence = f"{model.predictor} reaches {score_words(model, level)}{' ' if where else ''}{where}"
    if judgement.has_skill is False:
        sentence += f" and shows no skill (guessing reaches {find_metric(model.metric).chance:g})"
    sentence += f": {_against_baselines(judgement, words)}"
    if judgement.by_sample:
        counts = counts_sentence([one.verdict for one in judgement.by_sample], words)
        sentence += f". {words.samples.capitalize()} one by one: {counts}"
    return f"{sentence}."


def _against_baselines(judgement: Judgement, words: Words) -> str:
    by_verdict: dict[Verdict, list[str]] = {}
    for test in judgement.differences:
        by_verdict.setdefault(test.verdict, []).append(_name(test.b))
    scope = _scope(judgement.recipe)
    better = by_verdict.get("better", [])
    if judgement.verdict == "none":
        reasons = [test.remark for test in judgement.differences]
        return f"no baseline was compared ({reasons[0]})" if reasons else "there is no baseline to compare with"
    if judgement.verdict in ("too few units", "too few samples"):
        reason = next(test.remark for test in judgement.differences if test.verdict == judgement.verdict)
        return f"{verdict_words(judgement.verdict, words)} more ({_in_words(reason, words)})"
    if judgement.verdict == "better":
        return f"{scope} better than {listing(better)}"
    if judgement.verdict == "worse":
        return f"{scope} worse than {listing(by_verdict['worse'])}"
    unclear = listing(by_verdict.get("no clear difference", []) + by_verdict.get("too little data", []))
    also = f", better than {listing(better)}" if better else ""
    if judgement.verdict == "no clear difference":
        return f"{_scope(judgement.recipe, 'show')} no clear difference from {unclear}{also}"
    smallest = min(test.detectable for test in judgement.differences if test.verdict == "too little data")
    missed = f"(a difference below {decimals(smallest)} would be missed)"
    return f"too little data to say whether {scope} better than {unclear} {missed}{also}"


def _in_words(reason: str, words: Words) -> str:
    return reason.replace("units", words.units).replace("samples", words.samples)


def _scope(recipe: bool, verb: str = "be") -> str:
    """Name what the verdict is about: seeds vary a recipe; fewer than three of them are just these models."""
    singular, plural = ("is", "are") if verb == "be" else (f"{verb}s", verb)
    return f"the recipe {singular}" if recipe else f"these trained models {plural}"


def _name(predictor: str) -> str:
    return predictor.replace("_", " ")


def question_sentence(question: Question, words: Words) -> str:
    """Say what intervals and verdicts are about."""
    again = f"if other {words.units} had been tested"
    if question.new_samples:
        again += f" in other {words.samples}"
    return f"Intervals ({100 * question.level:g} %) say how far scores would move {again}"


def runs_sentences(
    judgements: Sequence[tuple[str, Mapping[str, Any]]], found: Sequence[Difference], words: Words
) -> list[str]:
    """Say how runs stand to their baselines, and to each other: a sentence for each, of more than a few a summary.

    `judgements` are (run, `overall.judgement` of its metrics.json); `found` are the comparisons of these runs.
    """
    if len(judgements) <= FEW:
        sentences = [judgement["sentence"] for _, judgement in judgements]
    else:
        sentences = [_runs_by_verdict(judgements, words)]
    overall = [one for one in found if one.sample is None]
    if len(overall) > FEW:
        return sentences + _differences_by_verdict(overall, words)
    for one in overall:
        sentences.append(difference_sentence(one, words))
        each = [other.verdict for other in found if other.sample and (other.a, other.b) == (one.a, one.b)]
        if each:
            counts = counts_sentence(each, words)
            sentences.append(f"{words.samples.capitalize()} one by one, {one.a} against {one.b}: {counts}.")
    return sentences


def _runs_by_verdict(judgements: Sequence[tuple[str, Mapping[str, Any]]], words: Words) -> str:
    names: dict[Verdict, list[str]] = {}
    for run, judgement in judgements:
        names.setdefault(judgement["verdict"], []).append(run)
    return f"{len(judgements)} runs against their baselines: {_names_by_verdict(names, words)}."


def _differences_by_verdict(found: Sequence[Difference], words: Words) -> list[str]:
    """Say for each run that others are compared with which of them are better, worse or not to be told apart."""
    by_other: dict[str, dict[Verdict, list[str]]] = {}
    for one in found:
        by_other.setdefault(one.b, {}).setdefault(one.verdict, []).append(one.a)
    counts = {other: sum(map(len, names.values())) for other, names in by_other.items()}
    return [
        f"{counts[other]} {'run' if counts[other] == 1 else 'runs'} compared with {other}: "
        f"{_names_by_verdict(names, words)}."
        for other, names in by_other.items()
    ]


def _names_by_verdict(names: Mapping[Verdict, Sequence[str]], words: Words) -> str:
    return "; ".join(
        f"{verdict_words(verdict, words)}: {listing(names[verdict])}" for verdict in COUNTED if verdict in names
    )


def difference_sentence(difference: Difference, words: Words) -> str:
    """Say how a run stands to another it was compared with."""
    a, b = difference.a, difference.b
    place = f" on {difference.sample}" if difference.sample else ""
    if difference.difference is None or difference.verdict == "none":
        return f"{a} and {b}: {difference.remark}."
    if difference.p_value is None:
        return (
            f"{a} and {b}{place}: {verdict_words(difference.verdict, words)} ({_in_words(difference.remark, words)})."
        )
    value, low, high = map(signed_decimals, (difference.difference, difference.low, difference.high))
    numbers = f"{value}, {low} to {high}, {_p(difference.p_value)}"
    about = "recipes" if difference.recipes else "these trained models"
    label = find_metric(difference.metric).label
    if difference.verdict in ("better", "worse"):
        return f"{a} is {difference.verdict} than {b}{place} ({label} {numbers}; {about})."
    start = f"{a} and {b}{place}: {verdict_words(difference.verdict, words)} ({label} {numbers}; {about})"
    if difference.verdict == "too little data":
        return f"{start}; a difference below {decimals(difference.detectable)} would be missed."
    return f"{start}."


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {decimals(value)}"
