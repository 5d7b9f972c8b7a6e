"""The command line as a person meets it: help, one run from files to page, and one sentence for every mistake."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gxtool.cli import STAGES, app
from gxtool.errors import GxtoolError
from gxtool.io.samplesheet import read_samplesheet
from gxtool.models.registry import families

FAMILY = "histone"
GXTOOL = Path(sys.executable).with_name("gxtool")


def run(*arguments: object) -> Result:
    """Run a command in this process; a GxtoolError is kept as the result's exception."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def sentence(*arguments: object) -> tuple[int, str]:
    """Return exit code and sentence of a command that fails."""
    result = run(*arguments)
    assert isinstance(result.exception, GxtoolError), f"{arguments}: {result.output} {result.exception!r}"
    return result.exception.exit_code, str(result.exception)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run every stage once on simulated data, with the smallest preset."""
    folder = tmp_path_factory.mktemp("run")
    where = {name: folder / name for name in ("raw", "examples", "dataset", "models", "evaluation", "comparison")}
    steps = [
        ("simulate", "--model", FAMILY, "--output", where["raw"]),
        ("preprocess", "--model", FAMILY, "--input", where["raw"] / "samplesheet.csv", "--output", where["examples"]),
        ("tokenize", "--input", where["examples"], "--output", where["dataset"]),
        ("train", "--preset", "tiny", "--input", where["dataset"], "--output", where["models"]),
        ("evaluate", "--checkpoint", where["models"], "--input", where["dataset"], "--output", where["evaluation"]),
        ("perturb", "--checkpoint", where["models"], "--input", where["dataset"], "--output", folder / "effects"),
        ("compare", "--input", where["evaluation"], "--output", where["comparison"]),
        ("report", "--input", folder, "--output", folder / "report"),
    ]
    for step in steps:
        result = run(*step)
        assert result.exit_code == 0, f"{step}: {result.output} {result.exception!r}"
    return folder


def test_every_stage_leaves_its_artifact(folder: Path) -> None:
    assert (folder / "report/report.html").stat().st_size > 1000
    for name in ("examples", "dataset", "evaluation", "comparison", "effects"):
        assert run("inspect", folder / name, "--verify").exit_code == 0
    assert len(list((folder / "models").glob("*/model.safetensors"))) == 3


def test_scores_stand_beside_baselines_as_json(folder: Path) -> None:
    metrics = json.loads((folder / "evaluation/metrics.json").read_text())
    sample = metrics["samples"][0]
    assert set(sample["baselines"]) == {"gene_average", "sum_h3k4me3", "logistic_regression", "gradient_boosting"}
    assert metrics["looks"][0]["role"] == "test"
    # A planted signal that a model of chance level would not find.
    assert sample["model"]["auroc"]["low"] > 0.5


def test_raw_data_is_predicted_as_the_dataset_is(folder: Path, tmp_path: Path) -> None:
    sheet, dataset = folder / "raw/samplesheet.csv", folder / "dataset"
    for source, output in ((sheet, "raw"), (dataset, "dataset")):
        result = run("predict", "--checkpoint", folder / "models", "--input", source, "--output", tmp_path / output)
        assert result.exit_code == 0, result.output
    first, second = ((tmp_path / name / "predictions.tsv").read_text() for name in ("raw", "dataset"))
    assert first == second
    assert first.startswith("sample\tgene\tlabel\tp\n")


@pytest.mark.parametrize(("stage", "source"), [("tokenize", "examples"), ("train", "dataset")])
def test_another_family_than_the_input_is_told_as_a_setting(
    folder: Path, tmp_path: Path, stage: str, source: str
) -> None:
    other = next(name for name in families() if name != FAMILY)
    code, text = sentence(stage, "--model", other, "--input", folder / source, "--output", tmp_path / "out")
    assert code == 4
    assert text == (
        f"--model {other}: {folder / source} belongs to family {FAMILY}, expected that family, or none named"
    )
    assert not any(tmp_path.iterdir())


def test_train_knows_the_published_options_of_its_dataset(folder: Path, tmp_path: Path) -> None:
    """Without --model they are those of the dataset's family."""
    given = ("train", "--input", folder / "dataset", "--output", tmp_path / "out", "--preset", "tiny")
    code, text = sentence(*given, "--lr", "-1")
    assert (code, text) == (4, "--set: training.learning_rate is -1, expected greater than 0")


def test_a_model_without_its_settings_is_told(folder: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(folder / "models", models)
    lost = min(models.glob("*/settings.yaml"))
    lost.unlink()
    expected = (3, f"{lost}: is missing, expected it as it was written; make the artifact again")
    assert sentence("inspect", lost.parent, "--verify") == expected
    for stage in ("evaluate", "perturb", "predict"):
        given = ("--checkpoint", models, "--input", folder / "dataset", "--output", tmp_path / stage)
        assert sentence(stage, *given) == expected


def test_the_report_names_family_baselines_and_perturbation(folder: Path) -> None:
    page = (folder / "report/report.html").read_text()
    for words in ("logistic regression", "H3K4me3", "tiny", "AUROC"):
        assert words in page


def test_train_typed_with_an_unknown_family_names_those_there_are() -> None:
    code, text = sentence("train", "--model", "gxnone")
    assert (code, text) == (4, f"--model gxnone: no such family, expected one of {', '.join(sorted(families()))}")


def test_train_gxbert_typed_to_the_letter_says_what_it_needs() -> None:
    """While there is no such family, the families there are; once there is one, its input and what makes it."""
    code, text = sentence("train", "--model", "gxbert")
    if "gxbert" in families():
        assert (code, text.startswith("--input is missing: the dataset to train on;")) == (2, True)
    else:
        assert (code, text) == (4, f"--model gxbert: no such family, expected one of {', '.join(sorted(families()))}")


def test_train_typed_with_nothing_else_says_what_it_needs_and_what_makes_it() -> None:
    code, text = sentence("train", "--model", FAMILY)
    assert code == 2
    assert text == (
        f"--input is missing: the dataset to train on; `gxtool preprocess --model {FAMILY}` and then "
        "`gxtool tokenize` make it"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("preprocess", "--model", FAMILY, "--input", "gone.csv", "--output", "x"), 3, "gone.csv: does not exist"),
        (
            ("preprocess", "--model", FAMILY, "--input", "https://a.org/b.csv", "--output", "x"),
            3,
            "--input https://a.org/b.csv: is a URL, expected a samplesheet or a folder on this machine",
        ),
        (("config", "--model", FAMILY, "--preset", ","), 2, "--preset ,: has no name beside a comma, expected presets"),
        (("config", "--model", FAMILY, "--preset", "tiny,"), 2, "--preset tiny,: has no name beside a comma"),
        (("train",), 2, "--input is missing: the dataset to train on; `gxtool preprocess --model NAME` and then"),
        (("config", "--model", FAMILY, "--set", "training.epochs=0"), 4, "training.epochs is 0, expected greater"),
        (("config", "--model", FAMILY, "--set", "training.epoch=1"), 4, "did you mean epochs?"),
        (("config", "--model", FAMILY, "--preset", "convent"), 4, "did you mean convnet?"),
        (("config", "--model", FAMILY, "--lrr", "1"), 2, "--lrr: no such option, did you mean --lr?"),
        (("config", "--runs", "r.yaml", "--model", FAMILY), 2, "--runs names what each run is, expected no --model"),
        (("config", "--runs", "r.yaml", "--seeds", "3"), 2, "--runs names what each run is, expected no --seeds"),
        (("config", "--model", FAMILY, "--input", ".", "--output", "p.json", "--seeds", "x"), 4, "--seeds: found 'x'"),
        (("evaluate", "--checkpoint", "none", "--input", "d", "--output", "e"), 3, "none: is no folder"),
        (("inspect", "."), 3, "has no manifest.json"),
        (("report", "--input", "none", "--output", "r"), 3, "none"),
        (("simulate", "--model", FAMILY, "--output", "raw", "--size", "huge"), 4, "expected one of demo, full"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_a_mistake_is_one_sentence(
    arguments: tuple[str, ...], code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found, text = sentence(*arguments)
    assert found == code
    assert words in text
    assert "\n" not in text
    assert list(tmp_path.iterdir()) == []


def test_published_option_names_resolve_to_their_fields() -> None:
    result = run("config", "--model", FAMILY, "--lr", "0.25", "--mix", "True", "--debug")
    assert result.exit_code == 0, result.output
    assert "learning_rate: 0.25\n" in result.stdout
    assert "per_sample: false\n" in result.stdout
    assert "histograms: true\n" in result.stdout


def test_init_writes_a_sheet_and_a_configuration_that_changes_nothing(tmp_path: Path) -> None:
    assert run("init", "--model", FAMILY, "--output", tmp_path).exit_code == 0
    (row,) = read_samplesheet(tmp_path / "samplesheet.csv", ["sample"], ["*"])
    assert {name: value for name, value in row.items() if value} == {"sample": "NAME", "data": "path/to/data"}
    assert "# any other column: track of the mark" in (tmp_path / "samplesheet.csv").read_text()
    plain = run("config", "--model", FAMILY)
    commented = run("config", "--model", FAMILY, "--config", tmp_path / "config.yaml")
    assert commented.stdout == plain.stdout
    uncommented = "\n".join(line.removeprefix("#") for line in (tmp_path / "config.yaml").read_text().splitlines()[2:])
    (tmp_path / "all.yaml").write_text(uncommented)
    assert run("config", "--model", FAMILY, "--config", tmp_path / "all.yaml").stdout == plain.stdout
    code, text = sentence("init", "--model", FAMILY, "--output", tmp_path)
    assert code == 3
    assert "exists already" in text


def test_families_as_json_lists_presets_and_parameter_counts() -> None:
    listed = json.loads(run("families", "--json").stdout)
    histone = next(family for family in listed if family["name"] == FAMILY)
    assert histone["presets"]["convnet-published"] == 782_845
    assert histone["published_options"]["data_dir"] == "--input"


def test_data_goes_to_standard_output_and_words_to_standard_error(folder: Path) -> None:
    result = run("inspect", folder / "dataset", "--json")
    assert json.loads(result.stdout)["kind"] == "dataset"
    assert run("compare", "--input", folder / "evaluation", "--output", folder / "again").stdout == ""


def test_help_names_every_stage_and_imports_neither_torch_nor_pandas() -> None:
    code = (
        "import sys\n"
        "from gxtool.cli import main\n"
        "sys.argv = ['gxtool', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "print(sorted({'torch', 'pandas', 'polars', 'numpy', 'pydantic'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    for stage in STAGES:
        assert stage in done.stdout


def test_an_error_reaches_the_shell_as_one_line_and_a_code(tmp_path: Path) -> None:
    done = subprocess.run([GXTOOL, "inspect", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == f"gxtool: error: {tmp_path}: has no manifest.json, expected an artifact\n"
    assert done.stdout == ""
    traced = subprocess.run([GXTOOL, "--debug", "inspect", tmp_path], capture_output=True, text=True, check=False)
    assert "Traceback" in traced.stderr


def test_one_model_has_a_folder_of_its_name_as_several_have(folder: Path, tmp_path: Path) -> None:
    arguments = ("--model", FAMILY, "--preset", "tiny", "--input", folder / "dataset", "--output", tmp_path / "models")
    result = run("train", *arguments, "--samples", "SIM02", "--seeds", "4,", "--set", "training.epochs=1")
    assert result.exit_code == 0, result.output
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["SIM02-seed4-fold0"]


def test_the_demo_of_every_family_imports_torch_at_most_fifteen_times(tmp_path: Path) -> None:
    """Importing it takes seconds: every item of these stages is one process that does."""
    assert run("simulate", "--all", "--output", tmp_path / "all").exit_code == 0
    assert run("config", "--runs", tmp_path / "all/runs.yaml", "--output", tmp_path / "plan.json").exit_code == 0
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert 0 < sum(len(plan[stage]) for stage in ("train", "evaluate", "perturb", "design", "predict")) <= 15


def test_train_takes_the_data_section_of_the_dataset_and_refuses_another(folder: Path, tmp_path: Path) -> None:
    arguments = ("--model", FAMILY, "--preset", "tiny", "--input", folder / "dataset", "--output", tmp_path / "models")
    code, text = sentence("train", *arguments, "--set", "data.n_bins=50")
    assert code == 4
    assert text.startswith(f"--set: data.n_bins is 50, expected 100 as in {folder}/dataset/data.yaml")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stage", ["evaluate", "perturb", "predict"])
def test_models_are_not_told_what_they_are(folder: Path, tmp_path: Path, stage: str) -> None:
    arguments = ("--checkpoint", folder / "models", "--input", folder / "dataset", "--output", tmp_path / "out")
    code, text = sentence(stage, *arguments, "--set", "training.epochs=99")
    assert (code, text.partition(" as in ")[0]) == (4, "--set: training.epochs is 99, expected 3")
    code, text = sentence(stage, *arguments, "--preset", "convnet")
    assert code == 4
    assert "was trained with preset tiny" in text
    assert list(tmp_path.iterdir()) == []


def test_a_stage_prints_the_manifest_of_what_it_wrote_as_json(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "dataset"
    printed = json.loads(run("tokenize", "--model", FAMILY, "-i", folder / "examples", "-o", output, "--json").stdout)
    assert (printed["path"], printed["kind"]) == (str(output), "dataset")
    assert printed == json.loads(run("inspect", output, "--json").stdout)
    for stage in ("preprocess", "train", "evaluate", "predict", "perturb", "design", "compare"):
        assert "--json" in run(stage, "--help").stdout


def test_help_says_what_each_stage_reads_and_writes() -> None:
    seen = set()
    for stage in STAGES:
        lines = run(stage, "--help").stdout.splitlines()
        rows = [" ".join(line.strip(" │").split()) for line in lines]
        about = [row for row in rows if row.startswith(("--input", "--output"))]
        assert len(about) == 2, stage
        seen.add(about[1])
    assert len(seen) == len(STAGES)
