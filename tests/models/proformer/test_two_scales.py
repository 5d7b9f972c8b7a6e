"""Predictions and labels on two scales: correlations are scored, nothing that needs one scale, and it says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gxtool import api
from gxtool.errors import ConfigError
from gxtool.io.artifact import open_artifact
from gxtool.report.gather import gather
from gxtool.report.scatter import scatter_part
from gxtool.report.scores import scores_part

pytestmark = pytest.mark.slow
FAMILY = "proformer"
FIELDS = ("training.epochs=1", "resources.threads=1", "evaluation.baselines=[gc_content]")
NEEDS_ONE_SCALE = {"r2_score", "mse"}


@pytest.fixture(scope="module")
def evaluations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One model on simulated promoters, whose test values are on another scale, told or declared to be on the same."""
    folder = tmp_path_factory.mktemp("scales")
    api.simulate(folder / "raw", FAMILY, seed=3)
    found = {}
    for scale in ("auto", "same"):
        settings = api.Settings(FAMILY, "tiny", set=(*FIELDS, f"data.test_scale={scale}"), name=scale)
        api.preprocess(folder / "raw/samplesheet.csv", folder / f"examples-{scale}", settings)
        api.tokenize([folder / f"examples-{scale}"], folder / f"dataset-{scale}", settings)
        api.train(folder / f"dataset-{scale}", folder / f"model-{scale}", settings)
        found[scale] = folder / f"evaluation-{scale}"
        api.evaluate([folder / f"model-{scale}"], folder / f"dataset-{scale}", found[scale])
    return found


def metrics_of(evaluation: Path) -> dict[str, Any]:
    return open_artifact(evaluation, "evaluation").json("metrics.json")


def names(content: Any) -> set[str]:
    """Return every key of nested mappings, without ceilings: they compare measurements with each other."""
    if isinstance(content, dict):
        return set(content).union(*(names(inner) for key, inner in content.items() if key != "ceiling"))
    return set().union(*map(names, content)) if isinstance(content, list) else set()


def test_scores_that_need_one_scale_are_nowhere_and_the_report_says_why(evaluations: dict[str, Path]) -> None:
    content = metrics_of(evaluations["auto"])
    assert content["metrics"] == ["pearson", "spearman"]
    assert not names(content) & NEEDS_ONE_SCALE
    assert (content["other_scale"]["samples"], content["other_scale"]["left_out"]) == (
        ["simulated"],
        ["r2_score", "mse"],
    )
    family = gather([evaluations["auto"]]).families[0]
    sentence = "Test labels of simulated are on another scale than training labels, so R²"
    assert sentence in scores_part(family).text
    part = scatter_part(family)
    assert sentence in part.text
    (gallery,) = part.blocks
    (chart,) = gallery.charts
    (figure,) = chart.views
    assert [trace.name for trace in figure.traces] == ["auto"]
    assert figure.x_range is None
    assert figure.y_range is None


def test_a_declared_scale_counts(evaluations: dict[str, Path]) -> None:
    content = metrics_of(evaluations["same"])
    assert names(content) >= NEEDS_ONE_SCALE
    assert "other_scale" not in content
    (gallery,) = scatter_part(gather([evaluations["same"]]).families[0]).blocks
    assert len(gallery.charts) == 2


def test_score_refuses_what_needs_one_scale(evaluations: dict[str, Path]) -> None:
    with pytest.raises(
        ConfigError, match=r"--metric mse: needs predictions and labels on one scale, but .* expected one"
    ):
        api.score(evaluations["auto"], metrics=["mse"])


def test_models_are_judged_by_what_they_were_trained_on(evaluations: dict[str, Path], tmp_path: Path) -> None:
    """All labels of another dataset are on one scale, but on another than those of the model's training rows."""
    api.simulate(tmp_path / "raw", FAMILY, seed=4)
    lines = (tmp_path / "raw/train_sequences.txt").read_text().splitlines()
    moved = [f"{sequence}\t{0.1 * float(value) - 5:.3f}" for sequence, value in (line.split("\t") for line in lines)]
    (tmp_path / "moved.txt").write_text("\n".join(moved) + "\n")
    (tmp_path / "sheet.csv").write_text("sample,data\nsimulated,moved.txt\n")
    settings = api.Settings(FAMILY, "tiny", set=FIELDS)
    api.preprocess(tmp_path / "sheet.csv", tmp_path / "examples", settings)
    api.tokenize([tmp_path / "examples"], tmp_path / "dataset", settings)
    api.evaluate([evaluations["auto"].parent / "model-auto"], tmp_path / "dataset", tmp_path / "evaluation")
    content = metrics_of(tmp_path / "evaluation")
    assert content["metrics"] == ["pearson", "spearman"]
    assert not names(content) & NEEDS_ONE_SCALE
