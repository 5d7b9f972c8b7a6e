"""What is recognised in histone inputs before anything is spent: tables are read whole, tracks around some genes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gxtool.io.bins_files import find_bins_files
from gxtool.io.bins_table import check_no_leakage, read_bins_tables
from gxtool.models.base import CheckReport
from gxtool.models.histone.config import DataConfig
from gxtool.models.histone.examples import deepdiff_cell, split_kinds
from gxtool.models.histone.summary import mark_correlations, mark_totals, mark_warnings, promoter_shares
from gxtool.models.histone.tracks import read_cell

# Genes whose windows are read of each track: enough to see which way a mark goes with expression, in seconds.
LOOK_AT = 1000
# Below this share of one class a cell type is called lopsided; the label is expected to be a median split.
LOPSIDED = 0.2
# Below this share of genes with an expression value, ids probably do not match.
FEW_MATCHED = 0.5
# Genes per minute that two cores read, and that they train `convnet` on for all its epochs, seed by seed.
READ_PER_MINUTE = 2e6
TRAIN_PER_MINUTE = 1.5e4
# Memory of Python with PyTorch (GB), beside which the tables of one cell type are small.
BASE_MEMORY_GB = 1.5


@dataclass(frozen=True)
class Cell:
    """What one cell type holds; `on` is None without labels, `says` what is told of it beside its marks."""

    name: str
    genes: Mapping[str, frozenset[str]]
    on: float | None
    mean_signal: np.ndarray
    correlations: Sequence[float | None]
    shares: np.ndarray
    says: Sequence[str] = ()
    warnings: Sequence[str] = ()
    kind: str = "counts"
    n_genes: int = 0


def check(sheet: Sequence[Mapping[str, str]], data: DataConfig) -> CheckReport:
    """Report what the inputs hold, what looks wrong, and what a run with one seed will cost.

    Raises:
        InputError: a file that is not what its column or `data.layout` says.
    """
    has_tracks = split_kinds(sheet)
    with tempfile.TemporaryDirectory(prefix="gxtool-") as scratch:
        cells = [_cell(row, Path(scratch), data, has_tracks) for row in sheet]
    n_genes = sum(cell.n_genes for cell in cells)
    per_gene = data.n_bins * len(data.marks)
    facts = [
        ("inputs", _inputs(cells[0], data, has_tracks)),
        ("cell types", f"{len(cells)} ({_some([cell.name for cell in cells])})"),
        ("split", f"data.split={data.split}"),
    ]
    facts += [(cell.name, _describe(cell, data.marks)) for cell in cells]
    return CheckReport(
        facts=tuple(facts),
        warnings=tuple(warning for cell in cells for warning in _warnings(cell, data.marks)) + tuple(_shared(cells)),
        memory_gb=round(BASE_MEMORY_GB + 3 * 4 * per_gene * cells[0].n_genes / 1e9, 1),
        disk_gb=round(n_genes * ((4 if has_tracks else 2) * per_gene + 16) / 1e9, 3),
        minutes=round(n_genes / READ_PER_MINUTE + n_genes / TRAIN_PER_MINUTE, 1),
    )


def _inputs(cell: Cell, data: DataConfig, has_tracks: bool) -> str:
    bins = f"{data.n_bins} bins of {data.bin_size} bp per gene"
    if has_tracks:
        return f"tracks of {', '.join(data.marks)} ({cell.kind}); {bins}"
    columns = ", ".join(["GeneID", "BinID", *data.marks, *(["label"] if cell.on is not None else [])])
    if data.layout == "deepdiff":
        return f"DeepDiff's tables: gene and window, {', '.join(data.marks)}; {bins}"
    return f"Zenodo 2652278: {columns}; {bins}"


def _cell(row: Mapping[str, str], scratch: Path, data: DataConfig, has_tracks: bool) -> Cell:
    if has_tracks:
        return _of_tracks(row, data)
    if data.layout == "deepdiff":
        return _of_deepdiff(row, data)
    return _of_tables(row["sample"], Path(row["data"]), scratch, data)


def _of_tables(name: str, path: Path, scratch: Path, data: DataConfig) -> Cell:
    files = find_bins_files(name, path, scratch)
    tables = list(read_bins_tables(files, data.marks, data.n_bins))
    check_no_leakage(files, [table.genes for table in tables], data.n_bins)
    labels = None
    if all(table.labels is not None for table in tables):
        labels = np.concatenate([table.labels for table in tables])
    genes = {file.role: frozenset(table.genes.to_list()) for file, table in zip(files, tables, strict=True)}
    return _looked_at(name, genes, np.concatenate([table.counts for table in tables]), labels, data)


def _of_deepdiff(row: Mapping[str, str], data: DataConfig) -> Cell:
    rows, signal, facts, _ = deepdiff_cell(row, data)
    genes = {role: frozenset(chosen["group"].to_list()) for (role,), chosen in rows.group_by("role")}
    labels = _above_median(rows["expression"].to_numpy()) if "expression" in rows.columns else None
    return _looked_at(row["sample"], genes, signal, labels, data, _matched(facts))


def _of_tracks(row: Mapping[str, str], data: DataConfig) -> Cell:
    cell = read_cell(row, data, LOOK_AT)
    values = cell.genes["expression"]
    labels = None if values.null_count() else _above_median(values.to_numpy())
    chosen = {"looked at": frozenset(cell.genes["ensembl_id"].to_list())}
    says = [
        f"bins oriented: {cell.orientation}",
        f"assembly {cell.assembly or 'not recognised'}",
        *_matched(cell.facts),
    ]
    matched, n_genes = cell.facts["matched"], cell.facts["matched"].get("both", cell.facts["matched"]["genes"])
    warnings = [
        f"{count:,} genes dropped: {reason.replace('_', ' ')}" for reason, count in cell.dropped.items() if count
    ]
    if n_genes < FEW_MATCHED * matched.get("expression", 0):
        warnings.append(
            f"only {n_genes:,} of {matched['expression']:,} genes with expression are in the annotation; "
            "are both of one species and release?"
        )
    if cell.facts["missing_marks"]:
        warnings.append(f"no track of {', '.join(cell.facts['missing_marks'])}: all 0, and a channel says so")
    found = _looked_at(row["sample"], chosen, cell.signal, labels, data, says, cell.kind)
    return replace(found, warnings=warnings, n_genes=n_genes)


def _above_median(values: np.ndarray) -> np.ndarray:
    return (values > np.median(values)).astype(np.uint8)


def _matched(facts: Mapping[str, Any]) -> list[str]:
    matched = facts.get("matched", {})
    if "both" not in matched:
        return ["no expression"]
    of = f"of {matched['genes']:,} genes and {matched['expression']:,} values"
    return [f"{matched['both']:,} genes with expression ({of})"]


def _looked_at(
    name: str,
    genes: Mapping[str, frozenset[str]],
    signal: np.ndarray,
    labels: np.ndarray | None,
    data: DataConfig,
    says: Sequence[str] = (),
    kind: str = "counts",
) -> Cell:
    totals = mark_totals(signal)
    return Cell(
        name=name,
        genes=genes,
        on=None if labels is None else float(labels.mean()),
        mean_signal=totals.mean(axis=0),
        correlations=[] if labels is None else mark_correlations(totals, labels, kind == "log2_ratio"),
        shares=promoter_shares(signal, data.bin_size),
        says=says,
        kind=kind,
        n_genes=sum(map(len, genes.values())),
    )


def _describe(cell: Cell, marks: Sequence[str]) -> str:
    parts = [", ".join(f"{len(genes):,} genes {role}" for role, genes in cell.genes.items()), *cell.says]
    parts.append("no labels" if cell.on is None else f"{100 * cell.on:.0f} % on")
    word = "reads" if cell.kind == "counts" else cell.kind
    parts.append(f"{word} per gene " + ", ".join(f"{m} {r:.0f}" for m, r in zip(marks, cell.mean_signal, strict=True)))
    if cell.correlations:
        known = [(m, r) for m, r in zip(marks, cell.correlations, strict=True) if r is not None]
        parts.append("correlation with label " + ", ".join(f"{mark} {r:+.2f}" for mark, r in known))
    return "; ".join(parts)


def _warnings(cell: Cell, marks: Sequence[str]) -> list[str]:
    found = [f"{m} has no signal" for m, r in zip(marks, cell.mean_signal, strict=True) if r == 0]
    found += mark_warnings(marks, cell.correlations, cell.shares, sum(map(len, cell.genes.values())))
    if cell.on is not None and not LOPSIDED <= cell.on <= 1 - LOPSIDED:
        found.append(f"{100 * cell.on:.0f} % of the genes are on, expected about half (a median split)")
    return [f"{cell.name}: {sentence}" for sentence in [*found, *cell.warnings]]


def _shared(cells: Sequence[Cell]) -> list[str]:
    """Warn when a gene that one cell type is tested on is trained on in another."""
    learned = frozenset().union(*(cell.genes.get(role, frozenset()) for cell in cells for role in ("train", "val")))
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
