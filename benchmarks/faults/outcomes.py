"""What became of one disturbed piece of work, and how many of each kind there were."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

IDENTICAL = "identical after a second try"
UNTOUCHED = "had ended before the fault, identical"
FAILED = "FAILED"
KINDS = (IDENTICAL, UNTOUCHED, FAILED)
FAULTS = ("SIGKILL", "SIGTERM", "SIGINT", "full disk")
# An exit status of the shell's convention for each signal; Python reports a death by signal as a negative number.
STATUSES = {"SIGKILL": (-9, 137), "SIGTERM": (143,), "SIGINT": (130,), "full disk": (3,)}


@dataclass(frozen=True)
class Outcome:
    """One fault: what it hit (family and stage), which it was, when (share of an undisturbed run), and how it ended."""

    work: str
    fault: str
    moment: float
    kind: str
    detail: str = ""


def contents(folder: Path) -> dict[str, str]:
    """Return relative path -> SHA-256 of every manifest below a folder; pages, which show times, are whole or cut."""
    chosen = [*folder.rglob("manifest.json"), *folder.rglob("report.html")]
    return {
        str(path.relative_to(folder)): _said(path)
        for path in sorted(chosen)
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def _said(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix == ".html":
        return "whole" if content.rstrip().endswith(b"</html>") else "cut"
    return hashlib.sha256(content).hexdigest()


def sentence_problem(stderr: str) -> str:
    """Return what is wrong with the way a failure was said: a traceback, no sentence, several; empty: nothing."""
    if "Traceback (most recent call last)" in stderr:
        return "a traceback"
    said = [line for line in stderr.splitlines() if line.startswith("gxtool: error: ")]
    return "" if len(said) == 1 else f"{len(said)} sentences"


def table(outcomes: Sequence[Outcome]) -> str:
    """Return a Markdown table: a row per piece of work and fault, a column per kind of ending."""
    lines = [f"| work | fault | times | {' | '.join(KINDS)} |", f"| --- | --- | ---: |{' ---: |' * len(KINDS)}"]
    for work in dict.fromkeys(outcome.work for outcome in outcomes):
        for fault in dict.fromkeys(outcome.fault for outcome in outcomes if outcome.work == work):
            hit = [outcome.kind for outcome in outcomes if (outcome.work, outcome.fault) == (work, fault)]
            lines.append(f"| {work} | {fault} | {len(hit)} | {' | '.join(str(hit.count(kind)) for kind in KINDS)} |")
    return "\n".join(lines)


def save(outcomes: Sequence[Outcome], path: Path) -> None:
    """Write outcomes as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(vars(outcome)) + "\n" for outcome in outcomes), encoding="utf-8")


def load(path: Path) -> list[Outcome]:
    """Read outcomes back; none where there is no file."""
    if not path.is_file():
        return []
    return [Outcome(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
