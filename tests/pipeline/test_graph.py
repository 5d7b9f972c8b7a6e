"""The graph: who waits for whom, proved by a stub run, and the folders the processes live in."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gxtool.cli import STAGES
from gxtool.version import __version__

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ["main.nf", "modules", "conf", "nextflow.config"]
pytestmark = pytest.mark.pipeline

# What modules/config/stub-plan.json asks for.
STUB_TASKS = {
    "SIMULATE": 1,
    "CONFIG": 1,
    "PREPROCESS": 2,
    "TOKENIZE": 2,
    "TRAIN": 2,
    "TRAIN_FROM": 1,
    "EVALUATE": 2,
    "PERTURB": 1,
    "DESIGN": 1,
    "PREDICT": 1,
    "COMPARE": 1,
    "REPORT": 1,
}
STUB_RESULTS = [
    "comparison/manifest.json",
    "multiqc/stub_mqc.json",
    "pipeline_info/dag.mmd",
    "pipeline_info/plan.json",
    "pipeline_info/report.html",
    "pipeline_info/timeline.html",
    "pipeline_info/trace.txt",
    "pipeline_info/versions.yml",
    "report.html",
    "runs/base-1/designs/manifest.json",
    "runs/base-1/effects/manifest.json",
    "runs/base-1/evaluation/manifest.json",
    "runs/base-1/models/A-seed1-fold0",
    "runs/base-1/models/A-seed2-fold0",
    "runs/base-1/models/B-seed1-fold0",
    "runs/base-1/models/B-seed2-fold0",
    "runs/other-3/predictions/predictions.parquet",
    "runs/tuned-2/evaluation/manifest.json",
    "runs/tuned-2/models/A-seed1-fold0",
]


def leaves(folder: Path) -> list[str]:
    """Return every file and every empty folder below `folder`."""
    found = [path for path in folder.rglob("*") if path.is_file() or not any(path.iterdir())]
    return sorted(str(path.relative_to(folder)) for path in found)


def test_every_stage_has_a_process_and_every_process_a_stage() -> None:
    processes = {path.parent.name for path in ROOT.glob("modules/*/main.nf")}
    assert processes - {"simulate"} == set(STAGES)


@pytest.mark.parametrize("module", sorted(ROOT.glob("modules/*/main.nf")), ids=lambda path: path.parent.name)
def test_module_is_one_process_named_like_its_command(module: Path) -> None:
    text = module.read_text()
    assert re.findall(r"^process (\w+)", text, re.MULTILINE) == [module.parent.name.upper()]
    assert re.findall(r"^    gxtool (\w+)", text, re.MULTILINE) == [module.parent.name]
    assert len(text.splitlines()) <= 45


@pytest.mark.parametrize("module", sorted(ROOT.glob("modules/*/main.nf")), ids=lambda path: path.parent.name)
def test_script_and_tag_hold_nothing_that_a_person_or_a_file_wrote(module: Path) -> None:
    """Checked or made by gxtool itself: ids, runs' names, a device of three, and what Nextflow says of the task."""
    scripts = " ".join(re.findall(r'"""(.*?)"""', module.read_text(), re.DOTALL))
    tags = " ".join(re.findall(r"^    tag (.*)$", module.read_text(), re.MULTILINE))
    assert "<<" not in scripts
    values = set(re.findall(r"(?<!\\\\)\$\{(.*?)[}(]", scripts + tags))
    assert values <= {
        "written",
        "encoded",
        "item.id",
        "item.run",
        "device",
        "task.process",
        "task.attempt",
        "inputs",  # folders that Nextflow itself numbers
        "plan",
        "moduleDir",  # of a file that is read and encoded
        "init ? '--from init' : ''",
    }


def test_main_script_is_short_and_only_it_reads_parameters() -> None:
    assert len((ROOT / "main.nf").read_text().splitlines()) <= 150
    assert not [path for path in ROOT.glob("modules/**/*.nf") if "params." in path.read_text()]


def test_version_is_the_same_for_python_pipeline_and_images() -> None:
    text = (ROOT / "nextflow.config").read_text()
    assert re.findall(r"version = '(.+?)'", text) == [__version__]
    assert re.findall(r"image = 'gxtool:(.+?)'", text) == [__version__]


def test_whole_graph_as_a_stub_and_again_from_the_cache(start: Callable, engine: str, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    first = start(folder, "run", str(ROOT), "-profile", "test", "-stub-run", GXTOOL_ENGINE=engine)
    assert first.status == 0, first.terminal
    assert first.count("COMPLETED") == STUB_TASKS
    assert leaves(folder / "results") == STUB_RESULTS
    assert f"The report is {folder}/results/report.html" in first.terminal
    again = start(folder, "run", str(ROOT), "-profile", "test", "-stub-run", "-resume", GXTOOL_ENGINE=engine)
    assert again.count("CACHED") == STUB_TASKS


def test_scripts_and_configuration_lint_without_a_warning(start: Callable) -> None:
    """One start for all: this lint crashes, and so fails, at the first file that has a warning."""
    done = start(ROOT, "lint", *SCRIPTS, GXTOOL_ENGINE="25.04.4")
    files = [*ROOT.glob("*.nf"), *ROOT.glob("modules/**/*.nf"), *ROOT.glob("conf/*"), ROOT / "nextflow.config"]
    assert f"{len(files)} files had no errors" in done.terminal
    assert (done.status, "warning" in done.terminal.lower()) == (0, False), done.terminal
