"""Faults in the pipeline: tasks are hit while Nextflow runs, and the head process is killed and resumed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.faults.outcomes import FAILED, IDENTICAL, UNTOUCHED, Outcome, contents
from benchmarks.fresh import ROOT

STAGES = ("preprocess", "tokenize", "train", "evaluate", "perturb", "compare", "report")
SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT")
ARGUMENTS = ("--preset", "tiny", "--seeds", "1", "--set", "training.epochs=3;perturb.map_rows=20;perturb.max_rows=60")
PATIENCE_SECONDS = 1200
EACH_RUN = 4
"""Tasks that are hit in one run of the pipeline."""


class PipelineCampaign:
    """A folder with the inputs of each family, and what an undisturbed run of the pipeline makes of them."""

    def __init__(self, folder: Path, families: tuple[str, ...], seed: int) -> None:
        self.folder, self.families, self.random = folder, families, random.Random(seed)
        self.expected: dict[str, dict[str, str]] = {}
        self.seconds: dict[str, float] = {}

    def prepare(self) -> None:
        """Run the pipeline undisturbed once for each family."""
        for family in self.families:
            place = self._fresh(f"{family}-undisturbed")
            start = time.monotonic()
            process = self._start(family, place)
            said, _ = process.communicate(timeout=PATIENCE_SECONDS)
            if process.returncode:
                raise RuntimeError(f"{family}: the pipeline fails undisturbed: {said[-1000:]}")
            self.seconds[family] = time.monotonic() - start
            self.expected[family] = contents(place / "results")

    def tasks(self, count: int) -> Iterator[Outcome]:
        """Hit tasks, some in each run; what a run does not mend by itself, -resume must."""
        for number in range(-(-count // EACH_RUN)):
            family = self.families[number % len(self.families)]
            place = self._fresh("tasks")
            process = self._start(family, place)
            wanted = [
                STAGES[(number * EACH_RUN + n) % len(STAGES)] for n in range(min(EACH_RUN, count - number * EACH_RUN))
            ]
            hits = self._hit(process, place, wanted, SIGNALS[number % len(SIGNALS)])
            said, _ = process.communicate(timeout=PATIENCE_SECONDS)
            detail = self._mended(family, place, said)
            for stage, moment in hits.items():
                kind = FAILED if detail else UNTOUCHED if moment is None else IDENTICAL
                yield Outcome(f"{family}: task {stage}", SIGNALS[number % len(SIGNALS)], moment or 0.0, kind, detail)

    def heads(self, count: int) -> Iterator[Outcome]:
        """Kill Nextflow itself at a random moment and resume at once, while tasks may still be running."""
        for number in range(count):
            family = self.families[number % len(self.families)]
            fault = SIGNALS[number % len(SIGNALS)]
            moment = self.random.uniform(0.15, 0.95)
            place = self._fresh("head")
            process = self._start(family, place)
            try:
                process.wait(moment * self.seconds[family])
            except subprocess.TimeoutExpired:
                for head in _processes(place, lambda words: b"nextflow.cli.Launcher" in words):
                    os.kill(head, getattr(signal, fault))
            said, _ = process.communicate(timeout=PATIENCE_SECONDS)
            untouched = process.returncode == 0
            detail = self._mended(family, place, said, resume=not untouched)
            kind = FAILED if detail else UNTOUCHED if untouched else IDENTICAL
            yield Outcome(f"{family}: head process", fault, round(moment, 3), kind, detail)

    def _mended(self, family: str, place: Path, said: str, resume: bool = False) -> str:
        """Resume where a run did not end well, and return what is wrong in the end; empty: nothing."""
        if resume or contents(place / "results") != self.expected[family]:
            process = self._start(family, place, "-resume")
            said, _ = process.communicate(timeout=PATIENCE_SECONDS)
            if process.returncode:
                return f"-resume fails: {said[-500:]}"
        found, expected = contents(place / "results"), self.expected[family]
        other = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        return f"other ids: {', '.join(other)}" if other else ""

    def _hit(self, process: subprocess.Popen, place: Path, wanted: list[str], fault: str) -> dict[str, float | None]:
        """Signal the first process of each wanted stage a moment after it started; return stage -> that moment (s)."""
        hits: dict[str, float | None] = dict.fromkeys(wanted)
        while process.poll() is None and None in hits.values():
            for stage in [stage for stage, moment in hits.items() if moment is None]:
                for task in _processes(place, partial(_is_stage, stage)):
                    moment = self.random.uniform(0.0, 6.0)
                    time.sleep(moment)
                    try:
                        os.kill(task, getattr(signal, fault))
                    except ProcessLookupError:
                        moment = 0.0
                    hits[stage] = round(moment, 2)
                    break
            time.sleep(0.02)
        return hits

    def _fresh(self, name: str) -> Path:
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        return place

    def _start(self, family: str, place: Path, *more: str) -> subprocess.Popen:
        command = [ROOT / "nextflow", "run", ROOT, "--model", family, *ARGUMENTS, *more]
        environment = {**os.environ, "NXF_ANSI_LOG": "false"}
        return subprocess.Popen(
            command,
            cwd=place,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )


def _is_stage(stage: str, words: Sequence[bytes]) -> bool:
    return stage.encode() in words and b"--output" in words


def _processes(below: Path, chosen: Callable[[Sequence[bytes]], bool]) -> list[int]:
    """Return the ids of Python and Java processes that work below a folder and whose words are chosen."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            inside = (process / "cwd").resolve().is_relative_to(below)
        except OSError:  # it ended while we looked
            continue
        if inside and words[0].rpartition(b"/")[2].startswith((b"python", b"java")) and chosen(words):
            found.append(int(process.name))
    return found
