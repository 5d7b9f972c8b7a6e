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
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t

from benchmarks.calibration_table import tables
from benchmarks.null import Cell, batches, runs, true_score
from benchmarks.table import RESULTS
from gxtool.measure.evidence import Evidence, LabelFacts, Predictions, Rows, Scored, scored
from gxtool.measure.jackknife import estimate_difference, estimate_score, interval
from gxtool.measure.metrics import find_metric
from gxtool.measure.verdict import judge

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
    """Return the score of infinitely many units: in closed form, or of a million."""
    if metric in ("pearson", "auroc"):
        return float(true_score(metric, np.array(strength)))
    generator = np.random.default_rng(7)
    # In blocks of 20,000, whose bias is a hundredth of the standard error of 300 units.
    cells = [runs(Cell(metric, 20_000, 1), 1, generator, 1, strength)[0].scores.mean() for _ in range(50)]
    return float(np.mean(cells))


def coverage_cells() -> Iterator[tuple[str, Cell, float]]:
    """Return (name, cell, strength of the prediction) of every coverage that is measured."""
    for metric, units, samples, strength in product(COVERED, (30, 100, 300), (1, 3), STRENGTHS):
        cell = Cell(metric, units, samples, shared=0.6)
        yield f"{metric}, {units} units, {samples} samples, {strength}", cell, STRENGTHS[strength]


def equal_baselines(cell: Cell, simulations: int) -> Measured:
    """Return how often a model is called better or worse than six baselines that are as good as it is."""
    generator = np.random.default_rng([simulations, *cell.name.encode()])
    metric, samples = find_metric(cell.metric), tuple(f"s{i}" for i in range(cell.samples))
    constants, units = (metric.chance or 0.0,) * cell.samples, (cell.units,) * cell.samples
    facts = LabelFacts(samples, (), cell.units, constants, True, units, cell.units, (None,) * cell.samples)
    counts: Counter[str] = Counter()
    for size in batches(cell, simulations):
        together = runs(cell, size, generator, n_runs=7)
        for i in range(size):
            model, *baselines = (
                Scored(str(run), metric, facts, _one(evidence, i)) for run, evidence in enumerate(together)
            )
            counts[judge(model, baselines).verdict] += 1
    shares = {verdict: counts[verdict] / simulations for verdict in (*sorted(counts), "better", "worse")}
    return {"simulations": simulations, "rate": shares["better"] + shares["worse"], **shares}


def _one(evidence: Evidence, i: int) -> Evidence:
    """Return one of the tables that were simulated together."""
    parts = (evidence.scores, evidence.effects, evidence.seed_noise, evidence.joint_noise)
    return Evidence(*(part[i] for part in parts), evidence.sample_units, evidence.n_units)


def baseline_cells() -> Iterator[Cell]:
    """Return the settings in which a model meets six equal baselines."""
    for metric, (units, samples) in product(("pearson", "auroc"), ((30, 1), (100, 1), (400, 1), (100, 3))):
        yield Cell(metric, units, samples, shared=0.6)


def ten_errors() -> dict[str, Measured]:
    """Return the p-value of ten standard errors among 190 comparisons, by degrees of freedom."""
    return {f"{df} degrees of freedom": {"p": min(1.0, 190 * float(2 * t.sf(10, df)))} for df in (2, 4, 8, 29)}


def timing() -> dict[str, Measured]:
    """Return the CPU time (s) from predictions to the judgement of the first predictor against all others."""
    found = {}
    for metric, samples, predictors in (("pearson", 10, 9), ("auroc", 10, 9), ("pearson", 50, 5), ("auroc", 50, 5)):
        generator = np.random.default_rng(0)
        names = np.tile([f"ENSG{i:011d}" for i in range(18_000)], samples)
        of_sample = np.repeat([f"E{i:03d}" for i in range(samples)], 18_000)
        labels = generator.standard_normal(names.size)
        given = [labels + generator.standard_normal((1, names.size)) for _ in range(predictors)]
        start = time.process_time()
        rows = Rows.of(labels > 0 if metric == "auroc" else labels, names, of_sample)
        arranged = time.process_time()
        model, *baselines = (scored(rows, Predictions(str(i), own), metric) for i, own in enumerate(given))
        judge(model, baselines)
        seconds = {"arranging": arranged - start, "judging": time.process_time() - arranged}
        found[f"18,000 genes, {samples} samples, {predictors} predictors, {metric}"] = seconds
    return found


def bounds(part: str, name: str, units: int) -> tuple[float, float]:
    """Return the lowest and highest rate that the design allows.

    The accuracy of 30 units takes 31 values, so that its coverage jumps with the truth, whatever the interval: with
    the logit exactly 96 to 98.5 % between accuracies of 0.6 and 0.95. It has no upper bound there.
    """
    if part != "coverage":
        return 0.0, 0.07
    if units >= 100:
        return 0.93, 0.97
    return 0.92, 1.0 if name.startswith("accuracy") else 0.98


def jobs(part: str) -> Iterator[tuple[str, int, Measure]]:
    """Return (name, units, function of the number of simulations) of every cell of a part."""
    if part == "baselines":
        for cell in baseline_cells():
            yield cell.name, cell.units, lambda n, c=cell: equal_baselines(c, n)
        return
    if part == "coverage":
        for name, cell, strength in coverage_cells():
            yield name, cell.units, lambda n, c=cell, s=strength: coverage(c, n, s)
        return
    new = part == "new samples"
    for cell in new_sample_cells() if new else false_positive_cells():
        yield cell.name, cell.units, lambda n, c=cell: false_positives(c, n, new)


PARTS = ("false positives", "new samples", "coverage", "baselines")


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
        write({**stored(chosen.results), "ten errors": ten_errors(), "timing": timing()}, chosen.results)
    print(tables(stored(chosen.results), totals()))


def totals() -> dict[str, int]:
    """Count the cells of each part."""
    return {part: len(list(jobs(part))) for part in PARTS}


def simulate(part: str, simulations: int, path: Path) -> None:
    """Simulate the cells of a part that have fewer simulations than asked for, and those out of bounds once more."""
    for name, units, measure in jobs(part):
        results = stored(path)
        cells = results.setdefault(part, {})
        if cells.get(name, {}).get("simulations", 0) >= simulations:
            continue
        cells[name] = {"units": units, **measure(simulations)}
        low, high = bounds(part, name, units)
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
