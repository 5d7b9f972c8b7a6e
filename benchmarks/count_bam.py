"""Count the reads of a BAM in bins around 19,802 TSS: gxtool's reader against `bedtools multicov`; counts are identical."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.peers import track_readers
from benchmarks.table import PACKAGES, Result, Row, finish, parser
from benchmarks.timing import Lap, medians, ratio, take_turns
from benchmarks.tracks import BIN_SIZE, GENOMES, N_BINS, Windows, make_windows, write_reads
from gxtool.io.runtime import package_versions
from gxtool.io.tracks import open_track

AT_LEAST = 5.0
PEER_GENES = {"tiny": 5, "full": 100}  # that bedtools is asked for; its time is scaled to all genes


def main() -> None:
    """Measure and print."""
    chosen = parser(__doc__ or "").parse_args()
    with tempfile.TemporaryDirectory(prefix="gxtool-bench-", dir=chosen.folder) as folder:
        result = measure(Path(folder), chosen.size, chosen.rounds or 3)
    finish(result, chosen.results)


def measure(folder: Path, size: str, rounds: int) -> Result:
    """Let both count one BAM written below `folder`, and check that they agree."""
    genome = GENOMES[size]
    windows, path = make_windows(genome), write_reads(folder / "reads.bam", genome)
    some = windows.some(PEER_GENES[size])
    bedtools = version_of_bedtools()
    counts: dict[str, np.ndarray] = {}

    def ours() -> None:
        counts["ours"] = count_ours(path, windows)

    def peer() -> Lap:
        return run_bedtools(path, some, folder, counts)

    laps = take_turns({"bedtools": peer, "ours": ours} if bedtools else {"ours": ours}, rounds)
    if bedtools:
        assert np.array_equal(counts["bedtools"], count_ours(path, some)), "bedtools: counts differ"
        share = len(some.chroms) / genome.n_genes
        laps["bedtools"] = [Lap(wall / share, cpu / share) for wall, cpu in laps["bedtools"]]
    facts = {
        "genes": genome.n_genes,
        "genes_of_bedtools": len(some.chroms),
        "reads": genome.n_chroms * genome.n_reads,
        "bytes": path.stat().st_size,
        "counted": int(counts["ours"].sum()),
        "bedtools": bedtools,
    }
    versions = package_versions((*PACKAGES, "pysam"))
    return Result("count_bam", size, rows_of(laps, genome.n_genes, size), laps, facts, versions)
