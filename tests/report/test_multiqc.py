"""The files for MultiQC."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Make = Callable[[str], Path]


def mqc(page: Path) -> dict[str, Any]:
    return {path.name: json.loads(path.read_text()) for path in page.parent.glob("*_mqc.json")}


def test_one_file_for_each_thing(page: Make) -> None:
    stem = "gxtool_marks"
    assert sorted(mqc(page("one_run"))) == [
        f"{stem}_dropped_mqc.json",
        f"{stem}_learning_mqc.json",
        f"{stem}_samples_mqc.json",
        f"{stem}_scores_mqc.json",
    ]


def test_files_without_data_are_not_made(page: Make) -> None:
    assert "gxtool_marks_learning_mqc.json" not in mqc(page("by_hand"))


@pytest.mark.parametrize("scenario", ["one_run", "many_runs", "regression", "hostile", "by_hand"])
def test_every_file_has_what_multiqc_needs(page: Make, scenario: str) -> None:
    found = mqc(page(scenario))
    assert found
    for name, content in found.items():
        assert content["id"] == name.removesuffix("_mqc.json")
        assert content["plot_type"] in ("table", "heatmap", "linegraph", "bargraph")
        assert content["parent_id"] == "gxtool"
        assert content["data"]


def test_scores_are_those_of_the_evaluation(page: Make) -> None:
    data = mqc(page("by_hand"))["gxtool_marks_scores_mqc.json"]["data"]
    assert data == {
        "K562 | convnet": {"auroc": 0.9514, "n": 6600},
        "K562 | logistic regression": {"auroc": 0.9498, "n": 6600},
        "K562 | sum h3k4me3": {"auroc": 0.8612, "n": 6600},
    }


def test_heatmap_has_a_row_per_sample_and_a_column_per_predictor(page: Make) -> None:
    content = mqc(page("many_runs"))["gxtool_marks_samples_mqc.json"]
    assert len(content["ycats"]) == len(content["data"]) == 56
    assert {len(row) for row in content["data"]} == {6} == {len(content["xcats"])}


def test_names_are_escaped_because_multiqc_does_not(page: Make) -> None:
    text = "".join(path.read_text() for path in page("hostile").parent.glob("*_mqc.json"))
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text
