"""Bin one bigWig around 19,802 TSS: gxtool's reader against what a person would call instead.

All of them must give the means of the base values, bases without a value counting as 0.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.comparison import compare, scaled
from benchmarks.fresh import run_fresh
from benchmarks.peers import track_readers
from benchmarks.table import PACKAGES, Result, finish, parser
from benchmarks.timing import Lap, take_turns
from benchmarks.tracks import BIN_SIZE, GENOMES, N_BINS, Windows, make_windows, write_fine_signal, write_signal
from benchmarks.uv import run_with_packages, with_packages
from gxtool.io.runtime import package_versions
from gxtool.io.tracks import open_track

DEEPTOOLS = ("deeptools==3.5.6",)
STEP = {"tiny": 5, "full": 40}  # pyBigWig.stats is asked for every STEP-th gene; its time is scaled to all
TOLERANCE = 1e-5  # of the largest mean
PEERS = {
    "stats": "pyBigWig.stats(nBins=100, exact=True), scaled from a sample",
    "deeptools": "deepTools computeMatrix, 2 processes, with its start",
    "values": "pyBigWig.values, mean of base values",
    "pybigtools": "pybigtools.values(bins=100, exact=True)",
}
AT_LEAST = {"stats": 150.0, "deeptools": 50.0, "pybigtools": 1.0}
FEW = {"tiny": (5,), "full": (100, 2_000)}  # TSS, spread over all, that pybigtools and ours are asked for as well


def main() -> None:
    """Measure and print."""
    options = parser(__doc__ or "")
    options.add_argument("--offline", action="store_true", help="do not download deepTools")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="gxtool-bench-", dir=chosen.folder) as folder:
        result = measure(Path(folder), chosen.size, chosen.rounds or 3, chosen.offline)
    finish(result, chosen.results)


def measure(folder: Path, size: str, rounds: int, offline: bool) -> Result:
    """Let all contenders take turns on bigWigs written below `folder`, and check that they agree."""
    genome, full = GENOMES[size], size == "full"
    windows, path = make_windows(genome), write_signal(folder / "signal.bw", genome)
    fine, some = write_fine_signal(folder / "fine.bw", genome), windows.some(STEP[size])
    found: dict[str, np.ndarray] = {}
    matrix, deeptools = folder / "matrix.gz", try_deeptools(folder, offline)

    def keep(name: str, work: Callable[[Path, Windows], np.ndarray], file: Path, where: Windows) -> Callable[[], None]:
        def timed() -> None:
            found[name] = work(file, where)

        return timed

    contenders: dict[str, Callable] = {
        "stats": keep("stats", track_readers.pybigwig_stats, path, some),
        "values": keep("values", track_readers.pybigwig_values, path, windows),
        "pybigtools": keep("pybigtools", track_readers.pybigtools_bins, path, windows),
        "ours": keep("ours", read_ours, path, windows),
        "fine stats": keep("fine stats", track_readers.pybigwig_stats, fine, some),
        "fine ours": keep("fine ours", read_ours, fine, windows),
    }
    fewer = {number: windows.some(-(-genome.n_genes // number)) for number in FEW[size]}
    for number, own in fewer.items():
        contenders[f"{number} pybigtools"] = keep(f"{number} pybigtools", track_readers.pybigtools_bins, path, own)
        contenders[f"{number} ours"] = keep(f"{number} ours", read_ours, path, own)
    if deeptools:
        command = track_readers.compute_matrix(path, windows, matrix)
        contenders["deeptools"] = lambda: run_deeptools(command)
    contenders["ours"]()
    often = {name: 20 for name in contenders if name.split()[0].isdecimal()}
    laps = take_turns(contenders, rounds, {"ours": 5, "fine ours": 5, "pybigtools": 3} | often)
    if deeptools:
        found["deeptools"] = track_readers.read_matrix(matrix, genome.n_genes)
    facts = {
        "genes": genome.n_genes,
        "genes_of_stats": len(some.chroms),
        "intervals": genome.n_chroms * genome.n_intervals,
        "bytes": path.stat().st_size,
        "largest_difference": check_agreement(found, genome.n_genes),
        "deeptools": deeptools,
    }
    for name in ("stats", "fine stats"):
        laps[name] = scaled(laps[name], len(some.chroms) / genome.n_genes)
    work = f"bin {N_BINS} x {BIN_SIZE} bp around {genome.n_genes:,} TSS from one bigWig"
    rows = compare(work, PEERS, laps, AT_LEAST if full else {})
    for number, own in fewer.items():
        few_laps = {name: laps[f"{number} {name}"] for name in ("pybigtools", "ours")}
        bounds = {"pybigtools": AT_LEAST["pybigtools"]} if full else {}
        rows += compare(
            f"the same around {len(own.chroms):,} TSS", {"pybigtools": PEERS["pybigtools"]}, few_laps, bounds
        )
    fine_laps = {name: laps[f"fine {name}"] for name in ("stats", "ours")}
    rows += compare("the same from a bigWig with smaller blocks", {"stats": PEERS["stats"]}, fine_laps, {})
    versions = package_versions((*PACKAGES, "pyBigWig", "pybigtools"))
    return Result("bin_bigwig", size, tuple(rows), laps, facts, versions)


def read_ours(path: Path, windows: Windows) -> np.ndarray:
    """Open the file, bin it and close it."""
    with open_track(path) as track:
        return track.bins(windows.chroms, windows.starts, windows.ends, N_BINS)


def check_agreement(found: dict[str, np.ndarray], n_genes: int) -> dict[str, float]:
    """Return everyone's largest difference to the means of base values, as a share of the largest mean.

    Who was asked for fewer genes was asked for every so many-th.

    Raises:
        AssertionError: it is above the tolerance.
    """
    expected = found["values"]
    largest = {}
    for name, means in found.items():
        wanted = expected[:: -(-n_genes // len(means))]
        largest[name] = float(np.abs(means - wanted).max() / np.abs(expected).max())
        assert largest[name] <= TOLERANCE, f"{name}: differs by {largest[name]} of the largest mean"
    return largest


def try_deeptools(folder: Path, offline: bool) -> str:
    """Return the version of deepTools that can be measured, empty when there is none."""
    try:
        return run_with_packages(DEEPTOOLS, ["computeMatrix", "--version"], offline, folder).split()[-1]
    except (RuntimeError, FileNotFoundError) as error:
        print(f"without deepTools: {error}", file=sys.stderr)
        return ""


def run_deeptools(command: list[str]) -> Lap:
    """Run computeMatrix as a whole process."""
    cost = run_fresh(with_packages(DEEPTOOLS, command, offline=True))
    return Lap(cost["wall"], cost["cpu"])


if __name__ == "__main__":
    main()
