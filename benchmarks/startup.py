"""Start the command line: `gxtool --help` against Python doing nothing and Python importing typer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping

from benchmarks.fresh import ROOT, run_fresh
from benchmarks.table import Result, Row, finish, parser
from benchmarks.timing import Lap, medians, ratio, take_turns

COMMANDS = {
    "nothing": [sys.executable, "-c", "pass"],
    "typer": [sys.executable, "-c", "import typer"],
    "ours": [sys.executable, "-m", "gxtool", "--help"],
}
PEERS = {"nothing": "python -c pass", "typer": 'python -c "import typer"'}
AT_MOST_SECONDS = 0.6
HEAVY = ("torch", "transformers", "sklearn", "pandas", "scipy", "plotly", "polars", "numpy", "pydantic")
# Runs `gxtool --help`, then writes to stderr which of the modules named as arguments have been imported.
LOADED = """
import sys
names, sys.argv = sys.argv[1:], ["gxtool", "--help"]
from gxtool.cli import main
try:
    main()
except SystemExit:
    print(*(name for name in names if name in sys.modules), file=sys.stderr)
"""


def main() -> None:
    """Measure and print."""
    chosen = parser(__doc__ or "").parse_args()
    finish(measure(chosen.size, chosen.rounds or (1 if chosen.size == "tiny" else 9)), chosen.results)


def measure(size: str, rounds: int) -> Result:
    """Start each command in turn, in fresh processes."""
    peaks: dict[str, float] = {}
    laps = take_turns({name: starter(name, peaks) for name in COMMANDS}, rounds)
    ours = medians(laps["ours"]).wall
    rows = []
    for name, peer in PEERS.items():
        times = ratio(laps[name], laps["ours"])
        rows.append(Row("gxtool --help", peer, "s", medians(laps[name]).wall, ours, times.wall, times.cpu))
    heavy = imported()
    said = ", ".join(heavy) or "none"
    limit = AT_MOST_SECONDS if size == "full" else None
    rows.append(Row(f"the same; of {', '.join(HEAVY)} it imports: {said}", "", "s", ours=ours, at_most=limit))
    return Result("startup", size, tuple(rows), laps, {"peak_rss_mb": peaks, "imported": heavy})


def starter(name: str, peaks: dict[str, float]) -> Callable[[], Lap]:
    """Return what starts a command once and notes its largest resident set (MB)."""

    def start() -> Lap:
        cost: Mapping[str, float] = run_fresh(COMMANDS[name])
        peaks[name] = max(cost["peak_rss_mb"], peaks.get(name, 0.0))
        return Lap(cost["wall"], cost["cpu"])

    return start


def imported() -> list[str]:
    """Return which of the heavy modules `gxtool --help` imports."""
    command = [sys.executable, "-c", LOADED, *HEAVY]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stderr.split()


if __name__ == "__main__":
    main()
