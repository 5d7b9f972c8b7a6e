"""What the verdicts say, in one place: the sentences of the report, of `compare` and of the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from gxtool.measure.metrics import find_metric
from gxtool.measure.verdict import Difference, Judgement, Score, Verdict


class Words(NamedTuple):
    """What a family calls a unit and a sample, in the singular: gene, cell type."""

    unit: str
    sample: str


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


def many(word: str) -> str:
    """Return the plural."""
    return word[:-1] + "ies" if word.endswith("y") and word[-2:-1] not in "aeiou" else word + "s"


def listing(names: Sequence[str]) -> str:
    """Join names as a sentence does: `a`, `a and b`, `a, b and c`."""
    return "".join(names) if len(names) < 2 else f"{', '.join(names[:-1])} and {names[-1]}"


def verdict_words(verdict: Verdict, words: Words) -> str:
    """Return a verdict in the family's words."""
    return COUNTED[verdict].format(units=many(words.unit), samples=many(words.sample))


def score_words(score: Score, level: float) -> str:
    """Return `AUROC 0.883 (95 % interval 0.861 to 0.902)`, or the score alone where there is no interval."""
    label = find_metric(score.metric).label
    if score.estimate is None:
        return f"no {label}"
    if score.low is None or score.high is None:
        return f"{label} {score.estimate:.3f}"
    return f"{label} {score.estimate:.3f} ({100 * level:g} % interval {score.low:.3f} to {score.high:.3f})"


def counts_sentence(verdicts: Sequence[Verdict], words: Words) -> str:
    """Return `better in 1 of 3 cell types, no clear difference in 2`; `better in all 3 cell types`."""
    counts = Counter(verdicts)
    said, total = [], f"{len(verdicts)} {many(words.sample)}"
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
        return f"{model.predictor} is not compared: {judgement.remark}."
    where = f"on {model.sample}" if model.sample else ""
    if not where and model.n_samples > 1:
        where = f"on average over {model.n_samples} {many(words.sample)}"
    sentence = f"{model.predictor} reaches {score_words(model, level)}{' ' if where else ''}{where}"
    if judgement.has_skill is False:
        sentence += f" and shows no skill (guessing reaches {find_metric(model.metric).chance:g})"
    sentence += f": {_against_baselines(judgement, words)}"
    if judgement.by_sample:
        counts = counts_sentence([one.verdict for one in judgement.by_sample], words)
        sentence += f". {many(words.sample).capitalize()} one by one: {counts}"
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
    missed = f"(a difference below {smallest:.3f} would be missed)"
    return f"too little data to say whether {scope} better than {unclear} {missed}{also}"


def _in_words(reason: str, words: Words) -> str:
    return reason.replace("units", many(words.unit)).replace("samples", many(words.sample))


def _scope(recipe: bool, verb: str = "be") -> str:
    """Name what the verdict is about: seeds vary a recipe; fewer than three of them are just these models."""
    singular, plural = ("is", "are") if verb == "be" else (f"{verb}s", verb)
    return f"the recipe {singular}" if recipe else f"these trained models {plural}"


def _name(predictor: str) -> str:
    return predictor.replace("_", " ")


def difference_sentence(difference: Difference, words: Words) -> str:
    """Say how a run stands to another it was compared with."""
    a, b = difference.a, _name(difference.b)
    place = f" on {difference.sample}" if difference.sample else ""
    if difference.difference is None or difference.verdict == "none":
        return f"{a} and {b}: {difference.remark}."
    if difference.p_value is None:
        return (
            f"{a} and {b}{place}: {verdict_words(difference.verdict, words)} ({_in_words(difference.remark, words)})."
        )
    numbers = f"{difference.difference:+.3f}, {difference.low:+.3f} to {difference.high:+.3f}, {_p(difference.p_value)}"
    about = "recipes" if difference.recipes else "these trained models"
    label = find_metric(difference.metric).label
    if difference.verdict in ("better", "worse"):
        return f"{a} is {difference.verdict} than {b}{place} ({label} {numbers}; {about})."
    start = f"{a} and {b}{place}: {verdict_words(difference.verdict, words)} ({label} {numbers}; {about})"
    if difference.verdict == "too little data":
        return f"{start}; a difference below {difference.detectable:.3f} would be missed."
    return f"{start}."


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
