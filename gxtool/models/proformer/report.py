"""What the report shows of promoter data: expression, lengths and GC content of who is trained on and who judges."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby, pairwise
from typing import Any

from gxtool.models.base import Figure, ReportContext, ReportSection, Table, Trace
from gxtool.models.proformer.check import WORDS
from gxtool.models.proformer.summary import GC_BINS, ROLES, is_foreign

NAMES = {"train": "training", "val": "validation", "test": "test"}
Summary = Mapping[str, Any]


def data_sections(context: ReportContext) -> list[ReportSection]:
    """Return one section for each different dataset."""
    different = {json.dumps(summary, sort_keys=True): summary for summary in context.summaries}
    return [_section(summary) for summary in different.values()]


def _section(summary: Summary) -> ReportSection:
    items: list[Figure | Table] = [_sizes(summary)]
    for sample in summary["samples"]:
        if summary["measured"]:
            items += _expression(summary, sample)
        items += [_gc(sample), _lengths(sample)]
    if any(_counted(sample) for sample in summary["samples"]):
        items.append(_tallies(summary))
    return ReportSection("Promoters", _introduction(summary), tuple(items))


def _introduction(summary: Summary) -> str:
    samples = summary["samples"]
    n_rows = sum(sum(sample["sizes"].values()) for sample in samples)
    text = f"{n_rows:,} sequences of {len(samples)} sample{'' if len(samples) == 1 else 's'}."
    if not summary["measured"]:
        return f"{text} Nothing is known of their expression."
    text += f" What is predicted: {summary['target']}. A sequence and its reverse complement are never on both sides."
    if summary["left_out"]:
        text += (
            f" {summary['left_out']:,} training or validation sequences are left out because they are validated or "
            "tested too."
        )
    foreign = [sample["sample"] for sample in samples if is_foreign(sample)]
    if foreign:
        text += (
            f" Test values of {', '.join(foreign)} are on another scale than training values: there r2_score and mse "
            "compare numbers of different units, and only correlations mean something."
        )
    return text


def _sizes(summary: Summary) -> Table:
    known = summary["measured"]
    columns = ["Sample", "Role", "Sequences", "Shortest (bases)", "Longest (bases)"]
    columns += ["Mean expression", "Standard deviation", "Whole numbers (share)"] if known else []
    rows = []
    for sample in summary["samples"]:
        for role, found in _by_role(sample):
            row = [sample["sample"], NAMES[role], sample["sizes"][role], found["lengths"][0], found["lengths"][-1]]
            row += [found["mean"], found["sd"], found["whole"]] if known else []
            rows.append(tuple(row))
    return Table(f"Sequences, split {summary['scheme']}", tuple(columns), tuple(rows))


def _by_role(sample: Summary) -> list[tuple[str, Summary]]:
    """Return the roles that have sequences, in their order, each with what is known of it."""
    return [(role, sample["roles"][role]) for role in ROLES if role in sample["roles"]]


def _expression(summary: Summary, sample: Summary) -> list[Figure]:
    """Draw the roles whose bins are the same into one figure."""
    figures = []
    for edges, group in groupby(_by_role(sample), key=lambda pair: pair[1]["edges"]):
        roles = list(group)
        names = ", ".join(NAMES[role] for role, _ in roles)
        means = ", ".join(f"{NAMES[role]} {found['mean']:.3g}" for role, found in roles)
        figures.append(
            Figure(
                title=f"Expression in {sample['sample']}: {names}",
                description=f"Distribution of measured {summary['target']}; means: {means}.",
                x_title=f"Measured {summary['target']}",
                y_title="Share of sequences",
                traces=tuple(Trace(NAMES[role], _centres(edges), tuple(found["expression"])) for role, found in roles),
            )
        )
    return figures


def _gc(sample: Summary) -> Figure:
    places = _centres([n / GC_BINS for n in range(GC_BINS + 1)])
    return Figure(
        title=f"GC content in {sample['sample']}",
        description="Share of G and C among the known bases of an insert, by role.",
        x_title="GC content",
        y_title="Share of sequences",
        traces=tuple(Trace(NAMES[role], places, tuple(found["gc"])) for role, found in _by_role(sample)),
    )


def _lengths(sample: Summary) -> Figure:
    traces = tuple(
        Trace(
            NAMES[role],
            tuple(found["lengths"]),
            tuple(count / sample["sizes"][role] for count in found["length_counts"]),
            kind="points",
        )
        for role, found in _by_role(sample)
    )
    return Figure(
        title=f"Length of inserts in {sample['sample']}",
        description="Share of sequences by the length of their insert, without flanks.",
        x_title="Bases",
        y_title="Share of sequences",
        traces=traces,
    )


def _centres(edges: list[float]) -> tuple[float, ...]:
    return tuple(round((low + high) / 2, 5) for low, high in pairwise(edges))


def _counted(sample: Summary) -> bool:
    return any(sample["tally"][name] for name in WORDS)


def _tallies(summary: Summary) -> Table:
    columns = ("Sample", "Sequences read", *(word[0].upper() + word[1:] for word in WORDS.values()))
    rows = tuple(
        (sample["sample"], sample["tally"]["read"], *(sample["tally"][name] for name in WORDS))
        for sample in summary["samples"]
    )
    return Table("What was met while reading", columns, rows)
