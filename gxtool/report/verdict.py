"""The answer first: the verdict in a sentence and the few numbers behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gxtool.measure.faults import fault_sentences
from gxtool.report import blocks, formats
from gxtool.report.blocks import KeyNumbers
from gxtool.report.gather import FamilyMaterial, Material, Scored
from gxtool.report.paired import verdict_of
from gxtool.report.predictors import Predictor, predictors, sample_names
from gxtool.report.skill import remark, sentence, skill_of

WORDS = (
    ("better", "better than"),
    ("not distinguishable", "not distinguishable from"),
    ("worse", "worse than"),
)


def verdicts(material: Material) -> list[str]:
    """Return the sentences the page opens with: runs without any skill, the comparisons, and each run not compared."""
    compared_said = [str(comparison["verdict"]) for comparison in material.comparisons if comparison.get("verdict")]
    sentences = [*_without_skill(material, " ".join(compared_said)), *compared_said]
    compared = {
        (run.get("family"), run.get("run")) for comparison in material.comparisons for run in comparison.get("runs", [])
    }
    for family in material.families:
        for one in family.scored:
            if not compared_said or (family.name, one.metrics.get("run")) not in compared:
                sentences += [*fault_sentences(one.metrics), verdict_of_run(family, one)]
    return sentences or ["No evaluation was among the inputs, so how good the models are cannot be said yet."]


def _without_skill(material: Material, said: str) -> list[str]:
    """Name the compared runs that have no skill on some sample, unless the comparison says so itself."""
    if not said:
        return []
    known = [part for part in said.split(". ") if "no skill" in part]
    return [
        text
        for family in material.families
        for one in predictors(family)
        if not one.baseline and not any(one.run_name in part for part in known) and (text := sentence(one, family))
    ]


def verdict_of_run(family: FamilyMaterial, one: Scored) -> str:
    """Return the evaluation's own verdict, or its main numbers as a sentence that says first when there is no skill."""
    if one.metrics.get("verdict"):
        return str(one.metrics["verdict"])
    metric = one.metrics["primary"]
    label = formats.metric_label(metric)
    skill = skill_of(Predictor(one.run, one, "", 0), metric)
    if len(one.samples) == 1:
        sample = one.samples[0]
        score = formats.nested(sample, "model", metric) or {}
        reached = f"{label} {formats.number(score.get('estimate'))}{_between(one, score)}"
        where = f"on {sample['sample']}"
        if sample.get("n") is not None:
            where = (
                f"on {formats.plural(sample['n'], f'test {family.unit}', f'test {family.units}')} of {sample['sample']}"
            )
        said = f"{one.run} reaches {reached} {where}"
        if skill.none:
            said = f"{one.run} shows no skill {where}: {reached} does not exclude {_chance(metric)}"
        return f"{said}{_against(sample.get('tests') or [], metric)}."
    overall = formats.nested(one.metrics, "overall", "model", metric) or {}
    range_ = formats.interval(overall.get("min"), overall.get("max"))
    lacking = remark(skill, family.sample_noun)
    return (
        f"{one.run} {f'shows {lacking}: it reaches' if skill.none else 'reaches'} a median {label} of "
        f"{formats.number(overall.get('median'))} over {formats.plural(len(one.samples), *family.sample_noun)}"
        + (f" (from {range_})" if range_ else "")
        + f"{_best_baseline(one, metric)}{f'; {lacking}' if lacking and not skill.none else ''}."
    )


def _chance(metric: str) -> str:
    return f"{formats.METRICS[metric].chance:g}, which guessing reaches"


def _between(one: Scored, score: Mapping[str, Any]) -> str:
    between = formats.interval(score.get("low"), score.get("high"))
    level = one.metrics.get("level")
    return f" ({f'{level:.0%} ' if level else ''}interval {between})" if between else ""


def _against(tests: Sequence[Mapping[str, Any]], metric: str) -> str:
    """Continue the sentence with what the tests against baselines found."""
    found: dict[str, list[str]] = {}
    for test in tests:
        if test.get("metric", metric) == metric:
            found.setdefault(verdict_of(test), []).append(formats.predictor_label(str(test.get("baseline"))))
    said = [f"{words} {formats.listing(found[verdict])}" for verdict, words in WORDS if verdict in found]
    return f"; it is {formats.listing(said)}" if said else "; it was tested against no baseline"


def _best_baseline(one: Scored, metric: str) -> str:
    medians = {
        name: formats.nested(scores, metric, "median")
        for name, scores in (formats.nested(one.metrics, "overall", "baselines") or {}).items()
    }
    known = {name: value for name, value in medians.items() if value is not None}
    if not known:
        return ""
    best = (max if formats.higher_is_better(metric) else min)(known, key=known.__getitem__)
    return f"; the best baseline, {formats.predictor_label(best)}, reaches {formats.number(known[best])}"


def key_numbers(family: FamilyMaterial, material: Material) -> KeyNumbers | blocks.Table | None:
    """Return the numbers of a single run as tiles, or those of several runs as a table."""
    if not family.scored:
        return None
    if len(family.scored) > 1:
        return _runs_table(family)
    one = family.scored[0]
    model, *baselines = predictors(family)
    metric = family.metric
    numbers = [_score_tile(family, model, metric)]
    best = _best(family, baselines, metric)
    if best:
        numbers.append((formats.number(_value(family, best, metric)), f"best baseline: {best.label}", ""))
    numbers += _data_tiles(family, one)
    sizes = {seed.get("n_parameters") for sample in one.samples for seed in sample.get("per_seed") or []} - {None}
    if len(sizes) == 1:
        numbers.append((f"{sizes.pop():,}", "parameters", ""))
    seconds = [material.runtimes[m.artifact.id].get("seconds") for m in family.trained]
    known = [value for value in seconds if value is not None]
    if known:
        remark = f"{formats.plural(len(known), 'model')}" if len(known) > 1 else ""
        numbers.append((formats.duration(sum(known)), "training time", remark))
    return KeyNumbers(f"Key numbers of {one.run}", tuple(numbers))


def _score_tile(family: FamilyMaterial, model: Predictor, metric: str) -> tuple[str, str, str]:
    label, samples = formats.metric_label(metric), sample_names(family)
    lacking = remark(skill_of(model, metric), family.sample_noun)
    if len(samples) == 1:
        score = model.scores(metric).get(samples[0], {})
        said = [formats.interval(score.get("low"), score.get("high")), lacking]
        return formats.number(score.get("estimate")), f"{label} of {model.label}", ": ".join(filter(None, said))
    overall = model.overall(metric)
    said = [formats.interval(overall.get("min"), overall.get("max")), lacking]
    return formats.number(overall.get("median")), f"median {label} of {model.label}", ": ".join(filter(None, said))


def _value(family: FamilyMaterial, one: Predictor, metric: str) -> float | None:
    samples = sample_names(family)
    if len(samples) == 1:
        return one.scores(metric).get(samples[0], {}).get("estimate")
    return one.overall(metric).get("median")


def _best(family: FamilyMaterial, chosen: Sequence[Predictor], metric: str) -> Predictor | None:
    known = [one for one in chosen if _value(family, one, metric) is not None]
    pick = max if formats.higher_is_better(metric) else min
    return pick(known, key=lambda one: _value(family, one, metric)) if known else None


def _data_tiles(family: FamilyMaterial, one: Scored) -> list[tuple[str, str, str]]:
    tiles = []
    if len(one.samples) == 1 and one.samples[0].get("n") is not None:
        sample = one.samples[0]
        positive = sample.get("n_positive")
        remark = f"{positive:,} positive" if positive is not None else ""
        tiles.append((f"{sample['n']:,}", f"test {family.units}", remark))
    elif len(one.samples) > 1:
        tiles.append((f"{len(one.samples):,}", family.sample_words, ""))
    seeds = {seed.get("seed") for sample in one.samples for seed in sample.get("per_seed") or []}
    if seeds:
        tiles.append((f"{len(seeds):,}", "seed" if len(seeds) == 1 else "seeds", ""))
    return tiles


def _runs_table(family: FamilyMaterial) -> blocks.Table:
    metric, label = family.metric, formats.metric_label(family.metric)
    everyone, samples = predictors(family), sample_names(family)
    rows = []
    for one in everyone:
        seeds = [seed for sample in one.scored.samples for seed in sample.get("per_seed") or []]
        sizes = {seed.get("n_parameters") for seed in seeds} - {None}
        scores = one.scores(metric)
        score = blocks.estimate(scores.get(samples[0])) if len(samples) == 1 else _median_cell(one, metric)
        rows.append(
            [
                blocks.text(one.label),
                blocks.text("baseline" if one.baseline else (one.scored.metrics.get("preset") or "model")),
                score,
                blocks.text("" if one.baseline else remark(skill_of(one, metric), family.sample_noun), "bad"),
                blocks.num(len(scores)),
                blocks.num(len({seed.get("seed") for seed in seeds}) if seeds and not one.baseline else None),
                blocks.num(max(sizes) if sizes and not one.baseline else None),
            ]
        )
    head = label if len(samples) == 1 else f"Median {label} (range)"
    word = family.sample_words.capitalize()
    columns = ("Predictor", "Kind", head, "Skill", word, "Seeds", "Parameters")
    keep = [j for j in range(len(columns)) if j != 3 or any(row[3].value for row in rows)]
    return blocks.table("At a glance", [columns[j] for j in keep], [[row[j] for j in keep] for row in rows])


def _median_cell(one: Predictor, metric: str) -> blocks.Cell:
    overall = one.overall(metric)
    return blocks.num(overall.get("median"), remark=formats.interval(overall.get("min"), overall.get("max")))
