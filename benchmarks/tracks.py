"""A genome's tracks, made up at any size: TSS, one bigWig of signal and one BAM of reads. The input of two benchmarks.

TSS and signal lie evenly along the chromosomes, so that the windows of 19,802 genes cover two thirds of a genome of
200 Mb: fifteen times as dense as on the human genome.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pybigtools
import pyBigWig
import pysam

N_BINS, BIN_SIZE = 100, 100
READ_LENGTH = 36
REVERSE, DUPLICATE = 0x10, 0x400


class Genome(NamedTuple):
    """Chromosomes of equal size (bp); genes of all of them; intervals of signal and reads of each."""

    n_chroms: int
    chrom_size: int
    n_genes: int
    n_intervals: int
    n_reads: int

    @property
    def sizes(self) -> dict[str, int]:
        """Return chromosome -> size."""
        return {f"chr{number}": self.chrom_size for number in range(1, self.n_chroms + 1)}


class Windows(NamedTuple):
    """Windows of N_BINS bins around genes, each inside its chromosome."""

    chroms: list[str]
    starts: np.ndarray
    ends: np.ndarray

    def some(self, step: int) -> Windows:
        """Return every `step`-th window."""
        return Windows(self.chroms[::step], self.starts[::step], self.ends[::step])


GENOMES = {"tiny": Genome(2, 300_000, 23, 9_000, 4_000), "full": Genome(10, 20_000_000, 19_802, 680_000, 300_000)}


def make_windows(genome: Genome, seed: int = 1) -> Windows:
    """Place the genes and return their windows, sorted by position."""
    rng = np.random.default_rng(seed)
    names = np.array(list(genome.sizes))
    chroms = np.sort(rng.integers(0, genome.n_chroms, genome.n_genes))
    starts = rng.integers(0, genome.chrom_size - N_BINS * BIN_SIZE, genome.n_genes)
    starts = starts[np.lexsort((starts, chroms))]
    return Windows(names[chroms].tolist(), starts, starts + N_BINS * BIN_SIZE)


def write_signal(path: Path, genome: Genome, seed: int = 2) -> Path:
    """Write a bigWig as deepTools' bamCoverage does, with pyBigWig: blocks of some 2,700 intervals."""
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(genome.sizes.items()))
        for chrom, starts, ends, values in _intervals(genome, seed):
            file.addEntries([chrom] * len(starts), starts, ends=ends, values=values)
    return path


def write_fine_signal(path: Path, genome: Genome, seed: int = 2) -> Path:
    """Write the same signal as bedGraphToBigWig does, with pybigtools: blocks of 1,024 intervals."""
    rows = (
        (chrom, *row)
        for chrom, *columns in _intervals(genome, seed)
        for row in zip(*(column.tolist() for column in columns), strict=True)
    )
    pybigtools.open(str(path), "w").write(genome.sizes, rows)
    return path


def _intervals(genome: Genome, seed: int) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Yield starts, ends and values of each chromosome; intervals and the gaps between them are equally long."""
    rng = np.random.default_rng(seed)
    for chrom, size in genome.sizes.items():
        edges = np.sort(rng.choice(size, 2 * genome.n_intervals, replace=False))
        yield chrom, edges[::2], edges[1::2], np.round(rng.gamma(0.8, 2.0, genome.n_intervals), 3)


def write_reads(path: Path, genome: Genome, seed: int = 3) -> Path:
    """Write a sorted BAM of single-end reads and its index; one in twenty is a duplicate."""
    rng = np.random.default_rng(seed)
    contigs = [{"SN": name, "LN": size} for name, size in genome.sizes.items()]
    header = pysam.AlignmentHeader.from_dict({"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": contigs})
    bases = ["".join(letters) for letters in rng.choice(list("ACGT"), (1000, READ_LENGTH))]
    qualities = pysam.qualitystring_to_array("I" * READ_LENGTH)
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for chrom in range(genome.n_chroms):
            starts = np.sort(rng.integers(0, genome.chrom_size - READ_LENGTH, genome.n_reads))
            flags = rng.choice([0, REVERSE, DUPLICATE], genome.n_reads, p=[0.48, 0.47, 0.05])
            for number, (start, flag) in enumerate(zip(starts.tolist(), flags.tolist(), strict=True)):
                read = pysam.AlignedSegment(header)
                read.query_name, read.flag, read.mapping_quality = f"r{chrom}.{number}", flag, 60
                read.reference_id, read.reference_start = chrom, start
                read.cigartuples = ((0, READ_LENGTH),)
                read.query_sequence, read.query_qualities = bases[number % 1000], qualities
                file.write(read)
    pysam.index(str(path))
    return path
