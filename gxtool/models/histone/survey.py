"""What headers and tables of one cell type say, without its signal: the rows that its genes become. No torch."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import polars as pl

from gxtool.errors import InputError
from gxtool.io.annotation_head import read_head
from gxtool.io.bins_faults import find_deepdiff_fault, find_fault
from gxtool.io.bins_files import BinsFile, find_bins_files
from gxtool.io.deepdiff import find_deepdiff_files
from gxtool.io.packed import is_archive, open_text
from gxtool.io.tracks import Track
from gxtool.models.histone.assemblies import check_assembly, check_chromosomes, check_head, names_in
from gxtool.models.histone.config import DataConfig
from gxtool.models.histone.examples import track_rows
from gxtool.models.histone.tracks import annotation_of, check_marks, match_expression, open_tracks, signal_kind
from gxtool.models.look import Look

# Genes whose signal is looked at; marks that stand at the TSS of active genes, how far from it (bp) nothing of them is
# expected, and how many times as high they are at least at the TSS (real tracks: 3 to 20 times).
LOOK_AT = 1000
AT_TSS = ("H3K4me3", "H3K4me2", "H3K27ac", "H3K9ac", "DNase", "ATAC")
NEAR, AWAY, LEAST_RATIO, LEAST_GENES = 1_000, 100_000, 1.5, 50
_FIRST_LINE = 1 << 16


def tracks_survey(row: Mapping[str, str], data: DataConfig, look: Look) -> tuple[pl.DataFrame | None, list[str]]:
    """Return the rows of one cell type's genes (None where its tables are not read), and warnings of its signal.

    Raises:
        InputError: tracks, annotation and expression that do not fit each other.
    """
    files = check_marks(row, data)
    control = [row["control"]] if row.get("control") else []
    tables = [row[name] for name in ("annotation", "expression") if row.get(name)]
    with ExitStack() as stack:
        tracks: list[Track] = []
        if look.sees(*files.values(), *control):
            by_mark, background = open_tracks(row, files, data, stack)
            signal_kind(list(by_mark.values()), background, data)
            tracks = [*by_mark.values(), *([background] if background else [])]
            check_assembly(tracks, data.assembly)
            _require_reads(tracks)
        if not look.reads(*tables):
            if tracks and look.sees(row["annotation"]):
                check_head(tracks, row["annotation"], read_head(Path(row["annotation"])))
            return None, []
        genes, expression, _ = match_expression(row, annotation_of(row["annotation"], data.tss, data.biotypes), data)
        if expression:
            _require_varied(row, genes["expression"])
        if tracks:
            check_chromosomes(tracks, row["annotation"], genes)
        far = {mark: track for mark, track in zip(files, tracks, strict=False) if mark in AT_TSS} if look.whole else {}
        return track_rows(row["sample"], genes), _away_from_tss(far, genes)


def tables_survey(row: Mapping[str, str], data: DataConfig, look: Look) -> pl.DataFrame:
    """Return one row for each table of a cell type that is not read whole: its role, and a label if it has some.

    Raises:
        InputError: files that are not the layout, as far as their names and first lines say it.
    """
    path = Path(row["data"])
    files = [BinsFile(role, path, row["data"]) for role in ("train", "val", "test")]
    labelled = None
    # What an archive holds is seen when it is unpacked.
    if look.sees(row["data"]) and not is_archive(path):
        if data.layout == "deepdiff":
            files = find_deepdiff_files(row["sample"], path)
        else:
            with tempfile.TemporaryDirectory(prefix="gxtool-") as scratch:
                files = find_bins_files(row["sample"], path, Path(scratch))
        find = find_deepdiff_fault if data.layout == "deepdiff" else find_fault
        firsts = [_first_line(file) for file in files]
        for file, first in zip(files, firsts, strict=True):
            if fault := find(file.name, first, data.marks):
                raise InputError(fault)
        labelled = firsts[0].count(b",") == len(data.marks) + 2
    return skeleton(row, data, [file.role for file in files], labelled)


def skeleton(
    row: Mapping[str, str], data: DataConfig, roles: Sequence[str | None], labelled: bool | None
) -> pl.DataFrame:
    """Return rows of which only roles are true: enough to see whether a split can be made, never what is in it."""
    columns = {"sample": [row["sample"]] * len(roles), "group": [f"{n}" for n in range(len(roles))], "role": roles}
    rows = pl.DataFrame(columns, {"sample": pl.String, "group": pl.String, "role": pl.String})
    if row.get("expression"):
        return rows.with_columns(expression=pl.int_range(pl.len()).cast(pl.Float64))
    return rows if labelled is False else rows.with_columns(label=pl.lit(0, pl.UInt8))


def _first_line(file: BinsFile) -> bytes:
    with open_text(file.path, file.name, "a table of bins") as text:
        return text.readline(_FIRST_LINE)


def _require_reads(tracks: Sequence[Track]) -> None:
    """Check that no BAM is without mapped reads, as its index says it; a CRAM would have to be read for that."""
    for track in tracks:
        if track.kind == "bam" and not track.n_mapped:
            raise InputError(f"{track.path}: holds no mapped read, expected some to count")


def _require_varied(row: Mapping[str, str], values: pl.Series) -> None:
    if values.n_unique() < 2:
        raise InputError(
            f"{row['expression']}: all {len(values):,} values of sample {row['sample']} are {values[0]:g}, expected "
            "values that differ"
        )


def _away_from_tss(tracks: Mapping[str, Track], genes: pl.DataFrame) -> list[str]:
    """Warn when no mark that stands at active TSS is higher there than far away: another assembly, most of the time."""
    if not tracks or len(genes) < LEAST_GENES:
        return []
    genes = genes.sample(min(LOOK_AT, len(genes)), seed=0)
    ratios = {mark: _ratio(track, genes) for mark, track in tracks.items()}
    mark = max(ratios, key=ratios.__getitem__)
    if ratios[mark] >= LEAST_RATIO:
        return []
    return [
        f"{mark} is {ratios[mark]:.1f} times as high at the TSS as {AWAY:,} bp away, expected at least {LEAST_RATIO} "
        "times: are annotation and tracks of one assembly?"
    ]


def _ratio(track: Track, genes: pl.DataFrame) -> float:
    """Return the mean signal around the TSS over that on both sides far away, where the chromosome goes that far."""
    chroms, tss = names_in(track, genes["chrom"].to_list()), genes["tss"].to_numpy()
    lengths = np.array([track.chrom_sizes.get(chrom, 0) for chrom in chroms])
    means = []
    for places in (tss, tss - AWAY, tss + AWAY):
        inside = (places >= NEAR) & (places + NEAR <= lengths)
        named = [chrom for chrom, there in zip(chroms, inside.tolist(), strict=True) if there]
        bins = track.bins(named, places[inside] - NEAR, places[inside] + NEAR, 1)
        means.append(float(bins.mean()) if inside.any() else np.nan)
    away = np.nanmean(means[1:]) if np.isfinite(means[1:]).any() else 0.0
    return means[0] / away if away > 0 else np.inf
