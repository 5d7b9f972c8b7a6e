"""Predict rows with each preset's network: the batch that gxtool chooses against fixed batches of 16 to 1,024 rows.

The network is that of the preset with random weights, its input random rows of the family's usual shape; one thread.
All batches must give the same predictions within float resolution. The best fixed batch is known only after all of
them were tried; the ratio says how close the choice comes to it, in CPU time, as the machine is shared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from benchmarks.comparison import OURS, compare
from benchmarks.table import Result, Row, finish, parser
from benchmarks.timing import Lap, medians, take_turns
from gxtool.models.registry import get_family, resolve_config
from gxtool.training.feeding import Rows
from gxtool.training.inference import infer, rows_per_pass
from gxtool.training.machine import Machine

ROWS = {
    "tiny": {("histone", "tiny"): 64, ("proformer", "tiny"): 64},
    "full": {
        ("histone", "convnet"): 2048,
        ("histone", "convnet-published"): 1024,
        ("histone", "attentivechrome"): 1024,
        ("proformer", "cnn"): 1024,
        ("proformer", "legnet-small"): 1024,
    },
}
"""(Family, preset) -> rows that are predicted."""
BATCHES = {"tiny": (16, 64), "full": (16, 32, 64, 128, 256, 512, 1024)}
AT_LEAST = 1 / 1.1
TOLERANCE = 1e-4


def main() -> None:
    """Measure and print."""
    options = parser(__doc__ or "")
    options.add_argument("--preset", action="append", help="only presets of this name (may be repeated)")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    finish(measure(chosen.size, chosen.rounds or 5, chosen.preset), chosen.results)


def measure(size: str, rounds: int, presets: list[str] | None = None) -> Result:
    """Let all batches take turns with each preset, and check that they agree."""
    rows: list[Row] = []
    laps: dict[str, dict[str, list[Lap]]] = {}
    facts: dict[str, Any] = {"threads": torch.get_num_threads()}
    for (family, preset), number in ROWS[size].items():
        if presets and preset not in presets:
            continue
        laps[preset], facts[preset] = measure_preset(family, preset, number, BATCHES[size], rounds)
        rows += rows_of(family, preset, laps[preset], facts[preset], full=size == "full")
    return Result("inference", size, tuple(rows), laps, facts)


def measure_preset(
    name: str, preset: str, number: int, batches: tuple[int, ...], rounds: int
) -> tuple[dict[str, list[Lap]], dict[str, Any]]:
    """Return the laps of every batch, and what was found on the way."""
    family, here = get_family(name), Machine(torch.device("cpu"), 1)
    network = make_network(name, preset)
    rows = Rows(random_rows(name, number), family, np.arange(number))

    def predict(batch: int) -> np.ndarray:
        return infer(network, rows, family, here, batch).predictions

    ours = predict(0)
    differences = {batch: float(np.abs(predict(batch) - ours).max()) for batch in batches}
    assert max(differences.values()) < TOLERANCE, f"{preset}: predictions differ: {differences}"
    contenders = {OURS: lambda: predict(0)} | {str(batch): lambda batch=batch: predict(batch) for batch in batches}
    laps = take_turns(contenders, rounds)
    with torch.inference_mode():
        chosen = rows_per_pass(network, rows.take(np.zeros(1, np.int64)))
    return laps, {"rows": number, "chosen": chosen, "largest_difference": max(differences.values())}


def rows_of(name: str, preset: str, laps: dict[str, list[Lap]], facts: dict[str, Any], full: bool) -> list[Row]:
    """Return the table's rows of one preset: against the best fixed batch, and against the one used before."""
    fixed = {batch: medians(own).cpu for batch, own in laps.items() if batch != OURS}
    best = min(fixed, key=fixed.__getitem__)
    work = f"predict {facts['rows']:,} rows, {name} {preset}, CPU ({facts['chosen']} rows a pass chosen)"
    cpu = {batch: [Lap(one.cpu, one.cpu) for one in own] for batch, own in laps.items()}
    peers = {best: f"the best of {len(fixed)} fixed batches: {best} rows"}
    usual = max(fixed, key=int)
    rows = compare(work, peers, cpu, {best: AT_LEAST} if full else {})
    return rows + compare(work, {usual: f"{usual} rows a pass, as before"}, cpu, {})


def make_network(name: str, preset: str) -> PreTrainedModel:
    """Return a preset's network with random weights."""
    torch.manual_seed(1)
    family = get_family(name)
    section = resolve_config(family, preset, (), ()).model.model_dump()
    model_class = family.load(family.model)
    return model_class(model_class.config_class(**section)).eval()


def random_rows(name: str, number: int) -> dict[str, np.ndarray]:
    """Return arrays as a dataset of the family holds them: read counts, or sequences of 80 bases padded to 100."""
    random = np.random.default_rng(1)
    if name == "histone":
        return {"signal": random.poisson(3.0, (number, 100, 5)).astype(np.float32)}
    tokens = np.full((number, 100), 4, np.uint8)
    tokens[:, 10:90] = random.integers(0, 4, (number, 80))
    return {"tokens": tokens}


if __name__ == "__main__":
    main()
