"""Count the reads of a BAM in bins around 19,802 TSS: gxtool's reader against `bedtools multicov`.

Both must end with identical counts.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.comparison import compare, scaled
from benchmarks.fresh import run_fresh
from benchmarks.peers import track_readers
from benchmarks.table import PACKAGES, Result, finish, parser
from benchmarks.timing import Lap, take_turns
from benchmarks.tracks import BIN_SIZE, GENOMES, N_BINS, make_windows, write_reads
from gxtool.io.runtime import package_versions
from gxtool.io.tracks import open_track

STEP = {"tiny": 5, "full": 200}  # bedtools is asked for every STEP-th gene; its time is scaled to all
PEERS = {"bedtools": "bedtools multicov, scaled from a sample"}
AT_LEAST = {"bedtools": 5.0}


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
    some, found = windows.some(STEP[size]), {}

    def ours() -> None:
        with open_track(path) as track:
            found["ours"] = track.bins(windows.chroms, windows.starts, windows.ends, N_BINS)

    contenders = {"ours": ours}
    bedtools = version_of_bedtools()
    if bedtools:
        bed, counts = folder / "bins.bed", folder / "counts.bed"
        track_readers.write_bins(bed, some)
        contenders["bedtools"] = lambda: run_multicov(path, bed, counts)
    laps = take_turns(contenders, rounds, {"ours": 3})
    if bedtools:
        same = np.array_equal(track_readers.read_counts(counts), found["ours"][:: STEP[size]])
        assert same, "bedtools: counts differ"
        laps["bedtools"] = scaled(laps["bedtools"], len(some.chroms) / genome.n_genes)
    facts = {
        "genes": genome.n_genes,
        "genes_of_bedtools": len(some.chroms),
        "reads": genome.n_chroms * genome.n_reads,
        "bytes": path.stat().st_size,
        "counted": int(found["ours"].sum()),
        "bedtools": bedtools,
    }
    work = f"count the reads of a BAM in {N_BINS} x {BIN_SIZE} bp around {genome.n_genes:,} TSS"
    rows = compare(work, PEERS, laps, AT_LEAST if size == "full" else {})
    return Result("count_bam", size, tuple(rows), laps, facts, package_versions((*PACKAGES, "pysam")))


def version_of_bedtools() -> str:
    """Return the version of bedtools, empty when it is not installed."""
    if not shutil.which("bedtools"):
        print("without bedtools: it is not installed", file=sys.stderr)
        return ""
    done = subprocess.run(["bedtools", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]


def run_multicov(bam: Path, bed: Path, counts: Path) -> Lap:
    """Let bedtools count as a process of its own and write what it prints to `counts`."""
    line = 'exec bedtools multicov -bams "$1" -bed "$2" > "$3"'
    cost = run_fresh(["sh", "-c", line, "sh", str(bam), str(bed), str(counts)])
    return Lap(cost["wall"], cost["cpu"])


if __name__ == "__main__":
    main()
