"""Rows of the benchmark table, their JSON and their Markdown; and what is said of the machine."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gxtool.io.runtime import package_versions

RESULTS = Path(__file__).resolve().parent / "results"
PACKAGES = ("gxtool", "numpy", "polars", "torch", "transformers", "accelerate", "typer")
NOT_MEASURED = "not measured"
_HEAD = ("work", "peer", "peer's", "ours", "ratio", "of CPU time", "bound")


@dataclass(frozen=True)
class Row:
    """One line: what is done, by which peer, what each needs, and what is demanded.

    `ratio` and `cpu_ratio` say how many times more the peer needs. `at_least` bounds the ratio, `at_most` our value.
    `ours` is None where nobody measured it.
    """

    work: str
    peer: str = ""
    unit: str = "s"
    theirs: float | None = None
    ours: float | None = None
    ratio: float | None = None
    cpu_ratio: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def lacks_peer(self) -> bool:
        """Say whether ours was measured and the peer was not: its environment could not be made."""
        return bool(self.peer) and self.theirs is None and self.ours is not None

    @property
    def met(self) -> bool | None:
        """Say whether the bound holds; None without a bound or a measurement."""
        if self.at_least is not None and self.ratio is not None:
            return self.ratio >= self.at_least
        if self.at_most is not None and self.ours is not None:
            return self.ours <= self.at_most
        return None

    def cells(self) -> tuple[str, ...]:
        """Return the texts of the table's columns."""
        ours = NOT_MEASURED if self.ours is None else f"{_number(self.ours)} {self.unit}"
        theirs = f"{_number(self.theirs)} {self.unit}" if self.theirs is not None else ""
        theirs = f"**{NOT_MEASURED}**" if self.lacks_peer else theirs
        bound = ""
        if self.at_least is not None:
            bound = f"≥ {self.at_least:g}x"
        elif self.at_most is not None:
            bound = f"≤ {self.at_most:,g} {self.unit}"
        if self.met is False:
            bound += " (missed)"
        return self.work, self.peer, theirs, ours, _times(self.ratio), _times(self.cpu_ratio), bound


@dataclass(frozen=True)
class Result:
    """What one benchmark found in one run; `laps` are all single measurements, `facts` what else is worth knowing."""

    name: str
    size: str
    rows: tuple[Row, ...]
    laps: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=lambda: package_versions(PACKAGES))
    machine: str = field(default_factory=lambda: describe_machine())
    python: str = field(default_factory=platform.python_version)
    date: str = field(default_factory=lambda: datetime.date.today().isoformat())

    def write(self, folder: Path) -> Path:
        """Write the result as JSON, numbers rounded to 5 digits."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        text = json.dumps(_rounded(asdict(self)), indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
        return path


def read_result(path: Path) -> Result:
    """Read what `Result.write` wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return Result(**{**content, "rows": tuple(Row(**row) for row in content["rows"])})


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = [_HEAD, tuple("---" for _ in _HEAD), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def describe_machine() -> str:
    """Return the processor's model, the cores this process may use, and the memory (GiB)."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {cores} cores, {memory:.0f} GiB"


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--size", choices=("tiny", "full"), default="full", help="tiny shows that both sides agree")
    made.add_argument("--rounds", type=int, default=0, help="turns of each contender (0: as many as the size needs)")
    made.add_argument("--results", type=Path, default=None, help="folder for the JSON (default: benchmarks/results)")
    made.add_argument(
        "--folder", type=Path, default=None, help="existing folder for inputs and outputs (default: temporary)"
    )
    return made


def finish(result: Result, folder: Path | None) -> None:
    """Print the table of one benchmark and write its JSON; only full-size results go where the README looks."""
    print(markdown(result.rows))
    for row in result.rows:
        if row.lacks_peer:
            print(f"NOT MEASURED: {row.work}: {row.peer}", file=sys.stderr)
    if folder or result.size == "full":
        result.write(folder or RESULTS)


def _number(value: float) -> str:
    """Show three significant digits, whole numbers in full."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _times(value: float | None) -> str:
    return "" if value is None else f"{_number(value)}x"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value
