"""Run the campaign and print its table, which docs/reliability.md shows.

python -m benchmarks.faults                                       # as in docs/reliability.md, some hours on two cores
python -m benchmarks.faults --commands 16 --tasks 0 --heads 0     # minutes
python -m benchmarks.faults --stored                              # print the table of what was measured

Full disks need root: they are small file systems in memory.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.faults.commands import Campaign
from benchmarks.faults.outcomes import FAILED, Outcome, load, save, table
from benchmarks.faults.pipeline import PipelineCampaign
from benchmarks.table import RESULTS

FAMILIES = ("histone", "proformer")
STORED = RESULTS / "faults.jsonl"


def main() -> int:
    """Disturb, print, and return 1 where anything failed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--commands", type=int, default=150, help="single commands to disturb")
    options.add_argument("--tasks", type=int, default=40, help="tasks of the pipeline to disturb")
    options.add_argument("--heads", type=int, default=10, help="head processes to kill")
    options.add_argument("--seed", type=int, default=1, help="seed of the moments")
    options.add_argument("--results", type=Path, default=STORED, help="JSON lines to write")
    options.add_argument("--stored", action="store_true", help="print what is stored and disturb nothing")
    chosen = options.parse_args()
    outcomes = load(chosen.results)
    if not chosen.stored:
        with tempfile.TemporaryDirectory(prefix="gxtool-faults-") as scratch:
            outcomes = []
            for outcome in _outcomes(chosen, Path(scratch)):
                outcomes.append(outcome)
                save(outcomes, chosen.results)
                what = f"{outcome.work}, {outcome.fault} at {outcome.moment}"
                print(f"{len(outcomes)}: {what}: {outcome.kind} {outcome.detail}", file=sys.stderr)
    print(table(outcomes))
    return int(any(outcome.kind == FAILED for outcome in outcomes))


def _outcomes(chosen: argparse.Namespace, scratch: Path) -> Iterator[Outcome]:
    parts: list[tuple[int, Callable[[int], Iterator[Outcome]], Callable[[], None]]] = []
    commands = Campaign(scratch / "commands", FAMILIES, chosen.seed)
    pipeline = PipelineCampaign(scratch / "pipeline", FAMILIES, chosen.seed)
    parts.append((chosen.commands, commands.trials, commands.prepare))
    parts.append((chosen.tasks, pipeline.tasks, pipeline.prepare))
    parts.append((chosen.heads, pipeline.heads, (lambda: None) if chosen.tasks else pipeline.prepare))
    for count, trials, prepare in parts:
        if count:
            prepare()
            yield from trials(count)


if __name__ == "__main__":
    sys.exit(main())
