"""A plan item carries the settings of its own stage, so that no other setting makes its task run again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gxtool.models.plan import RunRequest, build_plan

STAGES = ("preprocess", "tokenize", "train", "evaluate", "perturb", "design")
SECTIONS = {
    "preprocess": {"data"},
    "tokenize": {"data"},
    "train": {"model", "training", "resources"},
    "evaluate": {"evaluation", "resources"},
    "perturb": {"perturb", "resources"},
    "design": {"design", "resources"},
}


@pytest.fixture
def requests(tmp_path: Path) -> list[RunRequest]:
    """A run and its judge; the names stay while settings change."""
    (tmp_path / "a.txt").write_text("ACGT\t1\n")
    (tmp_path / "sheet.csv").write_text("sample,data\nyeast,a.txt\n")
    run = RunRequest(model="proformer", preset="cnn", input=tmp_path / "sheet.csv", name="run", judge="judge")
    return [run, replace(run, preset="tiny", name="judge", judge="")]


def changed(requests: list[RunRequest], *assignments: str) -> set[str]:
    """Return the stages whose items of the first run are not what they were."""
    before = build_plan(requests)
    after = build_plan([replace(requests[0], assignments=assignments), *requests[1:]])
    return {
        stage
        for stage in STAGES
        if [item for item in before[stage] if item.get("run", "run") == "run"]
        != [item for item in after[stage] if item.get("run", "run") == "run"]
    }


def test_every_item_carries_the_sections_of_its_stage_alone(requests: list[RunRequest]) -> None:
    plan = build_plan(requests)
    for stage, sections in SECTIONS.items():
        for item in plan[stage]:
            section = json.loads(item["section"])
            assert set(section) == sections
            if stage not in ("preprocess", "tokenize"):
                assert set(section["resources"]) == {"threads"}


@pytest.mark.parametrize(
    ("assignment", "stages"),
    [
        ("evaluation.baselines=[gc_content]", {"evaluate"}),
        ("evaluation.batch_size=7", {"evaluate"}),
        ("perturb.map_rows=9", {"perturb"}),
        ("design.starts=9", {"design"}),
        ("training.epochs=9", {"train"}),
        ("model.dropout=0.4", {"train"}),
        ("resources.threads=2", {"train", "evaluate", "perturb", "design"}),
    ],
)
def test_a_setting_changes_the_stage_that_reads_it(
    requests: list[RunRequest], assignment: str, stages: set[str]
) -> None:
    assert changed(requests, assignment) == stages


def test_predicting_carries_no_data_section(requests: list[RunRequest], tmp_path: Path) -> None:
    plan = build_plan([replace(requests[1], task="predict", init=str(tmp_path))])
    assert set(json.loads(plan["predict"][0]["section"])) == {"evaluation", "resources"}
