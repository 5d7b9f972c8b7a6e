"""What single bases, variants and motifs do to predictions: heat maps, logos, tables, bars. It draws, nothing more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gxtool.models.base import Figure, Heatmap, Logo, ReportContext, ReportSection, Table, Trace
from gxtool.models.proformer.perturb import LETTERS
from gxtool.models.proformer.variants import WORDS

# With more motifs than this only the strongest are drawn; the artifact holds all.
MAX_MOTIFS = 30
STRONGEST = 5
POSITION = "Position (from 0, padding included)"
KINDS = ("mutation", "integrated_gradients", "variants", "motif", "motif_scan")

Group = Mapping[str, Any]
Sequences = Sequence[Mapping[str, Any]]


def effect_sections(context: ReportContext) -> list[ReportSection]:
    """Return one section for each run with effects of single bases, of variants or of motifs."""
    runs: dict[str, list[Group]] = {}
    for summary in context.effects:
        groups = [group for group in summary.get("effects") or () if group.get("kind") in KINDS]
        runs.setdefault(str(summary.get("run") or "model"), []).extend(groups)
    return [section for run, groups in runs.items() for section in _sections(run, groups, context.summaries)]


def _sections(run: str, groups: Sequence[Group], summaries: Sequence[Mapping[str, Any]]) -> Iterator[ReportSection]:
    by_kind = {kind: [group for group in groups if group["kind"] == kind] for kind in KINDS}
    bases = _bases(by_kind)
    if bases:
        text = (
            "Single test sequences, chosen by their place in the order of predictions. The heat map shows what each "
            "substitution does to the prediction; a letter of the first logo is as high as the mean of what is lost by "
            "its three substitutions, of the second as its share of the prediction by integrated gradients, on a "
            "straight way from a quarter of each base. What both agree on is what the models read."
        )
        yield ReportSection(f"What single bases do, {run}", text, tuple(bases), "Sequence")
    if by_kind["variants"]:
        text = (
            "An effect is the prediction with the alternative allele less that with the reference allele, each in the "
            "middle of its own window."
        )
        yield ReportSection(f"Variants, {run}", text, tuple(_variants(by_kind["variants"], summaries)))
    if by_kind["motif"] or by_kind["motif_scan"]:
        text = (
            "By itself: the consensus of a motif is put into the middle of test sequences whose bases were shuffled "
            "with their dinucleotides kept. In its place: bases in sites of the motif are compared with all others by "
            "the mean of what is lost by their substitutions; a site is a word that scores so well by chance as rarely "
            "as perturb.scan_p says."
        )
        yield ReportSection(f"Motifs, {run}", text, tuple(_motifs(by_kind)))


def _bases(by_kind: Mapping[str, Sequence[Group]]) -> Iterator[Any] | list[Any]:
    """Return views of each drawn sequence, chosen by one menu, and the table of these sequences."""
    maps, lost, added, rows = {}, {}, {}, []
    gradients = {
        (group["sample"], one["unit"], one["why"]): one
        for group in by_kind["integrated_gradients"]
        for one in _drawn(group)
    }
    several = len(by_kind["mutation"]) > 1
    for group in by_kind["mutation"]:
        for one in _drawn(group):
            name = f"{one['why']} ({one['prediction']:.3g})"
            name = f"{group['sample']}, {name}" if several else name
            maps[name] = _heatmap(one, name)
            lost[name] = _logo(one, f"Importance by mutation, {name}", "Mean loss")
            found = gradients.get((group["sample"], one["unit"], one["why"]))
            if found:
                added[name] = _logo(found, f"Integrated gradients, {name}", "Attribution")
            rows.append((group["sample"], one["why"], one["prediction"], one["measured"], one["sequence"]))
    if not maps:
        return []
    views = [maps, lost, *([added] if added.keys() == maps.keys() else [])]
    items = [view if len(view) > 1 else next(iter(view.values())) for view in views]
    columns = ("Of", "Chosen as", "Predicted", "Measured", "Sequence")
    note = "Measured values may be on another scale than predicted ones (see the section on promoters)."
    return [*items, Table("The sequences drawn", columns, tuple(rows), note)]


def _drawn(group: Group) -> Sequences:
    return (group.get("portrait") or {}).get("sequences", ())


def _heatmap(one: Mapping[str, Any], name: str) -> Heatmap:
    places = [one["first"] + n for n in range(len(one["sequence"]))]
    cells = [
        (abs(value), value, place, was, LETTERS[base])
        for place, was, effects in zip(places, one["sequence"], one["effects"], strict=True)
        for base, value in enumerate(effects)
        if value is not None
    ]
    found = "No substitution does anything."
    if cells and max(cells)[0] > 0:
        _, value, place, was, base = max(cells)
        found = f"Strongest: {was} to {base} at position {place} ({_signed(value)})."
    return Heatmap(
        title=f"Effect of each substitution, {name}",
        description=f"{found} Empty cells: the base that is there, or none (N).",
        x_title=POSITION,
        y_title="Base",
        x=tuple(places),
        y=tuple(LETTERS),
        z=tuple(tuple(effects[base] for effects in one["effects"]) for base in range(len(LETTERS))),
        z_title="Effect",
        diverging=True,
    )


def _logo(one: Mapping[str, Any], title: str, y_title: str) -> Logo:
    places = tuple(one["first"] + n for n in range(len(one["sequence"])))
    values = [value or 0.0 for value in one["importance"]]
    order = sorted(range(len(values)), key=lambda n: -abs(values[n]))[:STRONGEST]
    said = ", ".join(f"{one['sequence'][n]} at {places[n]} ({_signed(values[n])})" for n in order)
    heights = tuple(
        tuple(value if letter == base else 0.0 for base in LETTERS)
        for letter, value in zip(one["sequence"], values, strict=True)
    )
    return Logo(title, f"Strongest bases: {said}.", POSITION, y_title, places, tuple(LETTERS), heights)


def _signed(value: float) -> str:
    return f"{value:+.3g}".replace("-", "\u2212")


def _variants(groups: Sequence[Group], summaries: Sequence[Mapping[str, Any]]) -> Iterator[Table]:
    rows, n_all = [], 0
    for group in groups:
        portrait = group.get("portrait") or {"n": 0, "variants": ()}
        n_all += portrait["n"]
        for one in portrait["variants"]:
            reference, effect = one["reference"], one["effect"]
            after = None if reference is None or effect is None else reference + effect
            rows.append((one["name"], effect, reference, after, group["sample"]))
    columns = ("Variant", "Effect", "Predicted, reference", "Predicted, alternative", "Of")
    note = "Positions are counted from 1, as in VCF."
    if len(rows) < n_all:
        note += f" The {len(rows):,} largest effects of {n_all:,} variants; the effects artifact holds all of them."
    yield Table("Variants with the largest effects", columns, tuple(rows), note)
    named = {str(group["sample"]) for group in groups}
    tallies = {name: tally for summary in summaries for name, tally in summary.get("variants", {}).items()}
    # Effects of several targets bear their names, and not the samples'.
    counted = {name: tally for name, tally in tallies.items() if name in named} or tallies
    if counted:
        words = {"read": "read", **{why: f"left out, {word}" for why, word in WORDS.items()}, "kept": "scored"}
        body = tuple((_capital(said), *(tally[key] for tally in counted.values())) for key, said in words.items())
        yield Table("What became of the alleles", ("Alternative alleles", *counted), body)


def _capital(word: str) -> str:
    return word[0].upper() + word[1:]


def _motifs(by_kind: Mapping[str, Sequence[Group]]) -> Iterator[Figure]:
    for group in by_kind["motif"]:
        yield _marginal(group)
    for group in by_kind["motif_scan"]:
        yield _scan(group)


def _marginal(group: Group) -> Figure:
    """Draw the effect of each motif by itself, on both strands."""
    found = {change["change"]: change for change in group["changes"]}
    names = list(dict.fromkeys(name[:-2] for name in found))
    size = {name: max(abs(found[f"{name} {s}"]["mean"]) for s in "+-" if f"{name} {s}" in found) for name in names}
    shown = [name for name in names if name in sorted(names, key=lambda name: -size[name])[:MAX_MOTIFS]]
    traces = []
    for strand, said in (("+", "as given"), ("-", "other strand")):
        own = [found.get(f"{name} {strand}", {}) for name in shown]
        means = [one.get("mean") for one in own]
        ends = [(one.get("mean"), one.get("sd") or 0.0) for one in own]
        low, high = (tuple(None if m is None else m + sign * sd for m, sd in ends) for sign in (-1, 1))
        traces.append(Trace(said, tuple(shown), tuple(means), "bars", low=low, high=high))
    best = max(group["changes"], key=lambda change: abs(change["mean"]))
    return Figure(
        title=f"Effect of a motif by itself, {group['sample']}",
        description=(
            f"Strongest: {best['change']} ({_signed(best['mean'])}). Mean over {best['n']:,} shuffled sequences; the "
            f"line around it is one standard deviation.{_left_out(len(names))}"
        ),
        x_title="Motif (consensus)",
        y_title="Change of the prediction",
        traces=tuple(traces),
    )


def _scan(group: Group) -> Figure:
    """Draw how much more bases in the sites of each motif matter."""
    strongest = sorted(group["changes"], key=lambda change: -abs(change["mean"]))[:MAX_MOTIFS]
    shown = [change for change in group["changes"] if change in strongest]
    best = strongest[0]
    return Figure(
        title=f"Importance in sites of a motif, {group['sample']}",
        description=(
            f"Strongest: {best['change']} ({_signed(best['mean'])} in {best['n']:,} sequences with a site). Mean "
            f"importance of bases in sites less that of all others.{_left_out(len(group['changes']))}"
        ),
        x_title="Motif",
        y_title="Importance inside less outside",
        traces=(
            Trace(
                "sites",
                tuple(change["change"] for change in shown),
                tuple(change["mean"] for change in shown),
                "bars",
                text=tuple(f"{change['n']:,} sequences" for change in shown),
            ),
        ),
    )


def _left_out(n_motifs: int) -> str:
    return f" The {MAX_MOTIFS} strongest of {n_motifs:,} motifs." if n_motifs > MAX_MOTIFS else ""
