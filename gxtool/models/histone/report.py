"""What the report shows of histone data: the marks around the TSS, how the data was made, and what looks wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gxtool.models.base import Figure, Heatmap, ReferenceLine, ReportContext, ReportSection, Table, Trace
from gxtool.models.histone.others import COLUMN, other_cell_types_sentence
from gxtool.models.histone.summary import EXPECTED, ROLES

# Cell types beyond which correlations are easier to see as colours than as columns of the table.
HEATMAP_FROM = 3
# What differs between datasets that hold the same genes and signal, divided in another way.
SPLIT_FACTS = ("scheme", "n_folds", "sizes")
KINDS = {
    "counts": "read counts",
    "cpm": "reads per million mapped",
    "mean": "mean signal of the tracks",
    "log2_ratio": "log2 ratio to the control",
}
UNITS = {
    "counts": "Reads per {} bp",
    "cpm": "Reads per million and {} bp",
    "mean": "Mean signal per {} bp",
    "log2_ratio": "log2((cpm + 1) / (control + 1)), {} bp",
}
Summary = Mapping[str, Any]


def data_sections(context: ReportContext) -> list[ReportSection]:
    """Return one section for each different data; datasets that only divide the same genes otherwise share one."""
    alike: dict[str, list[Summary]] = {}
    for summary in context.summaries:
        alike.setdefault(json.dumps(_without_split(summary), sort_keys=True), []).append(summary)
    return [_section(summaries) for summaries in alike.values()]


def _without_split(summary: Summary) -> dict[str, Any]:
    kept = {key: value for key, value in summary.items() if key not in SPLIT_FACTS}
    kept["samples"] = [{k: v for k, v in one.items() if k not in SPLIT_FACTS} for one in summary["samples"]]
    return kept


def _section(summaries: Sequence[Summary]) -> ReportSection:
    summary = summaries[0]
    samples, marks = summary["samples"], summary["marks"]
    items: list[Figure | Heatmap | Table] = []
    if any(sample.get("warnings") for sample in samples):
        items.append(_warnings(samples))
    items += [_profile(summary, place, mark) for place, mark in enumerate(marks) if "profiles" in summary]
    items += [_sizes(one) for one in summaries]
    items.append(_quality(summary))
    if any("matched" in sample for sample in samples):
        items.append(_genes(summary))
    if len(samples) >= HEATMAP_FROM and samples[0]["correlations"] is not None:
        items.append(_correlations(summary))
    return ReportSection("Histone marks around the TSS", _introduction(summary), tuple(items))


def _introduction(summary: Summary) -> str:
    samples, marks = summary["samples"], summary["marks"]
    window = summary["n_bins"] * summary["bin_size"]
    names = samples[0]["sample"] if len(samples) == 1 else f"{len(samples)} cell types"
    assembly = f" of {summary['assembly']}" if summary.get("assembly") else ""
    text = (
        f"{names}: {KINDS[_kind(summary)]} of {len(marks)} marks in {summary['n_bins']} bins of "
        f"{summary['bin_size']} bp, {window:,} bp around each TSS{assembly}."
    )
    other_names = next((sample["renamed_chromosomes"] for sample in samples if "renamed_chromosomes" in sample), "")
    if other_names:
        text += f" The tracks call chromosomes otherwise than the annotation: {other_names}."
    text += "".join(
        f" {other_cell_types_sentence(sample['sample'], sample[COLUMN])}." for sample in samples if COLUMN in sample
    )
    if "profiles" in summary:
        text += " Lines are means over the genes of all cell types, the band is the 95% interval of the mean."
    if summary.get("orientation") == "strand":
        text += " Bins run in the direction of transcription: what is right of the TSS is downstream on both strands."
    else:
        text += (
            " Bins run along the chromosome and are not turned to the direction of transcription, as in the published "
            "tables."
        )
    warned = [sample["sample"] for sample in samples if sample.get("warnings")]
    if warned:
        return f"{text} Something looks wrong in {_some(warned)}: see the table of warnings."
    if samples[0]["correlations"] is None:
        return f"{text} Nothing is known of expression."
    return f"{text} No mark goes with expression the wrong way."


def _kind(summary: Summary) -> str:
    return summary.get("signal_kind", "counts")


def _some(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _expression(summary: Summary) -> str:
    return "log2(expression + 1)" if summary.get("target") == "log_expression" else "on/off"


def _profile(summary: Summary, place: int, mark: str) -> Figure:
    n_bins, bin_size = summary["n_bins"], summary["bin_size"]
    centres = tuple((number + 0.5) * bin_size - n_bins * bin_size / 2 for number in range(n_bins))
    traces, peaks = [], {}
    for name in reversed(summary["profiles"]):
        profile = {key: tuple(values[place]) for key, values in summary["profiles"][name].items()}
        label = "all genes" if name == "all" else name
        traces.append(Trace(label, centres, profile["mean"], low=profile["low"], high=profile["high"]))
        peaks[label] = max(profile["mean"])
    said = " and ".join(
        f"{value:.2f} in {name if name == 'all genes' else f'genes that are {name}'}" for name, value in peaks.items()
    )
    return Figure(
        title=mark,
        description=f"Mean {mark} per bin around the TSS: at most {said}.",
        x_title="Distance from the TSS (bp)",
        y_title=UNITS[_kind(summary)].format(bin_size),
        traces=tuple(traces),
        lines=(ReferenceLine("TSS", 0, "x"),),
    )


def _warnings(samples: Sequence[Summary]) -> Table:
    rows = tuple((sample["sample"], text) for sample in samples for text in sample.get("warnings", ()))
    return Table(
        "What looks wrong",
        ("Cell type", "Warning"),
        rows,
        "Look at these before believing any score: swapped or mislabelled tracks teach a model the wrong names.",
    )


def _sizes(summary: Summary) -> Table:
    """Count genes by role of a single split, or as a whole where several folds give every gene every role in turn."""
    samples, on = summary["samples"], "On: expression above the cell type's median."
    folds = summary.get("n_folds", 1)
    title = f"Genes and classes, split {summary['scheme'].replace('_', ' ')}"
    if folds > 1:
        rows = tuple((sample["sample"], sample["genes"], sample["on"]) for sample in samples)
        note = f"{on} {folds} folds: each part is tested once, by models trained and chosen on the others."
        return Table(title, ("Cell type", "Genes", "On"), rows, note)
    columns = ["Cell type"]
    for role in ROLES:
        columns += [f"Genes ({role})", f"On ({role})"]
    rows = tuple(
        (sample["sample"], *(sample["sizes"][role][key] for role in ROLES for key in ("genes", "on")))
        for sample in samples
    )
    return Table(title, tuple(columns), rows, on)


def _quality(summary: Summary) -> Table:
    """List how much signal each mark has, and how it goes with expression."""
    marks = summary["marks"]
    columns = ("Cell type", "Mark", "Per gene", "Empty bins", "Empty genes", "r with expression", "Expected r")
    rows = []
    for sample in summary["samples"]:
        nothing = [None] * len(marks)
        found = zip(
            marks,
            sample["mean_reads"],
            sample.get("zero_bins", nothing),
            sample.get("silent_genes", nothing),
            sample["correlations"] or nothing,
            strict=True,
        )
        for mark, mean, empty, silent, r in found:
            expected = {1: "above 0", -1: "0 or below"}.get(EXPECTED.get(mark, 0), "any")
            rows.append((sample["sample"], mark, _readable(mean), empty, silent, r, expected))
    return Table(
        "Signal of each mark",
        columns,
        tuple(rows),
        f"Per gene: {KINDS[_kind(summary)]}, summed over the window. Empty: share without any signal. r: Pearson's "
        f"correlation of log(1 + signal in the window) with {_expression(summary)}.",
    )


def _readable(value: float | None) -> float | None:
    """Drop the decimals of a large number, which say nothing."""
    return value if value is None or abs(value) < 100 else round(value)


def _genes(summary: Summary) -> Table:
    """List how many genes of the annotation found their expression, and what of their windows was masked."""
    columns = (
        "Cell type",
        "Annotated",
        "With expression",
        "Both",
        "Share",
        "Beyond the end",
        "Masked bins",
        "Missing marks",
    )
    rows = []
    for sample in summary["samples"]:
        matched = sample.get("matched", {})
        genes, both = matched.get("genes"), matched.get("both")
        share = both / genes if genes and both is not None else None
        missing = ", ".join(sample.get("missing_marks", ())) or "none"
        rows.append(
            (
                sample["sample"],
                genes,
                matched.get("expression"),
                both,
                share,
                sample.get("outside"),
                sample.get("blacklisted"),
                missing,
            )
        )
    return Table(
        "From annotation and expression to genes",
        columns,
        tuple(rows),
        "Genes in the annotation, in the expression table, and in both. Beyond the end: genes whose window leaves the "
        "chromosome; the bins outside are 0. Masked bins touch the blacklist and are set to 0.",
    )


def _correlations(summary: Summary) -> Heatmap:
    samples = summary["samples"]
    return Heatmap(
        title="Marks and expression",
        description=(
            f"Correlation of each mark's signal with expression in {len(samples)} cell types; "
            "H3K4me3 and H3K36me3 are expected above 0."
        ),
        x_title="Mark",
        y_title="Cell type",
        x=tuple(summary["marks"]),
        y=tuple(sample["sample"] for sample in samples),
        z=tuple(tuple(sample["correlations"]) for sample in samples),
        z_title=f"Pearson's r of log(1 + signal) with {_expression(summary)}",
        diverging=True,
    )
