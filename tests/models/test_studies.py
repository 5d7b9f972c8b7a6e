"""The runs files of docs/studies can be planned: every run, field and judge in them exists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gxtool import api
from gxtool.models.plan import build_plan, read_runs

STUDIES = Path(__file__).resolve().parents[2] / "docs" / "studies"
FAMILIES = {"histone": "histone", "promoters": "proformer"}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a family's name -> simulated input."""
    folder = tmp_path_factory.mktemp("inputs")
    return {family: api.simulate(folder / family, family) / "samplesheet.csv" for family in FAMILIES.values()}


@pytest.mark.parametrize("study", sorted(STUDIES.glob("*.yaml")), ids=lambda path: path.stem)
def test_study_is_planned_with_every_run_it_names(study: Path, inputs: dict[str, Path]) -> None:
    requests = read_runs(study, inputs[FAMILIES[study.stem.partition("-")[0]]])
    plan = build_plan(requests)
    assert {item["run"] for item in plan["train"]} == {request.name for request in requests}
    assert {item["run"] for item in plan["evaluate"]} == {request.name for request in requests}


def test_ablation_tries_every_combination_once() -> None:
    requests = read_runs(STUDIES / "promoters-ablation.yaml", Path("sheet.csv"))
    tried = [tuple(request.name.split("-")) for request in requests]
    combined = {
        (head, loss, gate)
        for head in ("pool", "slots32")
        for loss in ("off", "independent", "paired")
        for gate in ("swiglu", "glu")
    }
    assert len(tried) == len(set(tried))
    assert set(tried) == combined | {("slots1", "independent", "swiglu")}
    for request in requests:
        head, loss, gate = request.name.split("-")
        parts = (assignment.split("=", 1) for assignment in request.assignments)
        fields = {name: json.loads(value) for name, value in parts}
        assert fields["model.head"] == head.rstrip("0123456789")
        assert (fields["model.mask_loss"], fields["model.glu"]) == (loss, gate)
        assert fields["model.n_slots"] == int(head.removeprefix("slots") if head != "pool" else 0)
