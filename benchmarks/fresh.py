"""Run a command in a fresh process and say what it cost: wall time, CPU time and largest resident set.

A process inherits its parent's size at birth, and the kernel counts that as its own peak. So this file is also a small
program that stands in between: it imports next to nothing and starts the command.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run_fresh(command: list[str]) -> dict[str, float]:
    """Run a command from the repository's folder; return `wall`, `cpu` (s) and `peak_rss_mb`.

    Raises:
        RuntimeError: the command failed; the message ends with its last lines.
    """
    between = [sys.executable, "-S", __file__, *command]
    done = subprocess.run(between, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Start the command given as arguments, with its output hidden, and print what it cost as JSON."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    start = time.perf_counter()
    process = os.posix_spawnp(
        sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, nothing, sys.stdout.fileno())]
    )
    _, status, used = os.wait4(process, 0)
    wall = time.perf_counter() - start
    code = os.waitstatus_to_exitcode(status)
    scale = 1 if sys.platform == "darwin" else 1024
    cost = {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "peak_rss_mb": used.ru_maxrss * scale / 1e6}
    print(json.dumps(cost))
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
