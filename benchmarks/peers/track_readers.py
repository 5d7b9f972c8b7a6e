"""Ways to bin tracks around genes: two libraries window by window, deepTools and bedtools as programs.

Each gives (genes, bins); bases without a value count as 0. The windows lie inside their chromosomes.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pybigtools
import pyBigWig

from benchmarks.tracks import BIN_SIZE, N_BINS, Windows


def pybigwig_stats(path: Path, windows: Windows) -> np.ndarray:
    """Ask pyBigWig for the exact sum of every bin (None without a value).

    Its mean costs the same, but would leave out bases without a value.
    """
    with pyBigWig.open(str(path)) as file:
        found = [
            file.stats(chrom, start, end, type="sum", nBins=N_BINS, exact=True)
            for chrom, start, end in zip(windows.chroms, windows.starts.tolist(), windows.ends.tolist(), strict=True)
        ]
    return np.nan_to_num(np.array(found, np.float64)) / BIN_SIZE


def pybigwig_values(path: Path, windows: Windows) -> np.ndarray:
    """Ask pyBigWig for the value of every base and take the means."""
    means = np.empty((len(windows.chroms), N_BINS))
    with pyBigWig.open(str(path)) as file:
        places = zip(windows.chroms, windows.starts.tolist(), windows.ends.tolist(), strict=True)
        for row, (chrom, start, end) in enumerate(places):
            bases = np.nan_to_num(file.values(chrom, start, end, numpy=True)).astype(np.float64)
            means[row] = bases.reshape(N_BINS, BIN_SIZE).mean(axis=1)
    return means


def pybigtools_bins(path: Path, windows: Windows) -> np.ndarray:
    """Ask pybigtools for the exact means of every window's bins."""
    means = np.empty((len(windows.chroms), N_BINS))
    with pybigtools.open(str(path)) as file:
        places = zip(windows.chroms, windows.starts.tolist(), windows.ends.tolist(), strict=True)
        for row, (chrom, start, end) in enumerate(places):
            means[row] = file.values(chrom, start, end, bins=N_BINS, exact=True, uncovered=0.0, oob=0.0, fillna=0.0)
    return means


def compute_matrix(bigwig: Path, windows: Windows, matrix: Path) -> list[str]:
    """Write the windows' centres and return the computeMatrix command that writes `matrix` (gzip), on two cores."""
    half, regions = N_BINS * BIN_SIZE // 2, matrix.with_suffix(".bed")
    places = zip(windows.chroms, (windows.starts + half).tolist(), strict=True)
    lines = [f"{chrom}\t{tss}\t{tss + 1}\tgene{row}\t0\t+\n" for row, (chrom, tss) in enumerate(places)]
    regions.write_text("".join(lines))
    command = ["computeMatrix", "reference-point", "--referencePoint", "TSS", "-S", bigwig, "-R", regions, "-o", matrix]
    command += ["-b", half, "-a", half, "-bs", BIN_SIZE, "--missingDataAsZero", "--sortRegions", "keep", "-p", 2]
    return list(map(str, command))


def read_matrix(matrix: Path, n_genes: int) -> np.ndarray:
    """Return what computeMatrix wrote, in the order of the windows."""
    means = np.full((n_genes, N_BINS), np.nan)
    with gzip.open(matrix, "rt") as file:
        next(file)
        for line in file:
            fields = line.rstrip("\n").split("\t")
            means[int(fields[3].removeprefix("gene"))] = np.array(fields[6:], np.float64)
    return means


def write_bins(bed: Path, windows: Windows) -> None:
    """Write every bin of every window as a line, for bedtools."""
    lines = []
    for chrom, start, end in zip(windows.chroms, windows.starts.tolist(), windows.ends.tolist(), strict=True):
        lines += [f"{chrom}\t{left}\t{left + BIN_SIZE}\n" for left in range(start, end, BIN_SIZE)]
    bed.write_text("".join(lines))


def read_counts(counted: Path) -> np.ndarray:
    """Return the counts that bedtools wrote behind the bins."""
    lines = counted.read_text().splitlines()
    return np.array([int(line.rpartition("\t")[2]) for line in lines]).reshape(-1, N_BINS)
