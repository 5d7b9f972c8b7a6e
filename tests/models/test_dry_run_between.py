"""A run and what it names: the run it starts from, its judge, the run whose models it predicts with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from dry_run_inputs import MARKS, SHORT_INSERTS, SMALL, promoters, runs_of, table_cell, tables

from gxtool import api
from gxtool.errors import ConfigError, InputError
from gxtool.models.plan import RunRequest


def test_a_run_that_starts_from_one_of_other_marks_is_refused(tmp_path: Path) -> None:
    tables(tmp_path, "E1")
    common = {"model": "histone", "preset": "tiny", "input": "sheet.csv"}
    other = {"data.n_bins": 3, "data.marks": ["H3K9me3", "H3K4me3"]}
    own = {"data.n_bins": 3, "data.marks": list(MARKS)}
    requests = runs_of(
        tmp_path, {**common, "name": "a", "set": other}, {**common, "name": "b", "from": "a", "set": own}
    )
    with pytest.raises(ConfigError) as caught:
        api.plan(requests, tmp_path / "plan.json")
    assert str(caught.value) == ("run b: from a has marks H3K9me3, H3K4me3, expected H3K4me3, H3K9me3 as this run")


def judged(folder: Path, own: Mapping[str, object], judge: Mapping[str, object]) -> list[RunRequest]:
    """Return two runs on the same promoters, of which the second judges the first."""
    promoters(folder, data=300)
    common = {"model": "proformer", "input": "sheet.csv"}
    return runs_of(
        folder,
        {**common, "name": "a", "preset": "cnn", "set": {**SHORT_INSERTS, **own}, "judge": "b"},
        {**common, "name": "b", "preset": "legnet-small", "set": {**SHORT_INSERTS, **judge}},
    )


def test_a_judge_of_another_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="run a: judge b has length 30, expected 20 as this run"):
        api.plan(judged(tmp_path, {}, {"data.length": 30}), tmp_path / "plan.json")


def test_design_for_a_target_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"design\.target: growth is no target of .*sheet\.csv, expected no name"):
        api.plan(judged(tmp_path, {"design.target": "growth"}, {}), tmp_path / "plan.json")


def test_unlabelled_inputs_are_fine_to_predict(tmp_path: Path) -> None:
    promoters(tmp_path, data=300)
    (tmp_path / "new.csv").write_text("sample,test\nnew,data.txt\n")
    own = {"data.five_prime": "", "data.three_prime": "", "data.length": 20}
    common = {"model": "proformer", "preset": "cnn", "set": own}
    trained = {**common, "name": "a", "input": "sheet.csv"}
    predicted = {**common, "name": "b", "input": "new.csv", "task": "predict", "from": "a"}
    plan = api.plan(runs_of(tmp_path, trained, predicted), tmp_path / "plan.json")
    assert (len(plan["train"]), len(plan["predict"])) == (1, 1)


def test_a_run_of_another_family_is_nothing_to_start_from(tmp_path: Path) -> None:
    tables(tmp_path, "E1")
    (tmp_path / "sheet.csv").rename(tmp_path / "tables.csv")
    promoters(tmp_path, data=300)
    settings = {"data.five_prime": "", "data.three_prime": "", "data.length": 20}
    marks = {"data.n_bins": 3, "data.marks": list(MARKS)}
    requests = runs_of(
        tmp_path,
        {"model": "proformer", "name": "a", "preset": "cnn", "input": "sheet.csv", "set": settings},
        {"model": "histone", "name": "b", "input": "tables.csv", "set": marks, "from": "a"},
    )
    with pytest.raises(ConfigError, match="run b: from a is of family proformer, expected histone"):
        api.plan(requests, tmp_path / "plan.json")


def test_a_folder_without_models_is_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    request = RunRequest("histone", tables(tmp_path, "E1"), assignments=SMALL, init=str(tmp_path / "empty"))
    with pytest.raises(InputError, match=f"{tmp_path}/empty"):
        api.plan([request], tmp_path / "plan.json")


def started(folder: Path, first: Mapping[str, object], second: Mapping[str, object]) -> list[RunRequest]:
    """Return two runs on the same promoters, of which the second starts from the first."""
    promoters(folder, data=300)
    common = {"model": "proformer", "preset": "cnn", "input": "sheet.csv"}
    return runs_of(
        folder,
        {**common, "name": "a", "set": {**SHORT_INSERTS, **first}},
        {**common, "name": "b", "set": {**SHORT_INSERTS, **second}, "from": "a"},
    )


def test_a_run_that_starts_from_one_of_the_same_split_is_planned(tmp_path: Path) -> None:
    plan = api.plan(started(tmp_path, {}, {"training.epochs": 2}), tmp_path / "plan.json")
    assert len(plan["evaluate"]) == 2


def test_test_rows_that_the_run_it_starts_from_has_seen_are_told_before_training(tmp_path: Path) -> None:
    plan = api.plan(started(tmp_path, {}, {"data.split_seed": 9}), tmp_path / "plan.json")
    (sentence,) = [note for note in plan["notes"] if "which it starts from" in note]
    assert re.fullmatch(
        r"warning: run b: a, which it starts from, is trained or chosen on [0-9]+ of [0-9]+ of its test rows: they are "
        "left out of its scores",
        sentence,
    )


def test_a_run_without_any_new_test_row_is_refused(tmp_path: Path) -> None:
    table_cell(tmp_path / "E1")
    (tmp_path / "E2").mkdir()
    for path in (tmp_path / "E1").rglob("*.csv"):
        other = {"train.csv": "test.csv", "test.csv": "train.csv"}.get(path.name, path.name)
        (tmp_path / "E2" / other).write_bytes(path.read_bytes())
    (tmp_path / "first.csv").write_text("sample,data\nE1,E1\n")
    (tmp_path / "second.csv").write_text("sample,data\nE1,E2\n")
    own = {"data.n_bins": 3, "data.marks": list(MARKS)}
    common = {"model": "histone", "preset": "tiny", "set": own}
    requests = runs_of(
        tmp_path,
        {**common, "name": "a", "input": "first.csv"},
        {**common, "name": "b", "input": "second.csv", "from": "a"},
    )
    with pytest.raises(InputError) as caught:
        api.plan(requests, tmp_path / "plan.json")
    assert str(caught.value) == (
        "run b: a, which it starts from, is trained or chosen on all 4 of its test rows, expected some that are new "
        "to it (the same split for both)"
    )
