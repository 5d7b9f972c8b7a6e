"""Measure whether verdicts hold: false positives and coverage of `gxtool.measure`'s own layer, by simulation.

nice -n 19 python -m benchmarks.calibration                     # all parts, about an hour on one core
python -m benchmarks.calibration --part coverage --simulations 300
python -m benchmarks.calibration --stored                       # print the tables of the stored results

Results are written after every cell; cells that have enough simulations are not simulated again. A cell outside its
bounds is repeated with 10,000 simulations before it counts.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.null import Cell, batches, runs, true_score
from benchmarks.table import RESULTS
from gxtool.measure.jackknife import estimate_difference, estimate_score, interval

REPEATED = 10_000
ALPHA = 0.05
SHARED = (0.0, 0.3, 0.6, 0.9)
Measured = Mapping[str, float]
Measure = Callable[[int], Measured]


def false_positive_cells() -> Iterator[Cell]:
    """Return DESIGN's grid; one seed stands for two fixed models, whose seeds do not vary."""
    for samples, shared, seeds, metric, seed_sd, units in product(
        (1, 3, 6, 10, 56), SHARED, (1, 3, 5), ("pearson", "auroc"), (0.0, 1.0, 4.0), (100, 30)
    ):
        if seeds > 1 or seed_sd == 0:
            yield Cell(metric, units, samples, seeds, shared, seed_sd)


def new_sample_cells() -> Iterator[Cell]:
    """Return the grid of verdicts about samples not seen."""
    for samples, shared, seeds, metric, sample_sd, units in product(
        (6, 10), SHARED, (1, 3), ("pearson", "auroc"), (0.0, 1.0, 4.0), (100, 30)
    ):
        yield Cell(metric, units, samples, seeds, shared, 1.0 if seeds > 1 else 0.0, sample_sd)


def false_positives(cell: Cell, simulations: int, new_samples: bool = False) -> Measured:
    """Return how often two runs that are drawn alike differ at 5 %."""
    generator = np.random.default_rng([simulations, *cell.name.encode()])
    found, tested = 0, 0
    for size in batches(cell, simulations):
        p_values = estimate_difference(*runs(cell, size, generator), new_samples=new_samples).p_value
        found, tested = found + int((p_values < ALPHA).sum()), tested + int(np.isfinite(p_values).sum())
    return {"simulations": simulations, "tested": tested, "rate": found / tested}


STRENGTHS = {"weak": 0.3, "as above": 1.0, "strong": 3.0}
COVERED = ("pearson", "spearman", "auroc", "auprc", "accuracy", "mse", "r2_score")


def coverage(cell: Cell, simulations: int, strength: float) -> Measured:
    """Return how often the 95 % interval of a single score holds the population's score."""
    generator = np.random.default_rng([simulations, int(10 * strength), *cell.name.encode()])
    truth, inside, made = population_score(cell.metric, strength), 0, 0
    for size in batches(cell, simulations):
        low, high = interval(cell.metric, estimate_score(*runs(cell, size, generator, 1, strength)), 1 - ALPHA)
        inside, made = inside + int(((low <= truth) & (truth <= high)).sum()), made + int(np.isfinite(low).sum())
    return {"simulations": simulations, "tested": made, "rate": inside / made, "truth": truth}


@cache
def population_score(metric: str, strength: float) -> float:
    """Return the score of infinitely many units: in closed form, or of 4 million."""
    if metric in ("pearson", "auroc"):
        return float(true_score(metric, np.array(strength)))
    generator = np.random.default_rng(7)
    # Spearman's closed form sorts row by row, the others take the same blocks.
    cells = [runs(Cell(metric, 20_000, 1), 1, generator, 1, strength)[0].scores.mean() for _ in range(200)]
    return float(np.mean(cells))


def coverage_cells() -> Iterator[tuple[str, Cell, float]]:
    """Return (name, cell, strength of the prediction) of every coverage that is measured."""
    for metric, units, samples, strength in product(COVERED, (30, 100, 300), (1, 3), STRENGTHS):
        cell = Cell(metric, units, samples, shared=0.6)
        yield f"{metric}, {units} units, {samples} samples, {strength}", cell, STRENGTHS[strength]


# Bounds on the rate of each part, by number of units.
def bounds(part: str, units: int) -> tuple[float, float]:
    """Return the lowest and highest rate that the design allows."""
    if part == "coverage":
        return (0.93, 0.97) if units >= 100 else (0.92, 0.98)
    return 0.0, 0.07


def jobs(part: str) -> Iterator[tuple[str, int, Measure]]:
    """Return (name, units, function of the number of simulations) of every cell of a part."""
    if part == "coverage":
        for name, cell, strength in coverage_cells():
            yield name, cell.units, lambda n, c=cell, s=strength: coverage(c, n, s)
        return
    new = part == "new samples"
    for cell in new_sample_cells() if new else false_positive_cells():
        yield cell.name, cell.units, lambda n, c=cell: false_positives(c, n, new)


PARTS = ("false positives", "new samples", "coverage")


def main() -> None:
    """Simulate what is missing, or print what is there."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--part", choices=PARTS, action="append", help="this part (may be repeated)")
    options.add_argument("--simulations", type=int, default=2000, help="a cell")
    options.add_argument("--results", type=Path, default=RESULTS / "calibration.json")
    options.add_argument("--stored", action="store_true", help="print what is stored and simulate nothing")
    chosen = options.parse_args()
    if not chosen.stored:
        for part in chosen.part or PARTS:
            simulate(part, chosen.simulations, chosen.results)


def simulate(part: str, simulations: int, path: Path) -> None:
    """Simulate the cells of a part that have fewer simulations than asked for, and those out of bounds once more."""
    for name, units, measure in jobs(part):
        results = stored(path)
        cells = results.setdefault(part, {})
        if cells.get(name, {}).get("simulations", 0) >= simulations:
            continue
        cells[name] = {"units": units, **measure(simulations)}
        low, high = bounds(part, units)
        if not low <= cells[name]["rate"] <= high and simulations < REPEATED and simulations >= 2000:
            cells[name] = {"units": units, "first": cells[name]["rate"], **measure(REPEATED)}
        print(f"{part}: {name}: {cells[name]}", file=sys.stderr)
        write(results, path)


def stored(path: Path) -> dict[str, Any]:
    """Read the results, {part: {cell: what was measured}}; empty when there are none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def write(results: Mapping[str, Any], path: Path) -> None:
    """Replace the file as a whole, so that a stop in between leaves the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(results, indent=0) + "\n", encoding="utf-8")
    os.replace(new, path)


if __name__ == "__main__":
    main()
