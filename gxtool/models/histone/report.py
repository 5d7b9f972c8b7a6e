"""What the report shows of histone data: genes and classes, and the marks around the TSS of genes on and off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gxtool.models.base import Figure, Heatmap, ReferenceLine, ReportContext, ReportSection, Table, Trace

ROLES = ("train", "val", "test")
# Cell types beyond which correlations are easier to see as colours than as columns of the table.
HEATMAP_FROM = 3


def data_sections(context: ReportContext) -> list[ReportSection]:
    """Return one section per dataset."""
    return [_section(summary) for summary in context.summaries]


def _section(summary: Mapping[str, Any]) -> ReportSection:
    samples, marks = summary["samples"], summary["marks"]
    window = summary["n_bins"] * summary["bin_size"]
    names = samples[0]["sample"] if len(samples) == 1 else f"{len(samples)} cell types"
    text = (
        f"{names}: read counts of {len(marks)} marks in {summary['n_bins']} bins of {summary['bin_size']} bp, "
        f"{window:,} bp around each TSS."
    )
    items: list[Figure | Heatmap | Table] = []
    if "profiles" in summary:
        text += (
            " Lines are means over the genes of all cell types and files, the band is the 95 % interval of the mean. "
            "Bins are as the files hold them; the published ones are not turned to the direction of transcription."
        )
        items += [_profile(summary, place, mark) for place, mark in enumerate(marks)]
    items.append(_sizes(samples, marks))
    if len(samples) >= HEATMAP_FROM and samples[0]["correlations"] is not None:
        items.append(_correlations(samples, marks))
    return ReportSection("Histone marks around the TSS", text, tuple(items))


def _profile(summary: Mapping[str, Any], place: int, mark: str) -> Figure:
    n_bins, bin_size = summary["n_bins"], summary["bin_size"]
    centres = tuple((number + 0.5) * bin_size - n_bins * bin_size / 2 for number in range(n_bins))
    traces, peaks = [], {}
    for name in ("on", "off"):
        profile = {key: tuple(values[place]) for key, values in summary["profiles"][name].items()}
        traces.append(Trace(name, centres, profile["mean"], low=profile["low"], high=profile["high"]))
        peaks[name] = max(profile["mean"])
    return Figure(
        title=mark,
        description=(
            f"Mean reads of {mark} per bin around the TSS: at most {peaks['on']:.2f} in genes that are on "
            f"and {peaks['off']:.2f} in genes that are off."
        ),
        x_title="Distance from the TSS (bp)",
        y_title=f"Reads per {bin_size} bp",
        traces=tuple(traces),
        lines=(ReferenceLine("TSS", 0, "x"),),
    )


def _sizes(samples: Sequence[Mapping[str, Any]], marks: Sequence[str]) -> Table:
    columns = ["Cell type"]
    for role in ROLES:
        columns += [f"Genes ({role})", f"On ({role})"]
    columns += [f"Reads per gene: {mark}" for mark in marks]
    rows = []
    for sample in samples:
        sizes = [sample["sizes"][role][key] for role in ROLES for key in ("genes", "on")]
        rows.append((sample["sample"], *sizes, *sample["mean_reads"]))
    return Table(
        "Genes, classes and depth", tuple(columns), tuple(rows), "On: expression above the cell type's median."
    )


def _correlations(samples: Sequence[Mapping[str, Any]], marks: Sequence[str]) -> Heatmap:
    return Heatmap(
        title="Marks and expression",
        description=(
            f"Correlation of each mark's reads with the label in {len(samples)} cell types; "
            "H3K4me3 and H3K36me3 are expected above 0."
        ),
        x_title="Mark",
        y_title="Cell type",
        x=tuple(marks),
        y=tuple(sample["sample"] for sample in samples),
        z=tuple(tuple(sample["correlations"]) for sample in samples),
        z_title="Pearson's r of log(1 + reads) with on/off",
        diverging=True,
    )
