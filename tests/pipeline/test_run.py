"""Real runs on simulated data: what is redone, what is not, and what a person is told when the input is bad."""

from __future__ import annotations

import html
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gxtool.models.commands import plan_commands

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.pipeline, pytest.mark.slow]

BEFORE_TRAINING = {"SIMULATE": 1, "PREPROCESS": 3, "TOKENIZE": 1}
FROM_TRAINING_ON = {"TRAIN": 1, "EVALUATE": 1, "PERTURB": 1, "COMPARE": 1, "REPORT": 1}


@pytest.fixture(scope="module")
def launched(start: Callable, tmp_path_factory: pytest.TempPathFactory) -> Callable:
    """Return a function that runs the test profile, always in the same folder, whose name has a space in it."""
    folder = tmp_path_factory.mktemp("run") / "my results"
    folder.mkdir()

    def launch(*arguments: str) -> object:
        return start(folder, "run", str(ROOT), "-profile", "test", "-resume", *arguments, GXTOOL_ENGINE="24.10.0")

    assert (first := launch()).status == 0, first.terminal
    assert first.count("COMPLETED") == {**BEFORE_TRAINING, "CONFIG": 1, **FROM_TRAINING_ON}
    return launch


def test_unchanged_plan_redoes_nothing(launched: Callable) -> None:
    again = launched()
    assert again.count("CACHED") == {**BEFORE_TRAINING, "CONFIG": 1, **FROM_TRAINING_ON}
    assert again.count("COMPLETED") == {}


def test_new_learning_rate_redoes_training_and_nothing_before(launched: Callable) -> None:
    changed = launched("--set", "training.learning_rate=0.002")
    assert changed.count("CACHED") == BEFORE_TRAINING
    assert changed.count("COMPLETED") == {"CONFIG": 1, **FROM_TRAINING_ON}
    results = changed.folder / "results"
    assert "learning_rate=0.002" in (results / "pipeline_info/plan.json").read_text()
    # The first plan again, from the cache: what both plans write to the same place is its own now.
    assert launched().count("COMPLETED") == {}
    for name in ("pipeline_info/plan.json", "report.html"):
        assert "learning_rate=0.002" not in (results / name).read_text(), name


@pytest.mark.parametrize(
    ("setting", "redone"),
    [
        ("evaluation.baselines=[gene_average]", ("EVALUATE", "COMPARE", "REPORT")),
        ("perturb.map_rows=5", ("PERTURB", "REPORT")),
    ],
)
def test_settings_of_later_stages_rename_nothing_and_train_nothing(
    launched: Callable, setting: str, redone: tuple[str, ...]
) -> None:
    before = {path.parent.name: path.read_bytes() for path in models(launched())}
    changed = launched("--set", setting)
    expected = {"CONFIG", *redone}
    assert changed.count("COMPLETED").keys() == expected
    assert changed.count("CACHED").keys() == (BEFORE_TRAINING | FROM_TRAINING_ON).keys() - expected
    assert {path.parent.name: path.read_bytes() for path in models(changed)} == before
    assert [path.name for path in (changed.folder / "results/runs").iterdir()] == ["tiny"]


def models(launch: object) -> list[Path]:
    """Return the manifests of the published models."""
    return sorted((launch.folder / "results/runs/tiny/models").glob("*/manifest.json"))


def test_commands_of_the_report_work_in_the_folder_of_results(launched: Callable) -> None:
    """Every file that they name is there, and they make the artifacts again that the pipeline made, ids and all."""
    settings = "evaluation.baselines=[gene_average];perturb.max_rows=50;perturb.map_rows=5"
    results = launched("--set", settings).folder / "results"
    commands = plan_commands(json.loads((results / "pipeline_info/plan.json").read_text()))
    page = html.unescape((results / "report.html").read_text())
    assert all(command in page for command in commands)
    assert [shlex.split(command)[1] for command in commands] == [
        *["preprocess"] * 3, "tokenize", "train", "evaluate", "perturb", "compare", "report",
    ]  # fmt: skip
    for command in commands:
        subprocess.run([Path(sys.executable).with_name("gxtool"), *shlex.split(command)[1:]], cwd=results, check=True)
    again = {str(path.relative_to(results / "again")): path.read_text() for path in manifests(results / "again")}
    published = {str(path.relative_to(results)): path.read_text() for path in manifests(results)}
    assert again == published
    assert len(again) == 3 + 3  # models; evaluation, effects, comparison
    assert (results / "again/report.html").stat().st_size > 10_000
    shutil.rmtree(results / "again")


def manifests(folder: Path) -> list[Path]:
    """Return the manifests of what a folder of results shows: of runs and of their comparison."""
    return [path for part in ("runs", "comparison") for path in sorted((folder / part).rglob("manifest.json"))]


def test_results_are_laid_out_by_run_and_versions_are_kept(launched: Callable) -> None:
    results = launched().folder / "results"
    run = results / "runs/tiny"
    assert sorted(path.name for path in run.glob("models/*")) == [
        "SIM01-seed1-fold0",
        "SIM02-seed1-fold0",
        "SIM03-seed1-fold0",
    ]
    assert (results / "report.html").stat().st_size > 10_000
    assert (results / "comparison/manifest.json").is_file()
    assert list((results / "multiqc").glob("*_mqc.json"))
    versions = (results / "pipeline_info/versions.yml").read_text().splitlines()
    assert "TRAIN: {gxtool: '0.1.0'}" in versions
    assert not (results / "pipeline_info/error.txt").exists()


@pytest.fixture
def bad_sheet(tmp_path: Path) -> Path:
    """Return a samplesheet that is fine but for its one sample's folder, which holds a broken table."""
    folder = tmp_path / "E999/classification"
    folder.mkdir(parents=True)
    for name in ("train.csv", "valid.csv", "test.csv"):
        (folder / name).write_text("gene1_1,1,2,3,four,5,1\n")
    sheet = tmp_path / "samplesheet.csv"
    sheet.write_text("sample,data\nE999,E999\n")
    return sheet


def told(launch: object) -> str:
    """Return the sentence of error.txt, which stands on the terminal once, among the last lines."""
    sentence = (launch.folder / "results/pipeline_info/error.txt").read_text().strip()
    assert launch.terminal.count(sentence) == 1
    assert sentence in "\n".join(launch.terminal.splitlines()[-16:])
    return sentence


def test_bad_data_ends_with_one_sentence_and_is_not_tried_again(
    start: Callable, bad_sheet: Path, tmp_path: Path
) -> None:
    failed = start(tmp_path, "run", str(ROOT), "--model", "histone", "--input", str(bad_sheet))
    assert failed.status != 0
    sentence = told(failed)
    assert sentence.startswith("gxtool: error: ")
    assert "csv, line 1" in sentence
    assert [(row["status"], row["exit"], row["attempt"]) for row in failed.trace if row["status"] == "FAILED"] == [
        ("FAILED", "3", "1")
    ]


def test_missing_samplesheet_is_named(start: Callable, tmp_path: Path) -> None:
    failed = start(tmp_path, "run", str(ROOT), "--model", "histone", "--input", "nowhere.csv")
    assert failed.status != 0
    assert "nowhere.csv: no such file or folder" in told(failed)


def test_bad_setting_is_named_before_anything_else_runs(start: Callable, bad_sheet: Path, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "results", ignore_errors=True)
    settings = "training.epochs=2;training.learnin_rate=0.1"
    failed = start(tmp_path, "run", str(ROOT), "--model", "histone", "--input", str(bad_sheet), "--set", settings)
    assert "learnin_rate" in told(failed)
    assert [row["process"] for row in failed.trace] == ["CONFIG"]


def test_repeated_set_is_refused_because_the_engine_would_keep_only_the_last(start: Callable, tmp_path: Path) -> None:
    failed = start(tmp_path, "run", str(ROOT), "--set", "training.epochs=2", "--set", "training.seed=3")
    assert failed.status != 0
    assert "--set was given 2 times, expected one list" in failed.terminal
