"""One cell type's raw tracks become a matrix of bins around the TSS of every gene, with what was left out and why.

A samplesheet row names one file per mark (column = mark), an annotation, and where they are known an expression table,
a control and a blacklist. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gxtool.data.assemblies import recognised_assembly
from gxtool.data.values import require_variation
from gxtool.data.windows import Windows, cut_windows, orient
from gxtool.errors import InputError, did_you_mean
from gxtool.io.bam import CountRules
from gxtool.io.bed import read_bed
from gxtool.io.chromosomes import match_chromosomes
from gxtool.io.expression import Expression
from gxtool.io.gtf import Annotation, read_genes
from gxtool.io.replicates import read_measured
from gxtool.io.tracks import Track, open_track
from gxtool.models.histone.assemblies import check_assembly, check_chromosomes, names_in, renamed_chromosomes
from gxtool.models.histone.config import DataConfig

FILES = ("annotation", "expression", "other_expression", "control", "blacklist", "reference")
"""Columns of a samplesheet beside `sample`, `data` and the marks."""
READS_30M = 30e6  # depth that the consolidated reads behind the published tables are capped at
READS_MILLION = 1e6


@dataclass(frozen=True)
class CellTracks:
    """One cell type: G genes, N bins, C marks.

    genes: ensembl_id, gene_symbol, chrom, strand, tss, expression (null column where unknown) and, where expression
    was measured several times, replicate_1, replicate_2, ...; signal (G, N, C)
    uint16, uint32 or float32 in the order of data.marks; present (C,) bool; facts: what the report shows of the data;
    dropped: genes left out, by reason; assembly: recognised by the length of chromosome 1, else empty.
    """

    genes: pl.DataFrame
    signal: np.ndarray
    present: np.ndarray
    kind: str
    orientation: str
    facts: Mapping[str, Any]
    dropped: Mapping[str, int]
    assembly: str
    sources: Sequence[Mapping[str, Any]] = field(default_factory=list)


def mark_columns(row: Mapping[str, str]) -> dict[str, str]:
    """Return mark -> file of a samplesheet row; empty for a row of tables."""
    return {name: path for name, path in row.items() if name not in ("sample", "data", *FILES) and path}


def check_marks(row: Mapping[str, str], data: DataConfig) -> dict[str, str]:
    """Return mark -> file of a row, in the order of data.marks.

    Raises:
        InputError: a column that is no mark, or a mark without a file (unless that is allowed).
    """
    given = mark_columns(row)
    where = f"sample {row['sample']}"
    if row.get("data"):
        raise InputError(
            f"{where}: has a table (column data) and tracks ({', '.join(given)}), expected only one of the two"
        )
    for name in given:
        if name not in data.marks:
            near = did_you_mean(name, [*data.marks, *FILES])
            known = "" if "did you mean" in near else f", expected one of {', '.join(data.marks)}"
            raise InputError(f"{where}: column {name} is no mark of data.marks{near}{known}")
    missing = [mark for mark in data.marks if mark not in given]
    if missing and not data.allow_missing:
        raise InputError(
            f"{where}: has no track of {', '.join(missing)}, expected one for each of data.marks "
            "(data.allow_missing=true accepts it, with a channel that says so)"
        )
    if not row.get("annotation"):
        raise InputError(f"{where}: column annotation is missing or empty, expected a GTF or GFF3 file beside tracks")
    return {mark: given[mark] for mark in data.marks if mark in given}


def read_cell(row: Mapping[str, str], data: DataConfig, most_genes: int | None = None) -> CellTracks:
    """Read every track of one cell type around the TSS of the genes that have an expression value.

    `most_genes` reads a seeded choice of them, for a quick look.

    Raises:
        InputError: a file that is not what its column says, marks that are missing, chromosome names or lengths that
            disagree, or an expression table of none of the annotation's genes.
    """
    files = check_marks(row, data)
    annotation = annotation_of(row["annotation"], data.tss, data.biotypes)
    genes, expression, matched = match_expression(row, annotation, data)
    if most_genes and len(genes) > most_genes:
        genes = genes.sample(most_genes, seed=0).sort("chrom", "tss")
    with ExitStack() as stack:
        tracks, control = open_tracks(row, files, data, stack)
        kind = signal_kind(list(tracks.values()), control, data)
        everyone = [*tracks.values(), *([control] if control else [])]
        check_assembly(everyone, data.assembly)
        check_chromosomes(everyone, row["annotation"], genes)
        windows, oriented = windows_of(genes, data)
        blocked = blacklisted(row, genes, windows, data)
        signal = _read(tracks, control, (genes["chrom"].to_list(), windows), data)
        sources = [track.source for track in everyone]
        chroms = genes["chrom"].unique(maintain_order=True).to_list()
        sizes = _sizes(everyone, annotation, chroms)
        other_names = renamed_chromosomes(everyone, chroms)
    signal[blocked] = 0
    signal = orient(signal, windows.flipped)
    sources += [annotation.source, *([expression.source] if expression else [])]
    facts = {
        "matched": matched,
        "outside": int(_outside(genes, windows, sizes).sum()),
        "blacklisted": int(blocked.sum()),
        "missing_marks": [mark for mark in data.marks if mark not in files],
        **({"renamed_chromosomes": other_names} if other_names else {}),
    }
    present = np.array([mark in files for mark in data.marks])
    dropped = dict(annotation.dropped) | (
        {"without_expression": matched["genes"] - matched["both"]} if expression else {}
    )
    return CellTracks(genes, signal, present, kind, oriented, facts, dropped, recognised_assembly(sizes), sources)


def open_tracks(
    row: Mapping[str, str], files: Mapping[str, str], data: DataConfig, stack: ExitStack
) -> tuple[dict[str, Track], Track | None]:
    """Open the files of some marks, and the control of a row where it names one; `stack` closes them.

    Raises:
        InputError: a file that is no track, is damaged, or has no index.
    """
    rules = CountRules(min_mapq=data.min_mapq, extend=data.extend, fragments=data.fragments)
    reference = row.get("reference") or None
    tracks = {mark: stack.enter_context(open_track(path, rules, reference)) for mark, path in files.items()}
    return tracks, stack.enter_context(open_track(row["control"], rules, reference)) if row.get("control") else None


@lru_cache(maxsize=2)
def annotation_of(path: str, choice: Any, biotypes: tuple[str, ...]) -> Annotation:
    """Return an annotation, read once for all cell types that share it."""
    return read_genes(Path(path), choice, biotypes)


def match_expression(
    row: Mapping[str, str], annotation: Annotation, data: DataConfig
) -> tuple[pl.DataFrame, Expression | None, dict[str, int]]:
    """Return the genes that have an expression value (all of them without a table), the table, and the counts.

    Ids are matched by Ensembl id, or by symbol where more of them match so.

    Raises:
        InputError: the table has a value for none of the genes, or the same for all of them.
    """
    genes = annotation.genes
    if not row.get("expression"):
        return genes.with_columns(pl.lit(None, pl.Float64).alias("expression")), None, {"genes": len(genes)}
    expression = read_measured(Path(row["expression"]), data.expression_column, row["sample"])
    values = expression.table.rename({"value": "expression"})
    joined = max(
        (
            genes.filter(pl.col(key).is_not_null() & pl.col(key).is_first_distinct()).join(
                values, left_on=key, right_on="gene", how="inner", maintain_order="left"
            )
            for key in ("ensembl_id", "gene_symbol")
        ),
        key=len,
    )
    if not len(joined):
        theirs, ours = (", ".join(ids[:3].to_list()) for ids in (values["gene"], genes["ensembl_id"]))
        raise InputError(
            f"{row['expression']}: has values for genes such as {theirs} and for none of {row['annotation']} "
            f"(such as {ours}), expected the same ids or symbols"
        )
    require_variation(joined["expression"].to_numpy(), row["expression"])
    return joined, expression, {"genes": len(genes), "expression": len(values), "both": len(joined)}


def signal_kind(tracks: Sequence[Track], control: Track | None, data: DataConfig) -> str:
    """Say what the numbers of these tracks are: counts, cpm, mean or log2_ratio.

    Raises:
        InputError: alignments beside bigWigs, or an option or control that only alignments can have.
    """
    kinds = {track.kind == "bigwig": track.path for track in tracks}
    if len(kinds) > 1:
        raise InputError(
            f"{kinds[True]}: is a bigWig but {kinds[False]} holds reads, expected all marks of a cell type as one kind"
        )
    if True not in kinds:
        if control and control.kind == "bigwig":
            raise InputError(f"{control.path}: is a bigWig but the marks are reads, expected reads as control")
        return "log2_ratio" if control else "cpm" if data.scale == "cpm" else "counts"
    if control or data.scale != "none":
        found = f"a control ({control.path})" if control else f"data.scale={data.scale}"
        raise InputError(f"{kinds[True]}: is a bigWig beside {found}, expected reads (BAM or CRAM) for that")
    return "mean"


def windows_of(genes: pl.DataFrame, data: DataConfig) -> tuple[Windows, str]:
    """Return each gene's window and how it is oriented."""
    orientation = "strand" if data.orientation == "auto" else data.orientation
    minus = (genes["strand"] == "-").to_numpy()
    return cut_windows(genes["tss"].to_numpy(), minus, data.n_bins * data.bin_size, orientation), orientation


def blacklisted(row: Mapping[str, str], genes: pl.DataFrame, windows: Windows, data: DataConfig) -> np.ndarray:
    """Return which bins (G, N), along the chromosome, touch a region of the blacklist."""
    blocked = np.zeros((len(genes), data.n_bins), dtype=bool)
    if not row.get("blacklist"):
        return blocked
    regions = read_bed(Path(row["blacklist"]))
    matched = match_chromosomes(genes["chrom"].unique().to_list(), regions["chrom"].unique().to_list())
    for (chrom,), chosen in genes.with_row_index("place").group_by("chrom"):
        there = regions.filter(pl.col("chrom") == matched.get(chrom, chrom))
        starts, ends = np.sort(there["start"].to_numpy()), np.sort(there["end"].to_numpy())
        places = chosen["place"].to_numpy()
        left = windows.start[places, None] + data.bin_size * np.arange(data.n_bins)
        # Regions that begin before the bin ends, less those that end before it begins.
        blocked[places] = np.searchsorted(starts, left + data.bin_size) > np.searchsorted(ends, left, side="right")
    return blocked


def _read(
    tracks: Mapping[str, Track],
    control: Track | None,
    where: tuple[Sequence[str], Windows],
    data: DataConfig,
) -> np.ndarray:
    """Return the scaled bins of all marks (G, N, C), along the chromosome; a mark without a track is 0."""
    floats = control is not None or data.scale != "none" or any(track.kind == "bigwig" for track in tracks.values())
    signal = np.zeros((len(where[0]), data.n_bins, len(data.marks)), np.float32 if floats else np.uint32)
    background = None
    if control:
        background = _per_million(control, _count(control, where, data), READS_MILLION)
    for place, mark in enumerate(data.marks):
        if mark not in tracks:
            continue
        track = tracks[mark]
        bins = _count(track, where, data)
        if background is not None:
            bins = np.log2((_per_million(track, bins, READS_MILLION) + 1) / (background + 1))
        elif data.scale != "none":
            bins = _per_million(track, bins, READS_30M if data.scale == "30m" else READS_MILLION)
        signal[:, :, place] = bins
    if not floats and signal.max(initial=0) <= np.iinfo(np.uint16).max:
        return signal.astype(np.uint16)
    return signal


def _count(track: Track, where: tuple[Sequence[str], Windows], data: DataConfig) -> np.ndarray:
    """Return the bins of one track (G, N).

    Raises:
        InputError: alignments of which no read counts in any window.
    """
    chroms, windows = where
    bins = track.bins(names_in(track, chroms), windows.start, windows.end, data.n_bins)
    if track.kind != "bigwig" and len(bins) and not bins.any():
        raise InputError(
            f"{track.path}: no read counts around any of {len(bins):,} genes ({track.n_mapped:,} are mapped; unmapped, "
            f"secondary, failed and duplicate ones and those below data.min_mapq={data.min_mapq} are left out), "
            "expected some"
        )
    return bins


def _per_million(track: Track, bins: np.ndarray, depth: float) -> np.ndarray:
    """Scale counts to a depth of mapped reads.

    Raises:
        InputError: the file has no mapped read.
    """
    if not track.n_mapped:
        raise InputError(f"{track.path}: has no mapped reads, expected some to scale counts by")
    return bins.astype(np.float32) * np.float32(depth / track.n_mapped)


def _sizes(tracks: Sequence[Track], annotation: Annotation, chroms: Sequence[str]) -> dict[str, int]:
    """Return the size (bp) of every chromosome under the names of the tracks and of the annotation."""
    sizes = dict(annotation.chrom_sizes)
    for track in tracks:
        sizes |= track.chrom_sizes
        sizes |= {
            name: track.chrom_sizes[other] for name, other in match_chromosomes(chroms, track.chrom_sizes).items()
        }
    return sizes


def _outside(genes: pl.DataFrame, windows: Windows, sizes: Mapping[str, int]) -> np.ndarray:
    """Return which windows reach beyond an end of their chromosome, where its length is known."""
    lengths = np.array([sizes.get(chrom, np.iinfo(np.int64).max) for chrom in genes["chrom"].to_list()])
    return (windows.start < 0) | (windows.end > lengths)
