"""Benchmarks at tiny size: every script runs, and its two sides end with the same numbers. Nothing here is timed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = (
    "read_bins",
    "bin_bigwig",
    "count_bam",
    "tracks_memory",
    "mix_memory",
    "train_step",
    "encode_promoters",
    "similarity",
    "proformer_step",
    "inference",
    "threads",
    "mutagenesis",
    "perturb_share",
    "startup",
)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """Run everything once; a script whose sides disagree fails with an assertion."""
    folder = tmp_path_factory.mktemp("results")
    done = run("benchmarks", "--size", "tiny", "--rounds", "1", "--offline", "--results", str(folder))
    assert done.returncode == 0, done.stderr[-2000:]
    found = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    return {**found, "printed": {"table": done.stdout}}


@pytest.mark.slow
def test_every_benchmark_runs_and_its_sides_agree(results: dict[str, dict]) -> None:
    assert sorted(results) == sorted([*NAMES, "printed"])
    for name in NAMES:
        assert results[name]["size"] == "tiny"
        assert results[name]["versions"]["polars"]


@pytest.mark.slow
def test_table_has_every_row_and_no_bound_at_tiny_size(results: dict[str, dict]) -> None:
    table = results["printed"]["table"]
    rows = [row for name in NAMES for row in results[name]["rows"]]
    assert table.count("\n| ") == len(rows) + 1 + 1  # and the head with its rule
    assert "missed" not in table
    assert all(row["at_least"] is None and row["at_most"] is None for row in rows)


@pytest.mark.slow
def test_read_bins_reads_all_genes(results: dict[str, dict]) -> None:
    assert results["read_bins"]["facts"]["genes"] == 230 + 120 + 110
    assert results["read_bins"]["facts"]["share_read_by_published_way"] == 1.0


@pytest.mark.slow
def test_tracks_are_binned_around_all_genes(results: dict[str, dict]) -> None:
    bigwig, bam = results["bin_bigwig"]["facts"], results["count_bam"]["facts"]
    assert (bigwig["genes"], bigwig["genes_of_stats"], bigwig["intervals"]) == (23, 5, 18_000)
    assert bigwig["largest_difference"]["ours"] < 1e-6
    assert (bam["genes"], bam["genes_of_bedtools"], bam["reads"]) == (23, 5, 8000)
    assert bam["counted"] > 0


@pytest.mark.slow
def test_tracks_of_all_cell_types_are_read_in_one_process(results: dict[str, dict]) -> None:
    facts = results["tracks_memory"]["facts"]
    assert (facts["cells"], facts["genes"], sorted(facts["costs"])) == (3, 23, ["1", "3"])


@pytest.mark.slow
def test_mix_trains_one_model_on_the_train_genes_of_all_cell_types(results: dict[str, dict]) -> None:
    stages = results["mix_memory"]["facts"]["stages"]
    assert stages["preprocess"]["rows"] == 3 * (230 + 120 + 110)
    assert stages["train cpu"]["rows"] == 3 * 230
    assert stages["preprocess"]["peak_rss_mb"] <= stages["train cpu"]["peak_rss_mb"]


@pytest.mark.slow
def test_help_imports_neither_torch_nor_pandas(results: dict[str, dict]) -> None:
    assert not {"torch", "transformers", "pandas"} & set(results["startup"]["facts"]["imported"])


def test_slow_peer_on_a_sub_sample_agrees_with_those_genes() -> None:
    done = run("benchmarks.read_bins", "--size", "tiny", "--rounds", "1", "--offline", "--peer-genes", "7")
    assert done.returncode == 0, done.stderr[-2000:]


def test_fresh_process_is_measured_without_its_parent() -> None:
    code = "held = bytearray(300_000_000); from benchmarks.fresh import run_fresh; import sys; "
    code += "print(run_fresh([sys.executable, '-c', 'pass'])['peak_rss_mb'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 100


def test_fresh_process_that_fails_is_an_error() -> None:
    code = (
        "from benchmarks.fresh import run_fresh; import sys; run_fresh([sys.executable, '-c', 'raise SystemExit(3)'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "RuntimeError" in done.stderr


def test_readme_shows_the_stored_results() -> None:
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    shown = run("benchmarks", "--stored").stdout
    assert {path.stem for path in (ROOT / "benchmarks" / "results").glob("*.json")} == {*NAMES, "calibration"}
    assert shown.strip() in readme, "print it with `python -m benchmarks --stored` and paste it"


def test_readme_explains_every_benchmark() -> None:
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert re.search(rf"`benchmarks/{name}\.py`|`{name}`", readme), name
