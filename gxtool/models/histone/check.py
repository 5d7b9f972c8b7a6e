"""What is recognised in histone inputs before anything is spent: tables are read whole, tracks around some genes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gxtool.errors import InputError
from gxtool.io.bins_files import BinsFile, TablesFinder
from gxtool.io.bins_table import check_no_leakage, read_bins_tables
from gxtool.models.histone.config import DataConfig
from gxtool.models.histone.encode import label_rows, split_rows
from gxtool.models.histone.examples import deepdiff_cell, layout, require_tables_direction, split_kinds, table_rows
from gxtool.models.histone.features import feature_names
from gxtool.models.histone.others import COLUMN, other_cell_types_sentence, read_other_cell_types
from gxtool.models.histone.summary import mark_correlations, mark_totals, mark_warnings, promoter_shares
from gxtool.models.histone.survey import LOOK_AT, skeleton, tables_survey, tracks_survey
from gxtool.models.histone.tracks import read_cell
from gxtool.models.look import InputFacts, Look

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
    """What one cell type holds; `on` is None without labels, `says` what is told of it beside its marks.

    rows: those of its genes; `whole` is False where they are a skeleton. mean_signal: None where it was not read.
    """

    name: str
    rows: pl.DataFrame
    whole: bool = True
    genes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    on: float | None = None
    mean_signal: np.ndarray | None = None
    correlations: Sequence[float | None] = ()
    shares: np.ndarray | None = None
    says: Sequence[str] = ()
    warnings: Sequence[str] = ()
    kind: str = "counts"
    n_genes: int = 0


def check(sheet: Sequence[Mapping[str, str]], data: DataConfig, look: Look) -> InputFacts:
    """Return what the inputs hold, what looks wrong, what a run with one seed will cost, and the rows of the dataset.

    What would end a run is among the problems of `look`.
    """
    has_tracks = None
    with look.collect():
        has_tracks = split_kinds(sheet)
    if has_tracks is None:
        return InputFacts(())
    if not has_tracks:
        with look.collect():
            require_tables_direction(data)
    cells: list[Cell] = []
    with tempfile.TemporaryDirectory(prefix="gxtool-") as scratch:
        finder = TablesFinder(Path(scratch))
        for row in sheet:
            with look.collect():
                cells.append(_cell(row, finder, data, (look, has_tracks)))
    averages, unnamed = _other_cell_types(sheet, cells, data, look)
    rows, splits, labels = _dataset(cells, data, look, complete=len(cells) == len(sheet))
    seen = [cell for cell in cells if cell.mean_signal is not None]
    n_genes = sum(len(cell.rows) for cell in cells if cell.whole)
    per_gene = data.n_bins * len(data.marks)
    facts = [
        *([("inputs", _inputs(seen[0], data, has_tracks))] if seen else []),
        ("cell types", f"{len(sheet)} ({_some([row['sample'] for row in sheet])})"),
        ("split", f"data.split={data.split}"),
        *((cell.name, _describe(cell, data.marks)) for cell in seen),
        *(("average of the gene", sentence) for sentence in averages),
    ]
    return InputFacts(
        facts=tuple(facts),
        warnings=tuple(warning for cell in cells for warning in _warnings(cell, data.marks))
        + tuple(_shared(cells))
        + unnamed,
        memory_gb=round(BASE_MEMORY_GB + 3 * 4 * per_gene * max((len(c.rows) for c in cells), default=0) / 1e9, 1),
        disk_gb=round(n_genes * ((4 if has_tracks else 2) * per_gene + 16) / 1e9, 3),
        minutes=round(n_genes / READ_PER_MINUTE + n_genes / TRAIN_PER_MINUTE, 1),
        rows=rows,
        splits=splits,
        labels=labels,
        labelled=any({"label", "expression"} & set(cell.rows.columns) for cell in cells) if cells else None,
        columns=tuple(feature_names(data.marks, data.n_bins, data.allow_missing)),
        info={**layout(data), "target": data.target},
    )


def _other_cell_types(
    sheet: Sequence[Mapping[str, str]], cells: Sequence[Cell], data: DataConfig, look: Look
) -> tuple[list[str], tuple[str, ...]]:
    """Say what the average of each gene is over, and warn of tables without a column called as the cell type."""
    sentences, warnings = [], []
    by_name = {cell.name: cell for cell in cells if cell.whole}
    for row in sheet:
        if row["sample"] not in by_name or not row.get(COLUMN) or not look.reads(row[COLUMN]):
            continue
        with look.collect():
            others = read_other_cell_types(row, by_name[row["sample"]].rows, data)
            sentences.append(other_cell_types_sentence(row["sample"], others.facts()))
            if not others.has_own:
                warnings.append(
                    f"{row['sample']}: no column of {row[COLUMN]} is called so; make sure that none is this cell type "
                    "under another name, measured otherwise"
                )
    return sentences, tuple(warnings)


def _dataset(
    cells: Sequence[Cell], data: DataConfig, look: Look, complete: bool
) -> tuple[pl.DataFrame | None, pl.DataFrame | None, np.ndarray | None]:
    """Return rows, splits and labels of the dataset; no labels where a cell type was not read, nothing without any."""
    rows = splits = labels = None
    with look.collect():
        for cell in cells:
            _require_same_columns(cell, cells[0])
        rows = pl.concat([cell.rows for cell in cells], how="diagonal").with_row_index("row") if cells else None
    if rows is None or not complete:
        return None, None, None
    with look.collect():
        splits = split_rows(rows, data)
        labels, _ = label_rows(rows, splits, data)
    return rows, splits, labels if all(cell.whole for cell in cells) else None


def _require_same_columns(cell: Cell, first: Cell) -> None:
    if cell.whole and first.whole and cell.rows.columns != first.rows.columns:
        raise InputError(
            f"sample {cell.name}: has other columns than {first.name}, expected labels or expression in all or none"
        )


def _inputs(cell: Cell, data: DataConfig, has_tracks: bool) -> str:
    bins = f"{data.n_bins} bins of {data.bin_size} bp per gene"
    if has_tracks:
        return f"tracks of {', '.join(data.marks)} ({cell.kind}); {bins}"
    columns = ", ".join(["GeneID", "BinID", *data.marks, *(["label"] if cell.on is not None else [])])
    if data.layout == "deepdiff":
        return f"DeepDiff's tables: gene and window, {', '.join(data.marks)}; {bins}"
    return f"Zenodo 2652278: {columns}; {bins}"


def _cell(row: Mapping[str, str], finder: TablesFinder, data: DataConfig, how: tuple[Look, bool]) -> Cell:
    look, has_tracks = how
    if has_tracks:
        return _of_tracks(row, data, look)
    tables = [row["data"], *([row["expression"]] if row.get("expression") else [])]
    if not look.reads(*tables):
        return Cell(row["sample"], tables_survey(row, data, look), whole=False)
    if data.layout == "deepdiff":
        return _of_deepdiff(row, data)
    return _of_tables(row["sample"], finder.find(row["sample"], Path(row["data"])), data)


def _of_tables(name: str, files: Sequence[BinsFile], data: DataConfig) -> Cell:
    tables = list(read_bins_tables(files, data.marks, data.n_bins))
    check_no_leakage(files, [table.genes for table in tables], data.n_bins)
    parts = [table_rows(name, file.role, table) for file, table in zip(files, tables, strict=True)]
    rows = pl.concat(parts, how="diagonal")
    if "label" in rows.columns and rows["label"].null_count():
        without = next(file.name for file, table in zip(files, tables, strict=True) if table.labels is None)
        raise InputError(f"{without}: has no label column but others have one, expected labels in all or none")
    labels = rows["label"].to_numpy() if "label" in rows.columns else None
    return _looked_at(rows, np.concatenate([table.counts for table in tables]), labels, data)


def _of_deepdiff(row: Mapping[str, str], data: DataConfig) -> Cell:
    rows, signal, facts, _ = deepdiff_cell(row, data)
    labels = _above_median(rows["expression"].to_numpy()) if "expression" in rows.columns else None
    return _looked_at(rows, signal, labels, data, _matched(facts))


def _of_tracks(row: Mapping[str, str], data: DataConfig, look: Look) -> Cell:
    rows, far = tracks_survey(row, data, look)
    if rows is None:
        return Cell(row["sample"], skeleton(row, data, [None] * data.n_folds, None), whole=False)
    others = [row[name] for name in ("blacklist", "reference") if row.get(name)]
    if not look.whole or not look.sees(*(path for name, path in row.items() if name != "sample" and path), *others):
        return Cell(row["sample"], rows)
    cell = read_cell(row, data, LOOK_AT)
    values = cell.genes["expression"]
    labels = None if values.null_count() else _above_median(values.to_numpy())
    looked_at = cell.genes.select(pl.col("ensembl_id").alias("group"), pl.lit("looked at").alias("role"))
    says = [
        f"bins oriented: {cell.orientation}",
        f"assembly {cell.assembly or 'not recognised'}",
        *_matched(cell.facts),
    ]
    if "renamed_chromosomes" in cell.facts:
        says.append(f"chromosomes of other names: {cell.facts['renamed_chromosomes']} in the tracks")
    matched = cell.facts["matched"]
    warnings = [_dropped(count, reason) for reason, count in cell.dropped.items() if count] + far
    if len(rows) < FEW_MATCHED * matched.get("expression", 0):
        warnings.append(
            f"only {len(rows):,} of {matched['expression']:,} genes with expression are in the annotation; "
            "are both of one species and release?"
        )
    if cell.facts["missing_marks"]:
        warnings.append(f"no track of {', '.join(cell.facts['missing_marks'])}: all 0, and a channel says so")
    found = _looked_at(looked_at, cell.signal, labels, data, says, cell.kind)
    return replace(found, name=row["sample"], rows=rows, warnings=warnings, n_genes=len(rows))


def _dropped(count: int, reason: str) -> str:
    return f"{count:,} {'gene' if count == 1 else 'genes'} dropped: {reason.replace('_', ' ')}"


def _above_median(values: np.ndarray) -> np.ndarray:
    return (values > np.median(values)).astype(np.uint8)


def _matched(facts: Mapping[str, Any]) -> list[str]:
    matched = facts.get("matched", {})
    if "both" not in matched:
        return ["no expression"]
    of = f"of {matched['genes']:,} genes and {matched['expression']:,} values"
    return [f"{matched['both']:,} genes with expression ({of})"]


def _looked_at(
    rows: pl.DataFrame,
    signal: np.ndarray,
    labels: np.ndarray | None,
    data: DataConfig,
    says: Sequence[str] = (),
    kind: str = "counts",
) -> Cell:
    totals = mark_totals(signal)
    genes = {role: frozenset(part["group"].to_list()) for (role,), part in rows.group_by("role", maintain_order=True)}
    return Cell(
        name=rows["sample"][0] if "sample" in rows.columns else "",
        rows=rows,
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
    sizes = (f"{len(genes):,} {'gene' if len(genes) == 1 else 'genes'} {role}" for role, genes in cell.genes.items())
    parts = [", ".join(sizes), *cell.says]
    parts.append("no labels" if cell.on is None else f"{100 * cell.on:.0f} % on")
    word = "reads" if cell.kind == "counts" else cell.kind
    parts.append(f"{word} per gene " + ", ".join(f"{m} {r:.0f}" for m, r in zip(marks, cell.mean_signal, strict=True)))
    if cell.correlations:
        known = [(m, r) for m, r in zip(marks, cell.correlations, strict=True) if r is not None]
        parts.append("correlation with label " + ", ".join(f"{mark} {r:+.2f}" for mark, r in known))
    return "; ".join(parts)


def _warnings(cell: Cell, marks: Sequence[str]) -> list[str]:
    if cell.mean_signal is None:
        return [f"{cell.name}: {sentence}" for sentence in cell.warnings]
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
    genes = f"1 gene ({leaked[0]}) is" if len(leaked) == 1 else f"{len(leaked):,} genes ({_some(leaked)}) are"
    return [
        f"{genes} tested in one cell type and trained on in another; "
        "one model for all of them (mix) would know them, train one per cell type"
    ]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
