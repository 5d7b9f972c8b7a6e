"""What the report shows of promoter data: expression, lengths and GC content of who is trained on and who judges."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby, pairwise
from typing import Any

from gxtool.models.base import Figure, ReportContext, ReportSection, Table, Trace
from gxtool.models.proformer.check import WORDS
from gxtool.models.proformer.summary import GC_BINS, ROLES

NAMES = {"train": "training", "val": "validation", "test": "test"}
Summary = Mapping[str, Any]


def data_sections(context: ReportContext) -> list[ReportSection]:
    """Return one section for each different dataset."""
    different = {json.dumps(summary, sort_keys=True): summary for summary in context.summaries}
    return [_section(summary) for summary in different.values()]


def _section(summary: Summary) -> ReportSection:
    items: list[Figure | Table] = [_sizes(summary)]
    for sample in summary["samples"]:
        for measured in sample["targets"] if summary["measured"] else ():
            items += _expression(sample["sample"], measured)
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
    text += f" What is predicted: {', '.join(summary['targets'])}."
    text += " A sequence and its reverse complement are never on both sides."
    if summary["left_out"]:
        text += (
            f" {summary['left_out']:,} training or validation sequences are left out because they are validated or "
            "tested too."
        )
    foreign = [
        f"{measured['target']} in {sample['sample']}" if len(sample["targets"]) > 1 else sample["sample"]
        for sample in samples
        for measured in sample["targets"]
        if measured["other_scale"]
    ]
    if foreign:
        text += (
            f" Test values of {', '.join(foreign)} are on another scale than training values, so only correlations are "
            "scored."
        )
    return text


def _sizes(summary: Summary) -> Table:
    known = summary["measured"]
    columns = ["Sample", "Role", "Sequences", "Shortest (bases)", "Longest (bases)"]
    for target in summary["targets"] if known else ():
        of = f" of {target}" if len(summary["targets"]) > 1 else ""
        columns += [f"Mean{of or ' expression'}", f"Standard deviation{of}", f"Whole numbers{of} (share)"]
    rows = []
    for sample in summary["samples"]:
        for role, found in _by_role(sample):
            row = [sample["sample"], NAMES[role], sample["sizes"][role], found["lengths"][0], found["lengths"][-1]]
            for measured in sample["targets"] if known else ():
                row += [measured["roles"][role][name] for name in ("mean", "sd", "whole")]
            rows.append(tuple(row))
    return Table(f"Sequences, split {summary['scheme']}", tuple(columns), tuple(rows))


def _by_role(sample: Summary) -> list[tuple[str, Summary]]:
    """Return the roles that a sample, or a target of it, has, in their order, each with what is known of it."""
    return [(role, sample["roles"][role]) for role in ROLES if role in sample["roles"]]


def _expression(sample: str, measured: Summary) -> list[Figure]:
    """Draw one target of a sample, the roles whose bins are the same into one figure."""
    figures, target = [], measured["target"]
    for edges, group in groupby(_by_role(measured), key=lambda pair: pair[1]["edges"]):
        roles = list(group)
        names = ", ".join(NAMES[role] for role, _ in roles)
        means = ", ".join(f"{NAMES[role]} {found['mean']:.3g}" for role, found in roles)
        figures.append(
            Figure(
                title=f"{target[0].upper()}{target[1:]} in {sample}: {names}",
                description=f"Distribution of measured {target}; means: {means}.",
                x_title=f"Measured {target}",
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
