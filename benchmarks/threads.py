"""A training pass of each preset on one thread and on two: alone, and while another process computes.

Forward and backward of a batch of random rows, by the network with random weights. The row says what the preset's own
number of threads costs beside the other number; a small network that waits for its second thread at every layer loses
most where something else wants that core.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from benchmarks.comparison import OURS, compare
from benchmarks.inference import make_network, random_rows
from benchmarks.table import Result, Row, finish, parser
from benchmarks.timing import Lap, take_turns
from gxtool.models.registry import get_family, resolve_config

PRESETS = {
    "tiny": (("histone", "tiny"), ("proformer", "tiny")),
    "full": (
        ("histone", "convnet"),
        ("histone", "convnet-published"),
        ("histone", "deepchrome"),
        ("histone", "attentivechrome"),
        ("proformer", "cnn"),
        ("proformer", "legnet-small"),
        ("proformer", "legnet"),
        ("proformer", "dream-cnn"),
        ("proformer", "dream-rnn"),
        ("proformer", "small"),
    ),
}
MOST_ROWS = 32
"""Rows of a pass, where the preset's batch has more."""
ONE, TWO = "1 thread", "2 threads"
LABELS = {"histone": np.int64, "proformer": np.float32}
BUSY = "import numpy as np\na = np.ones((300, 300))\nwhile True:\n    a @ a\n"


def main() -> None:
    """Measure and print."""
    chosen = parser(__doc__ or "").parse_args()
    finish(measure(chosen.size, chosen.rounds or 7), chosen.results)


def measure(size: str, rounds: int) -> Result:
    """Let one and two threads take turns with each preset, alone and beside another process."""
    rows: list[Row] = []
    laps: dict[str, dict[str, list[Lap]]] = {}
    facts: dict[str, Any] = {"cores": os.cpu_count()}
    for family, preset in PRESETS[size]:
        config = resolve_config(get_family(family), preset, (), ())
        one_pass, own = training_pass(family, preset, config.training.batch_size), config.resources.threads
        contenders = {ONE: partial(one_pass, 1), TWO: partial(one_pass, 2)}
        for place, busy in ("alone", 0), ("beside a busy process", 1):
            with busy_processes(busy):
                found = take_turns(contenders, rounds, {ONE: 3, TWO: 3})
            default = ONE if own == 1 else TWO
            work = f"training pass of {preset}, CPU, {default} as by default, {place}"
            rows += rows_of(work, own, found, bound=size == "full" and not busy)
            laps[f"{preset}, {place}"] = found
        facts[preset] = {"threads": own, "rows": min(MOST_ROWS, config.training.batch_size)}
    return Result("threads", size, tuple(rows), laps, facts)


def rows_of(work: str, own: int, laps: dict[str, list[Lap]], bound: bool) -> list[Row]:
    """Return the row that sets a preset's own number of threads beside the other one."""
    ours, other = (ONE, TWO) if own == 1 else (TWO, ONE)
    named = {OURS: laps[ours], other: laps[other]}
    # Two threads are chosen for speed: they must not lose to one.
    bounds = {other: 1.0} if bound and own > 1 else {}
    return compare(work, {other: other}, named, bounds)


def training_pass(family: str, preset: str, batch_size: int) -> Callable[[int], None]:
    """Return what runs one forward and backward pass on so many threads."""
    network: PreTrainedModel = make_network(family, preset).train()
    arrays = random_rows(family, min(MOST_ROWS, batch_size))
    labels = np.random.default_rng(2).integers(0, 2, min(MOST_ROWS, batch_size)).astype(LABELS[family])
    batch = {name: torch.from_numpy(values) for name, values in arrays.items()} | {"labels": torch.from_numpy(labels)}

    def run(threads: int) -> None:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        network.zero_grad()
        network(**batch)["loss"].backward()
        torch.set_num_threads(before)

    run(1)
    return run


@contextmanager
def busy_processes(number: int) -> Iterator[None]:
    """Keep so many cores busy meanwhile."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    processes = [subprocess.Popen([sys.executable, "-c", BUSY], env=environment) for _ in range(number)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
