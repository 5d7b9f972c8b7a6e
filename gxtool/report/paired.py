"""Which differences are real: the verdicts between runs, and of each run against its baselines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gxtool.measure.faults import listing
from gxtool.measure.sentences import COUNTED, verdict_words
from gxtool.models.base import Figure, ReferenceLine, Trace
from gxtool.report import blocks, formats
from gxtool.report.blocks import Block, Cell, Look, Part
from gxtool.report.gather import FamilyMaterial, Material
from gxtool.report.predictors import sample_names

# A figure with more rows than this says less than the table below it.
MAX_ROWS = 40
# Columns that move into the note when every row says the same.
SAID_ONCE = ("Comparisons", "Units", "Metric")
VERDICTS: dict[str, str] = {"better": "good", "worse": "bad"} | dict.fromkeys(list(COUNTED)[2:], "even")
SLOTS = {"better": 0, "worse": 1, "no clear difference": 6}


def paired_part(family: FamilyMaterial, material: Material) -> Part:
    """Show the differences that were tested: those of the comparison, else those each evaluation made itself."""
    title = "Is the difference real?"
    pairs = all_pairs(family, material)
    if not pairs:
        return Part(title, "No paired test was among the results, so no difference can be called real or not.")
    words = ["Differences are paired: both predictors are scored on the same units."]
    if not any(compared_pairs(family, material)):
        words.append("No comparison was among the inputs; these are the tests of each run against its baselines.")
    words.append(
        "No clear difference is said only where one that matters would have been found; elsewhere there is too little "
        "data to say. p-values and intervals are adjusted for the number of comparisons of a question."
    )
    items: list[Block] = []
    shown = _for_figure(pairs)
    if shown:
        items.append(_forest(family, shown))
    if len(sample_names(family)) > 1:
        items += _tally(family, pairs)
    items.append(_pairs_table(family, pairs))
    return Part(title, " ".join(words), tuple(items))


def all_pairs(family: FamilyMaterial, material: Material) -> list[Mapping[str, Any]]:
    """Return the comparison's pairs, then the evaluations' own tests that it does not hold."""
    compared = list(compared_pairs(family, material))
    keys = ("a", "b", "sample", "metric")
    known = {tuple(pair.get(key) for key in keys) for pair in compared}
    return compared + [p for p in evaluated_pairs(family) if tuple(p.get(key) for key in keys) not in known]


def compared_pairs(family: FamilyMaterial, material: Material) -> Iterator[Mapping[str, Any]]:
    """Yield the pairs of every comparison whose first run was judged here."""
    for comparison in material.comparisons:
        own = {run.get("run") for run in comparison.get("runs", []) if run.get("family") == family.name}
        for pair in comparison.get("pairs", []):
            if pair.get("a") in own and family.owns(pair.get("a")):
                yield pair


def evaluated_pairs(family: FamilyMaterial) -> Iterator[Mapping[str, Any]]:
    """Yield the tests against baselines that each evaluation made, in the shape of a comparison's pairs."""
    for one in family.scored:
        places: list[tuple[str | None, Mapping[str, Any]]] = [(None, one.judgement)]
        if len(one.samples) > 1:
            places += [(str(sample["sample"]), sample) for sample in one.samples]
        for sample, judged in places:
            for test in judged.get("tests") or []:
                yield {**test, "a": one.run, "b": test["baseline"], "kind": "baseline", "sample": sample}


def _for_figure(pairs: Sequence[Mapping]) -> list[Mapping]:
    """Keep the pairs over all samples; of one metric, the first."""
    metric = pairs[0].get("metric")
    known = [p for p in pairs if p.get("difference") is not None and p.get("metric") == metric]
    chosen = [p for p in known if p.get("sample") is None]
    return chosen if len(chosen) <= MAX_ROWS else []


def _forest(family: FamilyMaterial, pairs: Sequence[Mapping]) -> Block:
    label = formats.metric_label(pairs[0].get("metric") or "")
    traces, slots, roles = [], [], []
    for verdict in VERDICTS:
        some = [pair for pair in pairs if pair.get("verdict") == verdict]
        if some:
            traces.append(
                Trace(
                    verdict_words(verdict, family.words),
                    tuple(_name(pair) for pair in some),
                    tuple(pair["difference"] for pair in some),
                    "points",
                    tuple(pair.get("low") for pair in some),
                    tuple(pair.get("high") for pair in some),
                    tuple(_difference(pair) for pair in some),
                )
            )
            slots.append(SLOTS.get(verdict, 5))
            roles.append("baseline" if VERDICTS[verdict] == "even" else "model")
    found = [f"{trace.name.capitalize()}: {listing([str(name) for name in trace.x])}." for trace in traces]
    figure = Figure(
        f"Paired differences in {label}",
        " ".join(found),
        "Pair",
        f"Difference in {label} (first minus second)",
        tuple(traces),
        (ReferenceLine("no difference", 0.0),),
    )
    order = tuple(_name(pair) for pair in pairs)
    return blocks.one_chart(figure, Look(tuple(slots), tuple(roles), horizontal=True, values=True, order=order))


def _name(pair: Mapping) -> str:
    return f"{pair.get('a')} vs {_second(pair)}"


def _second(pair: Mapping) -> str:
    name = str(pair.get("b"))
    return formats.predictor_label(name) if pair.get("kind") == "baseline" else name


def _difference(pair: Mapping) -> str:
    between = formats.interval(pair.get("low"), pair.get("high"), sign=True)
    return formats.signed(pair.get("difference")) + (f" ({between})" if between else "")


def _tally(family: FamilyMaterial, pairs: Sequence[Mapping]) -> list[Block]:
    """Count verdicts over samples for every pair that was tested sample by sample on the main metric."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for pair in pairs:
        if pair.get("sample") is not None and pair.get("metric") == family.metric:
            key = (str(pair.get("a")), _second(pair))
            count = counts.setdefault(key, dict.fromkeys(VERDICTS, 0))
            count[pair.get("verdict")] = count.get(pair.get("verdict"), 0) + 1
    if not counts:
        return []
    words = [verdict for verdict in VERDICTS if any(count[verdict] for count in counts.values())]
    rows = [
        [blocks.text(a), blocks.text(b), *(blocks.num(count[word]) for word in words)]
        for (a, b), count in counts.items()
    ]
    columns = ("Run", "Against", *(verdict_words(word, family.words).capitalize() for word in words))
    title = f"Number of {family.sample_words} by verdict on {formats.metric_label(family.metric)}"
    return [blocks.table(title, columns, rows)]


def _pairs_table(family: FamilyMaterial, pairs: Sequence[Mapping]) -> blocks.Table:
    rows = [
        [
            blocks.text(pair.get("a")),
            blocks.text(_second(pair)),
            _verdict_cell(family, pair),
            blocks.num(pair.get("difference"), _difference(pair)),
            blocks.num(pair.get("p_value"), formats.p_value(pair.get("p_value"))),
            blocks.num(pair.get("detectable")),
            blocks.text(formats.metric_label(pair.get("metric") or "")),
            blocks.text(pair.get("sample") or _everywhere(family)),
            blocks.num(pair.get("n_units"), formats.plural(pair.get("n_units") or 0, *family.unit_noun)),
            blocks.num(pair.get("n_comparisons")),
        ]
        for pair in pairs
    ]
    columns = ("Run", "Against", "Verdict", "Difference (interval)", "p", "Missed below", "Metric")
    columns += (family.sample_word.capitalize(), "Units", "Comparisons")
    same = {name: {row[columns.index(name)].text for row in rows} for name in SAID_ONCE}
    once = [name for name, values in same.items() if len(values) == 1]
    keep = [j for j, name in enumerate(columns) if name not in once]
    notes = [f"{name}: {next(iter(same[name]))}." for name in once if same[name] != {formats.DASH}]
    notes.append("p and interval: adjusted for the comparisons of a question. Missed below: a difference that the test")
    notes.append("finds in 80 % of repetitions.")
    body = [[row[j] for j in keep] for row in rows]
    return blocks.table("Every paired test", [columns[j] for j in keep], body, " ".join(notes))


def _everywhere(family: FamilyMaterial) -> str:
    names = sample_names(family)
    return names[0] if len(names) == 1 else f"all {family.sample_words}"


def _verdict_cell(family: FamilyMaterial, pair: Mapping) -> Cell:
    verdict = pair.get("verdict") or "none"
    return blocks.text(verdict_words(verdict, family.words), VERDICTS.get(verdict, ""))
