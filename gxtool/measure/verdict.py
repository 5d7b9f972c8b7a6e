"""The one verdict layer: scores with intervals, differences with p-values, and what may be concluded from them.

`score`, `compare` and the report all ask here. A question is asked of predictors scored on the same rows
(`evidence.scored`): `score_of` one, `differences` between one and those it is asked about, `judge` one against its
baselines. The sentences are in `sentences.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from gxtool.errors import InputError
from gxtool.measure.deviations import FEWEST_IN_FOLD
from gxtool.measure.evidence import CONSTANT, WITHOUT_INTERVAL, Scored
from gxtool.measure.jackknife import (
    FEWEST_SAMPLES,
    FEWEST_SEEDS,
    FEWEST_UNITS,
    Estimate,
    detectable,
    estimate_difference,
    estimate_score,
    interval,
    quantile,
    side,
)
from gxtool.measure.statistics import holm

Verdict = Literal[
    "better", "worse", "no clear difference", "too little data", "too few units", "too few samples", "none"
]
# Without a baseline that has skill, a verdict must be able to see a tenth of the way from a constant to perfection.
SMALLEST_SKILL = 0.1
PERFECT = {"auroc": 1.0, "auprc": 1.0, "accuracy": 1.0, "pearson": 1.0, "spearman": 1.0}
PERFECT |= {"r2_pearson": 1.0, "r2_score": 1.0}


class Question(NamedTuple):
    """How sure intervals and verdicts are, and whether they are about samples that are not among these."""

    level: float = 0.95
    new_samples: bool = False


QUESTION = Question()


@dataclass(frozen=True)
class Score:
    """One predictor's score of one sample, or its mean over samples (`sample` None), with its interval.

    `estimate` is the mean over seeds of the score of each, None where there is none; `low` and `high` are None where
    there is no interval: `remark` says why, and what is odd about the predictions.
    """

    predictor: str
    metric: str
    sample: str | None
    estimate: float | None
    low: float | None
    high: float | None
    standard_error: float | None
    df: float | None
    of_seeds: tuple[float, ...]
    n_units: int
    n_samples: int
    remark: str = ""


@dataclass(frozen=True)
class Difference:
    """Score of `a` minus score of `b`, in pairs over units and samples.

    `p_value` and interval are adjusted for `n_comparisons` (Bonferroni). `detectable` is the smallest difference that
    this test would have found in 80 % of repetitions. `recipes` says that the variance between seeds is in it, so that
    it is about recipes and not about these trained models. `verdict` is that of `a`.
    """

    a: str
    b: str
    metric: str
    sample: str | None
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    standard_error: float | None
    df: float | None
    detectable: float | None
    n_units: int
    n_samples: int
    n_comparisons: int
    recipes: bool
    verdict: Verdict
    remark: str = ""


@dataclass(frozen=True)
class Judgement:
    """One model against every baseline that applies, on one sample or on average over samples.

    `strongest` is the baseline with the best score. `has_skill` says that the model's interval lies on the good side
    of what guessing scores; None where that cannot be said. `by_sample` judges each sample, adjusted for their number.
    """

    model: Score
    baselines: tuple[Score, ...]
    differences: tuple[Difference, ...]
    verdict: Verdict
    strongest: str | None
    has_skill: bool | None
    recipe: bool
    by_sample: tuple[Judgement, ...] = ()
    remark: str = ""

    @property
    def metric(self) -> str:
        """Name the metric."""
        return self.model.metric


def score_of(scored: Scored, question: Question = QUESTION, sample: str | None = None) -> Score:
    """Return a predictor's score of one sample, or its mean over samples, with the interval where there is one."""
    metric, place = scored.metric.name, _place(scored, sample)
    problem = scored.problem_at(place)
    remarks = [remark for remark in (problem, "" if place is not None else scored.remark) if remark]
    n_samples = 1 if sample is not None else len(scored.samples)
    nothing = Score(scored.name, metric, sample, *[None] * 5, (), 0, n_samples, "; ".join(remarks))
    if scored.evidence is None:
        return nothing
    chosen = side(scored.evidence, place)
    undefined = problem == CONSTANT and not scored.facts.constants_have_scores
    if undefined or not np.isfinite(chosen.scores).all():
        return nothing
    estimate = estimate_score(scored.evidence, place, question.new_samples)
    low, high = (float(end) for end in interval(metric, estimate, question.level))
    _, reason = _too_few(scored, place, estimate, question)
    if not reason and not np.isfinite([low, high]).all():
        reason = "a perfect or empty score has no interval"
    known = not reason and not problem
    if reason and not problem:
        remarks.append(reason)
    return replace(
        nothing,
        estimate=float(estimate.value),
        low=low if known else None,
        high=high if known else None,
        standard_error=float(estimate.error) if known else None,
        df=float(estimate.df) if known else None,
        of_seeds=tuple(float(score) for score in chosen.scores),
        n_units=int(chosen.n_units),
        remark="; ".join(remarks),
    )


def _too_few(scored: Scored, place: int | None, estimate: Estimate, question: Question) -> tuple[Verdict, str]:
    """Return why there is no interval and no test, as a verdict and in words; ("none", "") where there are both."""
    facts = scored.facts
    n_units = int(side(scored.evidence, place).n_units)
    if n_units < FEWEST_UNITS:
        return "too few units", f"{n_units} units, at least {FEWEST_UNITS} are needed"
    folds = [n for n in (facts.smallest_folds if place is None else [facts.smallest_folds[place]]) if n is not None]
    if folds and min(folds) < FEWEST_IN_FOLD and scored.metric.chance is not None:
        return "too few units", f"a fold of {min(folds)} units, at least {FEWEST_IN_FOLD} are needed for a score of it"
    rarest = facts.rarest_overall if place is None else facts.rarest[place]
    if rarest < FEWEST_UNITS:
        return "too few units", f"{rarest} units of the rarer class, at least {FEWEST_UNITS} are needed"
    if question.new_samples and place is None and len(facts.samples) < FEWEST_SAMPLES:
        return "too few samples", f"{len(facts.samples)} samples, at least {FEWEST_SAMPLES} are needed for new ones"
    if np.isnan(estimate.error):
        return "too few units", "without one of its units the score would be undefined"
    return "none", ""


def _place(scored: Scored, sample: str | None) -> int | None:
    if sample is None:
        return None
    if sample not in scored.samples:
        raise InputError(f"sample {sample} has no score of {scored.name}, expected one of {', '.join(scored.samples)}")
    return scored.samples.index(sample)


def differences(
    a: Scored,
    others: Sequence[Scored],
    question: Question = QUESTION,
    sample: str | None = None,
    scale: float | None = None,
) -> tuple[Difference, ...]:
    """Compare one predictor with those it is asked about; p-values and intervals are adjusted for their number.

    `scale` is a difference that matters, the `yardstick` of the baselines; without it, that of the compared themselves.
    Where one so large could not have been found, the verdict is "too little data" and not "no clear difference".
    Predictors that cannot be compared (constant, NaN or infinite predictions) are told so and do not count.
    """
    place = _place(a, sample)
    n_comparisons = max(1, sum(_comparable(a, b, place) for b in others))
    matters = yardstick([a, *others], question, sample) if scale is None else scale
    return tuple(difference(a, b, question, n_comparisons, sample, matters) for b in others)


def difference(
    a: Scored,
    b: Scored,
    question: Question = QUESTION,
    n_comparisons: int = 1,
    sample: str | None = None,
    scale: float | None = None,
) -> Difference:
    """Compare two predictors, one of `n_comparisons` of a question; see `differences`."""
    adjusted = question._replace(level=1 - (1 - question.level) / n_comparisons)
    found = _difference(a, b, adjusted, sample, n_comparisons)
    if found.verdict == "no clear difference" and found.detectable is not None:
        matters = yardstick([a, b], question, sample) if scale is None else scale
        return replace(found, verdict="too little data") if found.detectable > matters else found
    return found


def _comparable(a: Scored, b: Scored, place: int | None) -> bool:
    return all(one.evidence is not None and not one.problem_at(place) for one in (a, b))


def _difference(a: Scored, b: Scored, question: Question, sample: str | None, n_comparisons: int) -> Difference:
    """Compare two predictors at an adjusted level."""
    if a.samples != b.samples or a.metric != b.metric:
        raise InputError(f"{a.name} and {b.name} are scored on other samples or by other metrics, expected the same")
    nothing = Difference(
        a.name, b.name, a.metric.name, sample, *[None] * 7, 0, len(a.samples), n_comparisons, False, "none"
    )
    place = _place(a, sample)
    if not _comparable(a, b, place):
        reasons = [f"{one.name}: {one.problem_at(place)}" for one in (a, b) if one.problem_at(place)]
        return replace(nothing, remark="; ".join(reasons))
    estimate = estimate_difference(a.evidence, b.evidence, place, question.new_samples)
    n_units, n_samples = int(side(a.evidence, place).n_units), 1 if sample is not None else len(a.samples)
    sizes = replace(nothing, difference=float(estimate.value), n_units=n_units, n_samples=n_samples)
    if a.metric.name in WITHOUT_INTERVAL:
        return replace(sizes, remark=f"{a.metric.label} has no interval and is not compared")
    verdict, reason = _too_few(a, place, estimate, question)
    if reason:
        return replace(sizes, verdict=verdict, remark=reason)
    if np.isnan(estimate.p_value):
        return replace(sizes, remark="neither score varies with the units")
    return _tested(sizes, estimate, question, a, b)


def _tested(sizes: Difference, estimate: Estimate, question: Question, a: Scored, b: Scored) -> Difference:
    """Fill in interval, p-value and verdict."""
    value, error, df = float(estimate.value), float(estimate.error), float(estimate.df)
    half = float(quantile(question.level, df)) * error
    p_value = min(1.0, sizes.n_comparisons * float(estimate.p_value))
    clear = float(estimate.p_value) < 1 - question.level
    ahead = (value > 0) == a.metric.higher_is_better
    return replace(
        sizes,
        low=value - half,
        high=value + half,
        p_value=p_value,
        standard_error=error,
        df=df,
        detectable=detectable(error, df, question.level),
        recipes=all(one.n_seeds >= FEWEST_SEEDS for one in (a, b)),
        verdict=("better" if ahead else "worse") if clear else "no clear difference",
    )


def yardstick(candidates: Sequence[Scored], question: Question = QUESTION, sample: str | None = None) -> float:
    """Return a difference that matters: from the best constant prediction to the best of the candidates (baselines).

    Where none of them clearly has skill, a tenth of the way from the constant to a perfect score, if that is more.
    """
    if not candidates:
        return 0.0
    metric, place = candidates[0].metric, _place(candidates[0], sample)
    constants = candidates[0].facts.constant_scores
    constant = float(np.mean(constants)) if place is None else constants[place]
    floor = SMALLEST_SKILL * abs(PERFECT.get(metric.name, 0.0) - constant)
    best, clear = 0.0, False
    for one in candidates:
        score = score_of(one, question, sample)
        if one.problem_at(place) or score.estimate is None:
            continue
        gain = score.estimate - constant if metric.higher_is_better else constant - score.estimate
        worst_end = score.low if metric.higher_is_better else score.high
        if gain > best:
            best = gain
            clear = worst_end is not None and (worst_end > constant) == metric.higher_is_better
    return best if clear else max(best, floor)


def judge(model: Scored, baselines: Sequence[Scored], question: Question = QUESTION) -> Judgement:
    """Judge a model against its baselines on average over samples, and, where there are several, in each of them."""
    overall = _judge(model, baselines, question, None)
    if len(model.samples) < 2:
        return overall
    each = Question(1 - (1 - question.level) / len(model.samples))
    own = question._replace(new_samples=False)
    by_sample = []
    for sample in model.samples:
        one = _judge(model, baselines, each, sample)
        scores = tuple(score_of(baseline, own, sample) for baseline in baselines)
        by_sample.append(replace(one, model=score_of(model, own, sample), baselines=scores))
    return replace(overall, by_sample=tuple(by_sample))


def _judge(model: Scored, baselines: Sequence[Scored], question: Question, sample: str | None) -> Judgement:
    """Better: above every baseline, each at a one-sided half of 1 - level. Worse: Holm's test finds one above it."""
    place = _place(model, sample)
    score = score_of(model, question, sample)
    scores = tuple(score_of(baseline, question, sample) for baseline in baselines)
    tests = [_difference(model, baseline, question, sample, 1) for baseline in baselines]
    # A baseline ahead counts as "worse" only if it stays so among all of them.
    higher = model.metric.higher_is_better
    one_sided = [None if test.p_value is None else _p_worse(test, higher) for test in tests]
    behind = [p is not None and p < (1 - question.level) / 2 for p in holm(one_sided)]
    scale = yardstick(baselines, question, sample)
    judged = []
    for test, worse in zip(tests, behind, strict=True):
        verdict = test.verdict
        if verdict in ("worse", "no clear difference"):
            unseen = test.detectable is not None and test.detectable > scale
            verdict = "worse" if worse else "too little data" if unseen else "no clear difference"
        judged.append(replace(test, verdict=verdict, recipes=model.n_seeds >= FEWEST_SEEDS))
    return Judgement(
        score,
        scores,
        tuple(judged),
        "none" if model.problem_at(place) else _overall(judged),
        _strongest(scores, [baseline.problem_at(place) for baseline in baselines], higher),
        model.metric.shows_skill(score.low, score.high),
        model.n_seeds >= FEWEST_SEEDS,
        remark=model.problem_at(place),
    )


def _p_worse(test: Difference, higher_is_better: bool) -> float:
    """Return the one-sided p-value of the model being no worse."""
    half = test.p_value / 2
    return half if (test.difference < 0) == higher_is_better and test.difference != 0 else 1 - half


def _overall(tests: Sequence[Difference]) -> Verdict:
    """Sum up the verdicts against single baselines; those that are not compared do not count."""
    verdicts = {test.verdict for test in tests} - {"none"}
    if not verdicts:
        return "none"
    for decisive in ("too few units", "too few samples", "worse"):
        if decisive in verdicts:
            return decisive
    if verdicts == {"better"}:
        return "better"
    return "too little data" if "too little data" in verdicts else "no clear difference"


def _strongest(scores: Sequence[Score], problems: Sequence[str], higher_is_better: bool) -> str | None:
    known = [s for s, problem in zip(scores, problems, strict=True) if s.estimate is not None and not problem]
    best = max if higher_is_better else min
    return best(known, key=lambda score: score.estimate).predictor if known else None
