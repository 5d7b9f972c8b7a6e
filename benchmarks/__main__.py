"""Run benchmarks, each in a process of its own, and print the table of README.md from what they measured.

python -m benchmarks                     # all of them, about half an hour on two cores
python -m benchmarks --only read_bins
python -m benchmarks --size tiny         # a minute: both sides agree, no number means anything
python -m benchmarks --stored            # print the table of the stored results, measure nothing
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.fresh import ROOT
from benchmarks.table import RESULTS, Result, markdown, parser, read_result

NAMES = (
    "read_bins",
    "bin_bigwig",
    "count_bam",
    "tracks_memory",
    "mix_memory",
    "train_step",
    "encode_promoters",
    "similarity",
    "proformer_step",
    "inference",
    "threads",
    "mutagenesis",
    "perturb_share",
    "startup",
)


def main() -> None:
    """Measure and print."""
    options = parser(__doc__ or "")
    options.add_argument("--only", choices=NAMES, action="append", help="this benchmark (may be repeated)")
    options.add_argument("--stored", action="store_true", help="print what is stored and measure nothing")
    options.add_argument("--cells", type=int, default=0, help="cell types of the two of memory (0: 56 at full size)")
    options.add_argument("--peer-genes", type=int, default=0, help="genes per table for read_bins' slow peer (0: all)")
    options.add_argument("--offline", action="store_true", help="do not download what peers need")
    chosen = options.parse_args()
    names = chosen.only or NAMES
    if chosen.stored:
        print(report(stored(names, chosen.results or RESULTS)))
        return
    with tempfile.TemporaryDirectory(prefix="gxtool-bench-") as scratch:
        folder = chosen.results or (RESULTS if chosen.size == "full" else Path(scratch))
        for name in names:
            print(f"{name} ...", file=sys.stderr)
            run(name, arguments(name, chosen, folder))
        print(report(stored(names, folder)))


def arguments(name: str, chosen: argparse.Namespace, results: Path) -> list[str]:
    """Return the options that one benchmark gets."""
    given = ["--size", chosen.size, "--rounds", str(chosen.rounds), "--results", str(results.absolute())]
    if chosen.folder:
        given += ["--folder", str(chosen.folder.absolute())]
    if name in ("tracks_memory", "mix_memory"):
        given += ["--cells", str(chosen.cells)]
    if name == "read_bins":
        given += ["--peer-genes", str(chosen.peer_genes)]
    if name in ("read_bins", "bin_bigwig", "encode_promoters", "similarity", "mutagenesis") and chosen.offline:
        given += ["--offline"]
    return given


def run(name: str, options: Sequence[str]) -> None:
    """Run one benchmark; its table goes nowhere, its result to the folder that the options name."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *options]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)


def stored(names: Sequence[str], folder: Path) -> list[Result]:
    """Read the results that there are."""
    return [read_result(folder / f"{name}.json") for name in names if (folder / f"{name}.json").is_file()]


def report(results: Sequence[Result]) -> str:
    """Return machine, versions and the table, as Markdown."""
    lines = []
    for said in dict.fromkeys(origin(result) for result in results):
        lines.append(f"{said}: {', '.join(result.name for result in results if origin(result) == said)}")
    return "\n".join([*lines, "", markdown([row for result in results for row in result.rows])])


def origin(result: Result) -> str:
    """Return when, on what and with which versions a result was measured."""
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    return f"Measured {result.date} on {result.machine}; Python {result.python}, {versions}"


if __name__ == "__main__":
    main()
