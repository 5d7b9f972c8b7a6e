"""The calibration measures what it says: equal runs, seeds that vary as asked for, results that are kept and shown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import calibration
from benchmarks.calibration_table import tables
from benchmarks.null import Cell, batches, runs, true_score, unit_error
from gxtool.measure.metrics import auroc, pearson

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("metric", ["pearson", "auroc"])
def test_both_runs_of_a_pair_have_the_true_score(metric: str) -> None:
    first, second = runs(Cell(metric, 400, 2, shared=0.3), 200, np.random.default_rng(0))
    truth = float(true_score(metric, np.array(1.0)))
    for run in (first, second):
        mean, error = run.scores.mean(), run.scores.std() / np.sqrt(200)
        assert abs(mean - truth) < 5 * error


def test_true_scores_are_those_of_many_genes() -> None:
    generator = np.random.default_rng(1)
    truth = generator.normal(size=200_000)
    label, prediction = truth + 0.7 * generator.normal(size=truth.size), 2 * truth + generator.normal(size=truth.size)
    assert pearson(label, prediction) == pytest.approx(float(true_score("pearson", np.array(2.0))), abs=0.005)
    assert auroc(label > 0, prediction) == pytest.approx(float(true_score("auroc", np.array(2.0))), abs=0.005)


def test_seeds_vary_by_as_many_unit_errors_as_asked_for() -> None:
    cell = Cell("pearson", 100, 3, seeds=5, seed_sd=2.0)
    run = runs(cell, 400, np.random.default_rng(2), n_runs=1)[0]
    seeds = run.scores.mean(-1)
    # Variance between seeds is theirs and that of the units that they do not share.
    between = np.mean(seeds.var(-1, ddof=1) - run.joint_noise)
    assert np.sqrt(between) == pytest.approx(2 * unit_error(Cell("pearson", 100, 3)), rel=0.1)


def test_shared_error_is_common_to_all_samples() -> None:
    apart, together = (
        runs(Cell("pearson", 100, 10, shared=shared), 100, np.random.default_rng(3))[0] for shared in (0.0, 0.9)
    )
    errors = [np.sqrt(np.sum(run.effects.mean(-2) ** 2, -1)).mean() for run in (apart, together)]
    assert errors[1] > 1.3 * errors[0]


def test_batches_add_up() -> None:
    assert list(batches(Cell("auroc", 100, 56), 800)) == [357, 357, 86]


def test_few_simulations_of_some_cells_stay_near_five_percent() -> None:
    for cell in (Cell("auroc", 30, 6, 3, 0.6, 1.0), Cell("pearson", 100, 3, 1, 0.9)):
        rate = calibration.false_positives(cell, 400)["rate"]
        assert rate < 0.1  # 4.6 standard errors above 5 %
    new = calibration.false_positives(Cell("pearson", 100, 6, 1, 0.3, sample_sd=4.0), 400, new_samples=True)
    assert new["rate"] < 0.1
    assert 0.90 < calibration.coverage(Cell("auroc", 100, 1), 400, 1.0)["rate"] <= 0.985


def test_ignoring_that_samples_share_genes_would_be_seen() -> None:
    # What the layer replaces: a test over samples as if they were independent.
    first, second = runs(Cell("pearson", 100, 10, shared=0.9), 400, np.random.default_rng(4))
    difference = (first.scores - second.scores)[:, 0]
    statistic = difference.mean(-1) / (difference.std(-1, ddof=1) / np.sqrt(10))
    assert np.mean(np.abs(statistic) > 2.26) > 0.3


def test_cells_that_are_stored_are_not_simulated_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "baseline_cells", lambda: iter([Cell("pearson", 30, 1, shared=0.6)]))
    path = tmp_path / "calibration.json"
    calibration.simulate("baselines", 5, path)
    first = calibration.stored(path)
    calibration.simulate("baselines", 5, path)
    assert calibration.stored(path) == first
    calibration.simulate("baselines", 6, path)
    assert [cell["simulations"] for cell in calibration.stored(path)["baselines"].values()] == [6]


def test_cell_out_of_bounds_is_repeated_before_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = {2000: 0.08, 10_000: 0.05}
    cell = ("some cell", 100, lambda n: {"simulations": n, "rate": rates[n]})
    monkeypatch.setattr(calibration, "jobs", lambda part: iter([cell]))
    calibration.simulate("false positives", 2000, tmp_path / "c.json")
    assert calibration.stored(tmp_path / "c.json") == {
        "false positives": {"some cell": {"units": 100, "first": 0.08, "simulations": 10_000, "rate": 0.05}}
    }


def test_table_has_every_cell_and_marks_the_repeated() -> None:
    cells = {
        Cell("auroc", 30, samples, 3, shared, 1.0).name: {"rate": samples / 100 + shared / 1000, "simulations": 2000}
        for samples in (1, 3)
        for shared in (0.0, 0.9)
    }
    cells[Cell("auroc", 30, 3, 3, 0.9, 1.0).name] |= {"first": 0.08, "simulations": 10_000}
    assert tables({"false positives": cells}, {"false positives": 4}).splitlines()[:6] == [
        "**False positives** (4 cells of 2,000 simulations or more: 1.0% to 3.1%; 1 cells repeated with 10,000)",
        "",
        "| samples | 0% shared | 90% shared |",
        "| --- | --- | --- |",
        "| 1 | 1.0% | 1.1% |",
        "| 3 | 3.0% | 3.1%* |",
    ]


def test_table_says_how_many_cells_are_missing() -> None:
    cells = {"pearson, 30 units, 1 samples, weak": {"rate": 0.95, "simulations": 2000}}
    assert "(1 of 126 cells of 2,000 simulations" in tables({"coverage": cells}, calibration.totals())


def test_stored_cells_are_within_their_bounds_and_in_the_readme() -> None:
    results = json.loads((ROOT / "benchmarks" / "results" / "calibration.json").read_text(encoding="utf-8"))
    for part in calibration.PARTS:
        assert sorted(results[part]) == sorted(name for name, _, _ in calibration.jobs(part))
        for name, cell in results[part].items():
            low, high = calibration.bounds(part, name, cell["units"])
            assert cell["simulations"] >= 2000
            assert low <= cell["rate"] <= high, f"{part}: {name}"
    for work, seconds in results["timing"].items():
        assert sum(seconds.values()) <= (2 if "10 samples" in work else 60), work
    assert tables(results, calibration.totals()) in (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
