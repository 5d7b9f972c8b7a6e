"""Many cell types with a bigWig for each of five marks: `preprocess` in one fresh process, its memory and its minutes.

The files are those of `bin_bigwig`, five of them; each cell type names the same five, so that the disk need not hold
280. Nothing is remembered between cell types but the annotation, and each file is hashed and read again. Memory is flat
when the peak of all cell types is that of an eighth of them.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.fresh import run_fresh
from benchmarks.inputs import SIZES
from benchmarks.table import Result, Row, finish, parser
from benchmarks.tracks import BIN_SIZE, GENOMES, N_BINS, Genome, make_windows, write_signal

FAMILY = "histone"
MARKS = ("H3K27me3", "H3K36me3", "H3K4me1", "H3K4me3", "H3K9me3")
AT_MOST_MB = 1000.0


def main() -> None:
    """Measure and print."""
    options = parser(__doc__ or "")
    options.add_argument("--cells", type=int, default=0, help="cell types (0: 56 at full size, 3 at tiny)")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="gxtool-bench-", dir=chosen.folder) as folder:
        result = measure(Path(folder), chosen.size, chosen.cells or SIZES[chosen.size].n_cells)
    finish(result, chosen.results)


def measure(folder: Path, size: str, n_cells: int) -> Result:
    """Write tracks and annotation, then preprocess an eighth of the cell types, and all of them."""
    genome = GENOMES[size]
    n_genes = write_inputs(folder, genome)
    few = max(1, n_cells // 8)
    costs = {n: preprocess(folder, n) for n in (few, n_cells)}
    shapes = [np.load(folder / f"examples-{n}/signal.npy", mmap_mode="r").shape for n in costs]
    assert shapes == [(n * n_genes, N_BINS, len(MARKS)) for n in costs]
    what = f"{n_cells} cell types x {len(MARKS)} bigWigs x {n_genes:,} genes, preprocess"
    peak = costs[n_cells]["peak_rss_mb"]
    rows = (
        Row(f"{what}: peak resident memory", "", "MB", ours=peak, at_most=AT_MOST_MB if size == "full" else None),
        Row(f"the same with {few}", "", "MB", ours=costs[few]["peak_rss_mb"]),
        Row("the same with all: time", "", "min", ours=costs[n_cells]["wall"] / 60),
    )
    return Result("tracks_memory", size, rows, {}, {"cells": n_cells, "genes": n_genes, "costs": costs})


def write_inputs(folder: Path, genome: Genome) -> int:
    """Write five bigWigs and an annotation whose genes are the windows of `bin_bigwig`; return how many there are."""
    windows = make_windows(genome)
    middles = windows.starts + N_BINS * BIN_SIZE // 2
    lines = [
        f'{chrom}\tbench\tgene\t{tss + 1}\t{tss + 100}\t.\t+\t.\tgene_id "g{number:05d}";\n'
        for number, (chrom, tss) in enumerate(zip(windows.chroms, middles.tolist(), strict=True))
    ]
    (folder / "genes.gtf").write_text("".join(lines))
    for seed, mark in enumerate(MARKS, 2):
        write_signal(folder / f"{mark}.bw", genome, seed)
    return len(lines)


def preprocess(folder: Path, n_cells: int) -> dict[str, float]:
    """Preprocess some cell types in a fresh process and return what it cost."""
    files = ",".join(f"{mark}.bw" for mark in MARKS)
    sheet = folder / f"samplesheet-{n_cells}.csv"
    lines = [f"CELL{number:02d},{files},genes.gtf\n" for number in range(1, n_cells + 1)]
    sheet.write_text(f"sample,{','.join(MARKS)},annotation\n{''.join(lines)}")
    output = folder / f"examples-{n_cells}"
    command = ["-m", "gxtool", "preprocess", "--model", FAMILY, "--input", str(sheet), "--output", str(output)]
    return run_fresh([sys.executable, *command])


if __name__ == "__main__":
    main()
