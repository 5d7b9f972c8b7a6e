"""Judges in a plan: who they are, and what is refused before anything is spent."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gxtool.cli import app
from gxtool.errors import ConfigError
from gxtool.io.promoter_encoding import DREAM_FIVE_PRIME, DREAM_THREE_PRIME
from gxtool.models.plan import RunRequest, build_plan, read_runs

FAMILY, OTHER = "proformer", "histone"


@pytest.fixture
def asked(tmp_path: Path) -> RunRequest:
    """A sheet of one library of 81 promoters between the challenge's flanks, enough to hold some out."""
    inserts = ["".join(letters) for letters in product("ACG", repeat=4)]
    lines = [f"{DREAM_FIVE_PRIME}{insert}{DREAM_THREE_PRIME}\t{n}\n" for n, insert in enumerate(inserts)]
    (tmp_path / "train.txt").write_text("".join(lines))
    (tmp_path / "sheet.csv").write_text("sample,data\nlibrary,train.txt\n")
    return RunRequest(model=FAMILY, preset="cnn", input=tmp_path / "sheet.csv")


def judged(plan: dict) -> dict[str, str]:
    return {item["run"]: item["judge"] for item in plan["design"]}


def test_a_judge_is_named_by_run_or_preset_or_is_a_folder(asked: RunRequest, tmp_path: Path) -> None:
    judge = replace(asked, preset="legnet", name="second")
    for word in ("second", "legnet"):
        plan = build_plan([replace(asked, name="first", judge=word), judge])
        assert judged(plan) == {"first": "second"}
        assert json.loads(plan["design"][0]["section"]).keys() == {"design", "resources"}
    assert judged(build_plan([replace(asked, name="first", judge=str(tmp_path))])) == {"first": str(tmp_path)}
    assert build_plan([judge])["design"] == []


def test_a_judge_changes_nothing_about_training(asked: RunRequest) -> None:
    judge = replace(asked, preset="legnet")
    without, judged_plan = build_plan([asked, judge]), build_plan([replace(asked, judge="legnet"), judge])
    assert {key: value for key, value in without.items() if key != "design"} == {
        key: value for key, value in judged_plan.items() if key != "design"
    }


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        (
            {"judge": "secnd"},
            {},
            "run first: judge secnd is neither a run of this plan nor a folder, did you mean second?",
        ),
        ({"judge": "first"}, {}, "run first: judge first is the run itself, expected another"),
        ({"judge": "cnn"}, {}, "run first: judge cnn is the run itself, expected another"),
        (
            {"judge": "tiny"},
            {"preset": "tiny", "task": "predict", "init": "first"},
            "judge tiny has task predict and so",
        ),
        (
            {"judge": "second", "init": "second"},
            {},
            "judge second and the run start one from the other, expected models",
        ),
        ({"judge": "second"}, {"init": "first"}, "judge second and the run start one from the other, expected models"),
        ({"judge": "second", "task": "predict", "init": "second"}, {}, "judge second with task predict, expected task"),
    ],
)
def test_a_judge_that_cannot_be_is_refused_in_one_sentence(
    asked: RunRequest, first: dict, second: dict, sentence: str
) -> None:
    runs = [replace(asked, name="first", **first), replace(asked, **{"name": "second", "preset": "legnet", **second})]
    with pytest.raises(ConfigError) as caught:
        build_plan(runs)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_preset_of_several_runs_is_no_name_of_a_judge(asked: RunRequest) -> None:
    many = [replace(asked, preset="legnet", name=name) for name in ("one", "two")]
    with pytest.raises(
        ConfigError, match=r"judge legnet is the preset of 2 runs \(one, two\), expected the name of one"
    ):
        build_plan([replace(asked, judge="legnet"), *many])


def test_a_judge_of_another_family_and_a_family_that_designs_nothing_are_refused(
    asked: RunRequest, tmp_path: Path
) -> None:
    (tmp_path / "E003").mkdir()
    (tmp_path / "cells.csv").write_text("sample,data\nE003,E003\n")
    cells = RunRequest(model=OTHER, input=tmp_path / "cells.csv", name="cells")
    with pytest.raises(ConfigError, match="run first: judge cells is of family histone, expected proformer as the run"):
        build_plan([replace(asked, name="first", judge="cells"), cells])
    with pytest.raises(ConfigError, match="run cells: judge first, but family histone designs no sequences"):
        build_plan([replace(asked, name="first"), replace(cells, judge="first")])


def test_a_runs_file_names_judges_and_folders_beside_it(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    path = tmp_path / "runs.yaml"
    path.write_text(f"runs: [{{model: {FAMILY}, input: a, judge: models}}, {{model: {FAMILY}, input: a, judge: b}}]")
    assert [request.judge for request in read_runs(path)] == [str(tmp_path / "models"), "b"]
    path.write_text(f"runs: [{{model: {FAMILY}, input: a, judge: 3}}]")
    with pytest.raises(ConfigError, match="run 1: judge is 3, expected text"):
        read_runs(path)


def config(*arguments: object) -> object:
    return CliRunner().invoke(app, ["config", *map(str, arguments)])


def test_typed_the_judge_is_one_of_the_presets_and_judges_all_others(asked: RunRequest, tmp_path: Path) -> None:
    typed = ("--model", FAMILY, "--input", asked.input, "--seeds", "1", "--output", tmp_path / "plan.json")
    done = config(*typed, "--preset", "cnn,tiny,legnet", "--judge", "legnet")
    assert done.exit_code == 0, done.output
    plan = json.loads((tmp_path / "plan.json").read_text())
    cnn, tiny, legnet = (item["run"] for item in plan["train"])
    assert judged(plan) == {cnn: legnet, tiny: legnet}
    alone = config(*typed, "--preset", "legnet", "--judge", "legnet")
    assert alone.exception.exit_code == 4
    assert str(alone.exception).endswith("judge legnet is the run itself, expected another")
    beside = config("--runs", "runs.yaml", "--judge", "legnet")
    assert str(beside.exception) == "--runs names what each run is, expected no --judge beside it"
