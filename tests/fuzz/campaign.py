"""Damage files and read them: `python tests/fuzz/campaign.py --minutes 5` for long, a few hundred cases in the tests.

A parser returns or raises one of gxtool's errors with a sentence of one line and at most 2,000 characters; it never
raises anything else, never waits, and never takes memory that its input does not explain. Each case is made by its own
seed, `PARSER SEED`, so that it can be repeated; inputs that fail are kept in a folder.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from mutations import damaged
from parsers import Parser, parsers

from gxtool.errors import GxtoolError

SECONDS = 20
MOST_MEMORY = 500 << 20
"""Bytes that the largest resident set may grow by in one case; inputs have 256 KiB at most."""
LONGEST_MESSAGE = 2000
BATCH = 400


class HangError(Exception):
    """A case that took too long."""


def try_case(parser: Parser, seed: int, folder: Path) -> str:
    """Read one damaged file, kept in `folder`, and return what is wrong with how the parser took it; empty: nothing."""
    rng = random.Random(seed)
    name = rng.choice(sorted(parser.files))
    path = folder / name
    path.write_bytes(damaged(parser.files[name], rng))
    before = _peak()
    try:
        with _limit(SECONDS):
            parser.read(path)
    except GxtoolError as error:
        text = str(error)
        if not text or "\n" in text or len(text) > LONGEST_MESSAGE:
            return f"a message of {len(text)} characters and {text.count(chr(10)) + 1} lines: {text[:300]!r}"
    except HangError:
        return f"no answer in {SECONDS} seconds"
    except BaseException:
        return traceback.format_exc()
    grown = _peak() - before
    return f"took {grown >> 20} MiB" if grown > MOST_MEMORY else ""


def run_batch(name: str, first: int, count: int, kept: Path) -> int:
    """Try `count` cases of one parser, keep those that fail below `kept`, and return their number."""
    failures = 0
    with tempfile.TemporaryDirectory() as scratch:
        parser = parsers(Path(scratch))[name]
        for seed in range(first, first + count):
            folder = kept / f"{name.replace(' ', '-')}-{seed}"
            folder.mkdir(parents=True, exist_ok=True)
            if fault := try_case(parser, seed, folder):
                failures += 1
                (folder / "FAULT.txt").write_text(f"{name} {seed}\n{fault}\n", encoding="utf-8")
            else:
                shutil.rmtree(folder)
    return failures


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise HangError

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def main() -> int:
    """Run until the time is over, each batch in a process of its own, which may die; return 1 where a case failed."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--minutes", type=float, default=5)
    options.add_argument("--seed", type=int, default=int(time.time()))
    options.add_argument("--keep", type=Path, default=Path(".fuzz"), help="folder of the inputs that fail")
    options.add_argument("--only", default="", help="one parser")
    options.add_argument("--batch", nargs=3, metavar=("PARSER", "FIRST", "COUNT"), help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.batch:
        name, first, count = given.batch
        return int(run_batch(name, int(first), int(count), given.keep) > 0)
    with tempfile.TemporaryDirectory() as scratch:
        names = [name for name in parsers(Path(scratch)) if given.only in ("", name)]
    print(f"fuzz: seed {given.seed}, {given.minutes:g} minutes, {len(names)} parsers; failures go to {given.keep}")
    end, first, cases = time.monotonic() + 60 * given.minutes, given.seed, 0
    while time.monotonic() < end:
        for name in names:
            if time.monotonic() >= end:
                break
            command = [sys.executable, __file__, "--keep", str(given.keep), "--batch", name, str(first), str(BATCH)]
            try:
                code = subprocess.run(command, timeout=600, check=False).returncode
            except subprocess.TimeoutExpired:
                code = 1
            if code not in (0, 1):
                print(f"fuzz: {name}: the process died with {code} between seeds {first} and {first + BATCH}")
            cases += BATCH
        first += BATCH
    failures = sorted(given.keep.glob("*/")) if given.keep.is_dir() else []
    print(f"fuzz: {cases} cases, {len(failures)} failures" + "".join(f"\n  {folder}" for folder in failures))
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
