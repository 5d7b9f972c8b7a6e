"""Which differences are real: paired tests between runs and against baselines, with `not distinguishable` said so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gxtool.models.base import Figure, ReferenceLine, Trace
from gxtool.report import blocks, formats
from gxtool.report.blocks import Block, Cell, Look, Part
from gxtool.report.gather import FamilyMaterial, Material
from gxtool.report.predictors import sample_names

# A figure with more rows than this says less than the table below it.
MAX_ROWS = 40
# A score that does not exist, such as the correlation of a constant, has no difference from another.
UNDEFINED = "undefined"
# Columns that move into the note when every row says the same.
SAID_ONCE = ("p (Holm)", "Units", "Method")
VERDICTS = {"better": "good", "worse": "bad", "not distinguishable": "even", "too few": "even", "undefined": "even"}


def paired_part(family: FamilyMaterial, material: Material) -> Part:
    """Show the differences that were tested: those of the comparison, else those each evaluation made itself."""
    title = "Is the difference real?"
    pairs = all_pairs(family, material)
    if not pairs:
        return Part(title, "No paired test was among the results, so no difference can be called real or not.")
    words = ["Differences are paired: both predictors are scored on the same units."]
    if not any(compared_pairs(family, material)):
        words.append("No comparison was among the inputs; these are the tests of each run against its baselines.")
    words.append("Where the interval holds 0, the two are not distinguishable, whatever the estimates look like.")
    items: list[Block] = []
    shown = _for_figure(pairs, len(sample_names(family)))
    if shown:
        items.append(_forest(shown))
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
                undefined = {"verdict": UNDEFINED} if pair.get("difference", 0) is None else {}
                yield {"metric": comparison.get("metric"), **pair, **undefined}


def evaluated_pairs(family: FamilyMaterial) -> Iterator[Mapping[str, Any]]:
    """Yield the tests against baselines that each evaluation made, in the shape of a comparison's pairs."""
    for one in family.scored:
        for sample in one.samples:
            for test in sample.get("tests") or []:
                yield {
                    **test,
                    "a": one.run,
                    "b": test.get("baseline"),
                    "kind": "baseline",
                    "sample": sample["sample"],
                    "unit": family.unit,
                    "verdict": verdict_of(test),
                }


def verdict_of(test: Mapping[str, Any]) -> str:
    """Say in one word what a test found, with the metric's direction taken into account."""
    if test.get("difference") is None:
        return UNDEFINED
    if not test.get("distinguishable"):
        return "not distinguishable"
    ahead = (test["difference"] > 0) == formats.higher_is_better(test.get("metric", ""))
    return "better" if ahead else "worse"


def _for_figure(pairs: Sequence[Mapping], n_samples: int) -> list[Mapping]:
    """Keep the pairs over all samples, or all of them when there is one sample; of one metric, the first."""
    metric = pairs[0].get("metric")
    known = [p for p in pairs if p.get("difference") is not None and p.get("metric") == metric]
    chosen = [p for p in known if p.get("sample") is None] or (known if n_samples == 1 else [])
    return chosen if len(chosen) <= MAX_ROWS else []


def _forest(pairs: Sequence[Mapping]) -> Block:
    metric = pairs[0].get("metric") or ""
    label = formats.metric_label(metric)
    traces, roles = [], []
    for verdict in VERDICTS:
        some = [pair for pair in pairs if pair.get("verdict") == verdict]
        if some:
            traces.append(
                Trace(
                    verdict,
                    tuple(_name(pair) for pair in some),
                    tuple(pair["difference"] for pair in some),
                    "points",
                    tuple(pair.get("low") for pair in some),
                    tuple(pair.get("high") for pair in some),
                    tuple(_difference(pair) for pair in some),
                )
            )
            roles.append("baseline" if VERDICTS[verdict] == "even" else "model")
    slots = {"better": 0, "worse": 1, "not distinguishable": 6, "too few": 5, UNDEFINED: 5}
    found = [f"{trace.name.capitalize()}: {formats.listing([str(name) for name in trace.x])}." for trace in traces]
    figure = Figure(
        f"Paired differences in {label}",
        " ".join(found),
        "Pair",
        f"Difference in {label} (first minus second)",
        tuple(traces),
        (ReferenceLine("no difference", 0.0),),
    )
    order = tuple(_name(pair) for pair in pairs)
    look = Look(tuple(slots[t.name] for t in traces), tuple(roles), horizontal=True, values=True, order=order)
    return blocks.one_chart(figure, look)


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
    columns = ("Run", "Against", *(word.capitalize() for word in words))
    title = f"Number of {family.sample_words} by verdict on {formats.metric_label(family.metric)}"
    return [blocks.table(title, columns, rows)]


def _pairs_table(family: FamilyMaterial, pairs: Sequence[Mapping]) -> blocks.Table:
    rows = [
        [
            blocks.text(pair.get("a")),
            blocks.text(_second(pair)),
            _verdict_cell(pair),
            blocks.num(pair.get("difference"), _difference(pair)),
            blocks.num(pair.get("p_value"), formats.p_value(pair.get("p_value"))),
            blocks.num(pair.get("p_holm"), formats.p_value(pair.get("p_holm"))),
            blocks.text(formats.metric_label(pair.get("metric") or "")),
            blocks.text(pair.get("sample") or f"all {family.sample_words}"),
            blocks.num(pair.get("n_units"), _units(family, pair)),
            blocks.text(pair.get("method")),
        ]
        for pair in pairs
    ]
    columns = ("Run", "Against", "Verdict", "Difference (interval)", "p", "p (Holm)", "Metric")
    columns += (family.sample_word.capitalize(), "Units", "Method")
    same = {name: {row[columns.index(name)].text for row in rows} for name in SAID_ONCE}
    once = [name for name, values in same.items() if len(values) == 1]
    keep = [j for j, name in enumerate(columns) if name not in once]
    notes = [f"{name}: {next(iter(same[name]))}." for name in once if same[name] != {formats.DASH}]
    notes += ["p (Holm): corrected for the number of pairs."] if "p (Holm)" not in once else []
    body = [[row[j] for j in keep] for row in rows]
    return blocks.table("Every paired test", [columns[j] for j in keep], body, " ".join(notes))


def _units(family: FamilyMaterial, pair: Mapping) -> str:
    nouns = {"group": family.unit_noun, "sample": family.sample_noun, family.unit: family.unit_noun}
    count, unit = pair.get("n_units"), str(pair.get("unit") or "unit")
    return formats.plural(count, *nouns.get(unit, (unit,))) if isinstance(count, int) else formats.DASH


def _verdict_cell(pair: Mapping) -> Cell:
    verdict = str(pair.get("verdict") or "")
    return blocks.text(verdict, VERDICTS.get(verdict, ""))
