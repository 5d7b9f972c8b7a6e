"""docs/add-a-family.md is true: its files, written into a copy of the package, make a family that works."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE = re.compile(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the package and add the files of the page."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "gxtool", folder / "gxtool", ignore=shutil.ignore_patterns("__pycache__"))
    for name, content in FILE.findall((ROOT / "docs/add-a-family.md").read_text()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert not path.exists(), f"the page would replace {name}"
        path.write_text(content)
    return folder


def test_the_page_adds_a_family_by_one_folder_and_a_reader(copy: Path) -> None:
    before = {path.relative_to(ROOT) for path in (ROOT / "gxtool").rglob("*") if "__pycache__" not in path.parts}
    after = {path.relative_to(copy) for path in (copy / "gxtool").rglob("*")}
    added = {str(path) for path in after - before if path.suffix}
    assert {name for name in added if not name.startswith("gxtool/models/composition/")} == {
        "gxtool/io/composition_table.py"
    }


def run(arguments: list[str], copy: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    # -P and PYTHONPATH: the copy is imported, and not the installed package.
    command = [sys.executable, "-P", "-m", "gxtool", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


def test_its_commands_end_in_a_report_that_shows_the_baseline_the_perturbation_and_the_section(
    copy: Path, tmp_path: Path
) -> None:
    commands = [
        line for block in COMMANDS.findall((ROOT / "docs/add-a-family.md").read_text()) for line in block.split("\n")
    ]
    commands = [line.split()[1:] for line in commands if line.startswith("gxtool ")]
    assert [line[0] for line in commands] == [
        *("families", "simulate", "check", "preprocess", "tokenize"),
        *("train", "evaluate", "perturb", "compare", "report"),
    ]
    for arguments in commands:
        done = run(arguments, copy, tmp_path)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
    metrics = json.loads((tmp_path / "evaluation/metrics.json").read_text())
    sample = metrics["samples"][0]
    assert sample["per_seed"][0]["n_parameters"] == 19
    # The planted slope is 4 per unit of GC: a straight line on GC must find it.
    assert sample["baselines"]["gc_line"]["chosen"]["slope"] == pytest.approx(4, abs=0.5)
    assert sample["baselines"]["gc_line"]["metrics"]["pearson"]["estimate"] > 0.6
    effects = json.loads((tmp_path / "effects/summary.json").read_text())["effects"][0]["changes"]
    assert [change["change"] for change in effects] == ["without A", "without C", "without G", "without T"]
    page = (tmp_path / "report/report.html").read_text()
    assert "What each base does" in page
    assert "gc line" in page or "gc_line" in page
