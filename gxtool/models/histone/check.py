"""What is recognised in histone tables before anything is spent: all are read and checked, nothing is written."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gxtool.io.bins_files import find_bins_files
from gxtool.io.bins_table import check_no_leakage, read_bins_tables
from gxtool.models.base import CheckReport
from gxtool.models.histone.config import DataConfig
from gxtool.models.histone.summary import mark_correlations, mark_totals

# Marks of active genes: their reads rise with expression in every cell type that was measured.
ACTIVE_MARKS = ("H3K4me3", "H3K36me3")
# Below this share of one class a cell type is called lopsided; the label is expected to be a median split.
LOPSIDED = 0.2
# Genes per minute that two cores read, and that they train `convnet` on for all its epochs, seed by seed.
READ_PER_MINUTE = 2e6
TRAIN_PER_MINUTE = 1.5e4
# Memory of Python with PyTorch (GB), beside which the tables of one cell type are small.
BASE_MEMORY_GB = 1.5


@dataclass(frozen=True)
class Cell:
    """What one cell type's tables hold; `on` is None without labels."""

    name: str
    genes: Mapping[str, frozenset[str]]
    on: float | None
    mean_reads: np.ndarray
    correlations: Sequence[float | None]

    @property
    def n_genes(self) -> int:
        """Return the number of genes of all tables."""
        return sum(map(len, self.genes.values()))


def check(sheet: Sequence[Mapping[str, str]], data: DataConfig) -> CheckReport:
    """Read every table and report what it holds, what looks wrong, and what a run with one seed will cost.

    Raises:
        InputError: a table that is not the layout.
    """
    with tempfile.TemporaryDirectory(prefix="gxtool-") as scratch:
        cells = [_read(row["sample"], Path(row["data"]), Path(scratch), data) for row in sheet]
    n_genes = sum(cell.n_genes for cell in cells)
    layout = ", ".join(["GeneID", "BinID", *data.marks, *(["label"] if cells[0].on is not None else [])])
    facts = [
        ("layout", f"Zenodo 2652278: {layout}; {data.n_bins} bins of {data.bin_size} bp per gene"),
        ("cell types", f"{len(cells)} ({_some([cell.name for cell in cells])})"),
        ("split", f"data.split={data.split}"),
    ]
    for cell in cells:
        facts.append((cell.name, _describe(cell, data.marks)))
    return CheckReport(
        facts=tuple(facts),
        warnings=tuple(warning for cell in cells for warning in _warnings(cell, data.marks)) + tuple(_shared(cells)),
        memory_gb=round(BASE_MEMORY_GB + 3 * 4 * data.n_bins * len(data.marks) * cells[0].n_genes / 1e9, 1),
        disk_gb=round(n_genes * (2 * data.n_bins * len(data.marks) + 16) / 1e9, 3),
        minutes=round(n_genes / READ_PER_MINUTE + n_genes / TRAIN_PER_MINUTE, 1),
    )


def _read(name: str, path: Path, scratch: Path, data: DataConfig) -> Cell:
    files = find_bins_files(name, path, scratch)
    tables = list(read_bins_tables(files, data.marks, data.n_bins))
    check_no_leakage(files, [table.genes for table in tables], data.n_bins)
    totals = np.concatenate([mark_totals(table.counts) for table in tables])
    labels = None
    if all(table.labels is not None for table in tables):
        labels = np.concatenate([table.labels for table in tables])
    return Cell(
        name,
        {file.role: frozenset(table.genes.to_list()) for file, table in zip(files, tables, strict=True)},
        None if labels is None else float(labels.mean()),
        totals.mean(axis=0),
        [] if labels is None else mark_correlations(totals, labels),
    )


def _describe(cell: Cell, marks: Sequence[str]) -> str:
    parts = [", ".join(f"{len(genes):,} {role}" for role, genes in cell.genes.items()) + " genes"]
    parts.append("no labels" if cell.on is None else f"{100 * cell.on:.0f} % on")
    parts.append("reads per gene " + ", ".join(f"{m} {r:.0f}" for m, r in zip(marks, cell.mean_reads, strict=True)))
    if cell.correlations:
        known = [(m, r) for m, r in zip(marks, cell.correlations, strict=True) if r is not None]
        parts.append("correlation with label " + ", ".join(f"{mark} {r:+.2f}" for mark, r in known))
    return "; ".join(parts)


def _warnings(cell: Cell, marks: Sequence[str]) -> list[str]:
    found = [f"{cell.name}: {m} has no reads" for m, r in zip(marks, cell.mean_reads, strict=True) if r == 0]
    for mark, r in zip(marks, cell.correlations, strict=False):
        if mark in ACTIVE_MARKS and r is not None and r <= 0:
            found.append(
                f"{cell.name}: {mark} falls with expression (correlation {r:+.2f}, expected above 0); "
                "are the count columns in the order of data.marks?"
            )
    if cell.on is not None and not LOPSIDED <= cell.on <= 1 - LOPSIDED:
        found.append(f"{cell.name}: {100 * cell.on:.0f} % of the genes are on, expected about half (a median split)")
    return found


def _shared(cells: Sequence[Cell]) -> list[str]:
    """Warn when a gene that one cell type is tested on is trained on in another."""
    learned = frozenset().union(*(genes for cell in cells for role, genes in cell.genes.items() if role != "test"))
    tested = frozenset().union(*(cell.genes.get("test", frozenset()) for cell in cells))
    leaked = sorted(learned & tested)
    if not leaked:
        return []
    return [
        f"{len(leaked):,} genes ({_some(leaked)}) are tested in one cell type and trained on in another; "
        "one model for all of them (mix) would know them, train one per cell type"
    ]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
