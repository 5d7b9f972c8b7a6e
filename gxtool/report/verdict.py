"""The answer first: the verdict in a sentence and the few numbers behind it."""

from __future__ import annotations

from gxtool.measure.faults import fault_sentences, listing
from gxtool.models.stages import SIMULATED
from gxtool.report import blocks, formats
from gxtool.report.blocks import KeyNumbers
from gxtool.report.gather import FamilyMaterial, Material, Scored
from gxtool.report.predictors import Predictor, middle_cell, middle_label, predictors
from gxtool.report.skill import remark, sentence, skill_of


def verdicts(material: Material) -> list[str]:
    """Return the sentences the page opens with: runs without any skill, the comparisons, and each run not compared."""
    compared_said = [
        str(sentence)
        for comparison in material.comparisons
        for sentence in comparison.get("sentences") or [comparison.get("verdict")]
        if sentence
    ]
    sentences = [*_without_skill(material, " ".join(compared_said)), *compared_said]
    compared = {
        (run.get("family"), run.get("run")) for comparison in material.comparisons for run in comparison.get("runs", [])
    }
    for family in material.families:
        for one in family.scored:
            if not compared_said or (family.name, one.metrics.get("run")) not in compared:
                sentences += [*fault_sentences(one.metrics), verdict_of_run(one)]
    told = sentences or ["No evaluation was among the inputs, so how good the models are cannot be said yet."]
    return [*_simulated(material), *told]


def _simulated(material: Material) -> list[str]:
    """Say first that data are simulated: scores on them say nothing about biology."""
    scored = [(family.title, one.metrics.get(SIMULATED)) for family in material.families for one in family.scored]
    titles = dict.fromkeys(title for title, simulated in scored if simulated)
    if not titles:
        return []
    whose = "" if all(simulated for _, simulated in scored) else f" of {listing(list(titles))}"
    return [
        f"The data{whose} are simulated: scores on them show whether a planted signal is found, and say nothing about "
        "biology."
    ]


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


def verdict_of_run(one: Scored) -> str:
    """Return the sentence in which the evaluation sums up how its run stands to its baselines."""
    return str(one.judgement.get("sentence") or f"How good {one.run} is cannot be said: its evaluation says nothing.")


def key_numbers(family: FamilyMaterial, material: Material) -> KeyNumbers | blocks.Table | None:
    """Return the numbers of a single run as tiles, or those of several runs as a table."""
    if not family.scored:
        return None
    if len(family.scored) > 1:
        return _runs_table(family)
    one = family.scored[0]
    model, *_ = predictors(family)
    numbers = [_score_tile(family, model, family.metric)]
    strongest = Predictor("", one, str(one.judgement.get("strongest") or ""), 0)
    bar = strongest.middle(family.metric) if strongest.baseline else None
    if bar:
        label = formats.predictor_label(strongest.baseline)
        numbers.append((formats.number(bar.mean), f"strongest baseline: {label}", formats.interval(bar.low, bar.high)))
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
    lacking = remark(skill_of(model, metric), family.sample_noun)
    middle = model.middle(metric)
    between = formats.interval(middle.low, middle.high) if middle else ""
    said = ": ".join(filter(None, [between, lacking]))
    return formats.number(middle.mean if middle else None), f"{middle_label(family, metric)} of {model.label}", said


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
    metric = family.metric
    rows = []
    for one in predictors(family):
        seeds = [seed for sample in one.scored.samples for seed in sample.get("per_seed") or []]
        sizes = {seed.get("n_parameters") for seed in seeds} - {None}
        rows.append(
            [
                blocks.text(one.label),
                blocks.text("baseline" if one.baseline else (one.scored.metrics.get("preset") or "model")),
                middle_cell(one, metric),
                blocks.text("" if one.baseline else remark(skill_of(one, metric), family.sample_noun), "bad"),
                blocks.num(len(one.scores(metric))),
                blocks.num(len({seed.get("seed") for seed in seeds}) if seeds and not one.baseline else None),
                blocks.num(max(sizes) if sizes and not one.baseline else None),
            ]
        )
    head = middle_label(family, metric)
    columns = ("Predictor", "Kind", head[0].upper() + head[1:], "Skill", family.sample_words.capitalize())
    columns += ("Seeds", "Parameters")
    keep = [j for j in range(len(columns)) if j != 3 or any(row[3].value for row in rows)]
    return blocks.table("At a glance", [columns[j] for j in keep], [[row[j] for j in keep] for row in rows])
