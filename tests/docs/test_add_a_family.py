"""docs/add-a-family.md is true: its files, written into a copy of the repository, make a family that works."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import page_family
import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STAGES = (
    "families",
    "simulate",
    "check",
    "preprocess",
    "tokenize",
    "train",
    "evaluate",
    "perturb",
    "compare",
    "report",
)


def git(copy: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *arguments], cwd=copy, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the repository's code into a repository of its own and add the files of the page."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "gxtool", folder / "gxtool", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".gitignore").write_text("__pycache__\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "before")
    page_family.write_folder(folder)
    return folder


def run(arguments: list[str], copy: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    # -P and PYTHONPATH: the copy is imported, and not the installed package.
    command = [sys.executable, "-P", "-m", "gxtool", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


def walk(copy: Path, folder: Path, stages: Sequence[str]) -> dict[str, str]:
    """Run the page's commands of these stages in a folder; return stage -> what it printed for people."""
    text = page_family.PAGE.read_text(encoding="utf-8")
    lines = [line for block in COMMANDS.findall(text) for line in block.split("\n")]
    commands = [line.split()[1:] for line in lines if line.startswith("gxtool ")]
    assert tuple(command[0] for command in commands) == STAGES
    printed = {}
    for arguments in commands:
        if arguments[0] not in stages:
            continue
        done = run(arguments, copy, folder)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        printed[arguments[0]] = done.stderr
    return printed


@pytest.fixture(scope="module")
def prepared(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the stages before training."""
    folder = tmp_path_factory.mktemp("prepared")
    walk(copy, folder, STAGES[:5])
    return folder


def untracked(copy: Path) -> set[str]:
    return set(git(copy, "status", "--porcelain").splitlines())


def test_its_commands_end_in_a_report_that_shows_the_baseline_the_perturbation_and_the_section(
    copy: Path, prepared: Path, tmp_path: Path
) -> None:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    walk(copy, tmp_path, STAGES[5:])
    metrics = json.loads((tmp_path / "evaluation/metrics.json").read_text())
    sample = metrics["samples"][0]
    assert sample["per_seed"][0]["n_parameters"] == 19
    assert sample["fault"] == ""
    # The planted slope is 4 per unit of GC: a straight line on GC must find it.
    assert sample["baselines"]["gc_line"]["chosen"]["slope"] == pytest.approx(4, abs=0.5)
    assert sample["baselines"]["gc_line"]["metrics"]["pearson"]["estimate"] > 0.6
    effects = json.loads((tmp_path / "effects/summary.json").read_text())["effects"][0]["changes"]
    assert [change["change"] for change in effects] == ["without A", "without C", "without G", "without T"]
    page = (tmp_path / "report/report.html").read_text()
    assert "What each base does" in page
    assert "gc line" in page or "gc_line" in page
    assert untracked(copy) == {"?? gxtool/io/composition_table.py", "?? gxtool/models/composition/"}


def test_a_family_of_constant_predictions_ends_in_a_report_that_says_so_and_touches_its_folder_alone(
    copy: Path, prepared: Path, tmp_path: Path
) -> None:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    model = copy / "gxtool/models/composition/model.py"
    text = model.read_text()
    assert text.count("logits = self.out(") == 1
    model.write_text(text.replace("logits = self.out(", "logits = 0 * self.out("))
    try:
        printed = walk(copy, tmp_path, STAGES[5:])
    finally:
        model.write_text(text)
    sentence = "tiny predicts the same value for every row of yeast."
    assert sentence in printed["evaluate"]
    sample = json.loads((tmp_path / "evaluation/metrics.json").read_text())["samples"][0]
    assert sample["model"]["pearson"]["estimate"] is None
    assert sample["model"]["mse"]["estimate"] > 0
    assert sample["baselines"]["gc_line"]["metrics"]["pearson"]["estimate"] > 0.6
    verdict = json.loads((tmp_path / "comparison/comparison.json").read_text())["verdict"]
    assert verdict == f"{sentence} tiny is not compared: constant predictions."
    assert sentence in (tmp_path / "report/report.html").read_text()
    assert untracked(copy) == {"?? gxtool/io/composition_table.py", "?? gxtool/models/composition/"}
