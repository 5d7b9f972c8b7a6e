"""Names and parameters that would be shell code, through the real engine: nothing runs, nothing leaves its folder."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile_names import HOSTILE

from gxtool import api

ROOT = Path(__file__).resolve().parents[2]
ODD = ("CD4+ T (donor #2)", "細胞", "all")
CODE = "x'\"$(touch FILE)`touch FILE`\"'\ntouch FILE\n"
pytestmark = [pytest.mark.pipeline, pytest.mark.slow]


def executed(folder: Path) -> list[Path]:
    """Return what a name that ran as shell code has left, wherever it ran."""
    return list(folder.rglob("FILE"))


def test_odd_names_and_quotes_in_paths_work_from_sheet_to_report(start: Callable, engine: str, tmp_path: Path) -> None:
    raw = tmp_path / 'it\'s raw; data & "more" (1)'
    api.simulate(raw, "histone")
    with (raw / "my 'sheet'.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["sample", "data"], *([n, f"SIM0{k}"] for k, n in enumerate(ODD, 1))])
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    settings = "perturb.kinds=[]"
    launch = start(
        folder, "run", str(ROOT), "-profile", "test", "--input", str(raw / "my 'sheet'.csv"), "--set", settings,
        "--checkpoint_dir", "pro'gress $(touch FILE)", GXTOOL_ENGINE=engine,
    )  # fmt: skip
    assert launch.status == 0, launch.terminal
    models = (folder / "results/runs/tiny/models").iterdir()
    assert sorted(path.name for path in models) == sorted(f"{name}-seed1-fold0" for name in ODD)
    page = (folder / "results/report.html").read_text()
    assert all(name in page for name in ODD)
    assert executed(tmp_path) == []


@pytest.mark.parametrize(
    "option", ["model", "preset", "judge", "set", "seeds", "device", "engine", "image", "input", "runs", "config"]
)
def test_parameters_are_refused_in_one_line_and_never_run(start: Callable, tmp_path: Path, option: str) -> None:
    api.simulate(tmp_path / "raw", "histone")
    options = {"model": "histone", "input": "raw/samplesheet.csv", option: CODE}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    if option == "runs":
        words = ["--runs", CODE]
    failed = start(tmp_path, "run", str(ROOT), *words)
    assert failed.status != 0
    sentence = (tmp_path / "results/pipeline_info/error.txt").read_text().splitlines()
    assert len(sentence) == 1
    assert sentence[0].startswith("gxtool: error: ")
    assert executed(tmp_path) == []


def test_progress_folder_that_a_container_cannot_be_told_of_is_refused(start: Callable, tmp_path: Path) -> None:
    failed = start(tmp_path, "run", str(ROOT), "--checkpoint_dir", "a'b", "--engine", "docker", "-stub-run")
    assert failed.status != 0
    assert "--checkpoint_dir: found 'a'b', expected a path without quotes" in failed.terminal
    assert executed(tmp_path) == []


def test_hostile_samples_end_in_the_first_process(start: Callable, tmp_path: Path) -> None:
    for number, name in enumerate(("x'\"$(touch FILE)\"'", "x\ntouch FILE\n", "../../x")):
        assert name in HOSTILE
        folder = tmp_path / str(number)
        (folder / "data").mkdir(parents=True)
        with (folder / "sheet.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["sample", "data"], [f"A{name}B", "data"]])
        failed = start(folder, "run", str(ROOT), "--model", "histone", "--input", "sheet.csv", **os.environ)
        assert [row["process"] for row in failed.trace] == ["CONFIG"]
        assert "the sample name" in (folder / "results/pipeline_info/error.txt").read_text()
    assert executed(tmp_path) == []
