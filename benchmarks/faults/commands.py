"""Faults in single commands: each stage is killed, stopped or left without disk at a random moment, and run again.

What must be true: a command that a fault ended says so by its exit status and in one sentence at most, leaves its
output absent or complete, and the same command typed again makes artifacts of the same ids and leaves nothing behind.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.outcomes import (
    FAILED,
    FAULTS,
    IDENTICAL,
    STATUSES,
    UNTOUCHED,
    Outcome,
    contents,
    sentence_problem,
)
from gxtool.models.registry import get_family

SETTINGS = ("--set", "training.epochs=3", "--set", "perturb.map_rows=20", "--set", "perturb.max_rows=60")
PATIENCE_SECONDS = 600


@dataclass(frozen=True)
class Stage:
    """A command without its output: name, arguments (paths relative to the reference folder), and its output's name."""

    family: str
    name: str
    arguments: tuple[str, ...]
    output: str

    @property
    def work(self) -> str:
        """Return what the table calls it."""
        return f"{self.family}: {self.name}"

    @property
    def key(self) -> tuple[str, str]:
        """Return what tells it from every other stage."""
        return self.family, self.output


def stages(family: str) -> list[Stage]:
    """Return a family's stages in order; each reads what those before it wrote."""
    fitted = ("--model", family, "--preset", "tiny", *SETTINGS[:2])
    listed = [
        Stage(
            family, "preprocess", ("--model", family, "--preset", "tiny", "--input", "sim/samplesheet.csv"), "examples"
        ),
        Stage(family, "tokenize", ("--model", family, "--preset", "tiny", "--input", "examples"), "dataset"),
        Stage(family, "train", (*fitted, "--seeds", "2", "--input", "dataset"), "models"),
        Stage(family, "evaluate", ("--checkpoint", "models", "--input", "dataset"), "evaluation"),
        Stage(family, "perturb", ("--checkpoint", "models", "--input", "dataset", *SETTINGS[2:]), "effects"),
        Stage(family, "predict", ("--checkpoint", "models", "--input", "dataset"), "predictions"),
        Stage(family, "compare", ("--input", "evaluation"), "comparison"),
        Stage(family, "report", ("--input", "evaluation", "--input", "effects", "--input", "comparison"), "report"),
    ]
    if get_family(family).design:
        few = ("--set", "design.starts=2", "--set", "design.max_edits=2")
        judged = ("--checkpoint", "models", "--judge", "judges", "--input", "dataset", *few)
        listed.append(
            Stage(family, "train", (*fitted, "--seeds", "3,", "--name", "judge", "--input", "dataset"), "judges")
        )
        listed.append(Stage(family, "design", judged, "designs"))
    return listed


class Campaign:
    """A folder with everything made undisturbed once, and what each stage then wrote and took."""

    def __init__(self, folder: Path, families: tuple[str, ...], seed: int) -> None:
        self.folder, self.random = folder, random.Random(seed)
        self.stages = [stage for family in families for stage in stages(family)]
        self.expected: dict[tuple[str, str], dict[str, str]] = {}
        self.seconds: dict[tuple[str, str], float] = {}
        self.bytes: dict[tuple[str, str], int] = {}

    def prepare(self) -> None:
        """Run every stage undisturbed, remembering ids, time and size."""
        for stage in self.stages:
            base = self.folder / stage.family
            base.mkdir(parents=True, exist_ok=True)
            if not (base / "sim").exists():
                _run(["simulate", "--model", stage.family, "--output", "sim"], base)
            start = time.monotonic()
            done = _run(self._command(stage, Path(stage.output)), base)
            if done.returncode:
                raise RuntimeError(f"{stage.work} fails undisturbed: {done.stderr.strip()[-500:]}")
            self.seconds[stage.key] = time.monotonic() - start
            self.expected[stage.key] = contents(base / stage.output)
            self.bytes[stage.key] = sum(p.stat().st_size for p in (base / stage.output).rglob("*") if p.is_file())

    def _command(self, stage: Stage, output: Path) -> list[str]:
        return [stage.name, *stage.arguments, "--output", str(output)]

    def trials(self, count: int) -> Iterator[Outcome]:
        """Disturb stages in turn, each time at another moment, the faults in turn too."""
        for number in range(count):
            stage = self.stages[number % len(self.stages)]
            fault = FAULTS[(number + number // len(self.stages)) % len(FAULTS)]
            yield self.trial(stage, fault, self.random.uniform(0.05, 1.0))

    def trial(self, stage: Stage, fault: str, moment: float) -> Outcome:
        """Disturb one command, run it again, and say how it ended."""
        with _scratch(self.folder / "trial", fault, round(moment * self.bytes[stage.key])) as (place, mend):
            output = place / stage.output
            first = self._disturbed(stage, output, fault, moment)
            detail = self._problem_after_fault(stage, output, fault, first)
            mend()
            again = (
                None if self._whole(stage, output) else _run(self._command(stage, output), self.folder / stage.family)
            )
            if not detail and again is not None and again.returncode:
                detail = f"second try: exit {again.returncode}: {again.stderr.strip()[-300:]}"
            if not detail and not self._whole(stage, output):
                detail = "second try: other ids"
            left = sorted(path.name for path in place.iterdir() if path.name != stage.output)
            if not detail and left:
                detail = f"left behind: {', '.join(left)}"
        kind = FAILED if detail else UNTOUCHED if first.returncode == 0 else IDENTICAL
        return Outcome(stage.work, fault, round(moment, 3), kind, detail)

    def _disturbed(self, stage: Stage, output: Path, fault: str, moment: float) -> subprocess.CompletedProcess:
        command = _words(self._command(stage, output))
        process = subprocess.Popen(
            command, cwd=self.folder / stage.family, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        if fault != "full disk":
            try:
                process.wait(moment * self.seconds[stage.key])
            except subprocess.TimeoutExpired:
                process.send_signal(getattr(signal, fault))
        _, stderr = process.communicate(timeout=PATIENCE_SECONDS)
        return subprocess.CompletedProcess(command, process.returncode, "", stderr)

    def _problem_after_fault(self, stage: Stage, output: Path, fault: str, first: subprocess.CompletedProcess) -> str:
        """Return what is wrong with how a command ended under a fault, or with what it left; empty: nothing."""
        if first.returncode == 0:
            return "" if self._whole(stage, output) else "exit 0 with other ids or without a whole output"
        if first.returncode not in STATUSES[fault]:
            # Before Python has installed its handlers a signal ends the process in the system's own way.
            number = getattr(signal, fault, None)
            if number is None or first.returncode != -number:
                return f"exit {first.returncode}: {first.stderr.strip()[-300:]}"
        problem = sentence_problem(first.stderr) if fault == "full disk" else ""
        if "Traceback (most recent call last)" in first.stderr:
            problem = f"a traceback: {first.stderr.strip()[-300:]}"
        done = contents(output)
        if not problem and any(self.expected[stage.key].get(name) != value for name, value in done.items()):
            problem = "what it left is not what an undisturbed run makes"
        return problem

    def _whole(self, stage: Stage, output: Path) -> bool:
        return contents(output) == self.expected[stage.key]


@contextmanager
def _scratch(folder: Path, fault: str, room: int) -> Iterator:
    """Give an empty folder, on a disk of `room` bytes for a full disk, and a function that makes the room large."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if fault != "full disk":
        yield folder, lambda: None
        shutil.rmtree(folder)
        return
    pages = max(8, room // 4096)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={pages * 4096}", "tmpfs", folder], check=True)
    try:
        yield folder, lambda: subprocess.run(["mount", "-o", "remount,size=4g", folder], check=True)
    finally:
        subprocess.run(["umount", folder], check=True)


def _words(command: list[str]) -> list[str]:
    return [str(Path(sys.executable).parent / "gxtool"), *command]


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        _words(command), cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )
