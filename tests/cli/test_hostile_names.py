"""Names from sheets, folders, archives, runs files and options, through the commands: refused in one line, or harmless.

`canary` is the folder where everything runs: a name that is executed, or that leaves its folder, leaves a file there.
"""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import polars as pl
import pytest
from hostile_names import CONTROL, HOSTILE, NO_RUNS, ODD
from typer.testing import CliRunner, Result

from gxtool.cli import app
from gxtool.errors import ConfigError, GxtoolError, InputError, UsageError
from gxtool.io.row_names import check_row_names
from gxtool.models.plan import RunRequest, build_plan
from gxtool.models.registry import families, get_family
from gxtool.models.stages import read_rows

FAMILY = "histone"
NAMED = [name for name in HOSTILE if name.strip()]
"""A cell with nothing or spaces only is empty, which the sheet's reader refuses in its own words."""


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder where commands run."""
    folder = tmp_path / "canary"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refusal(*arguments: object) -> str:
    """Return the one line by which a command refuses a name."""
    result = run(*arguments)
    assert isinstance(result.exception, (InputError, ConfigError, UsageError)), f"{result.output} {result.exception!r}"
    text = str(result.exception)
    assert "\n" not in text
    assert len(text) < 700
    return text


def write_sheet(folder: Path, family: str, names: list[str]) -> Path:
    """Write a samplesheet of the family whose paths exist; what the files hold is never looked at."""
    columns = [column for column in get_family(family).columns if column.required]
    columns += [column for column in get_family(family).columns if column.name == "data" and not column.required]
    (folder / "file.csv").write_text("x\n")
    with (folder / "sheet.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([column.name for column in columns])
        table.writerows([["file.csv" if column.path else name for column in columns] for name in names])
    return folder / "sheet.csv"


@pytest.mark.parametrize("family", sorted(families()))
@pytest.mark.parametrize("name", NAMED, ids=ascii)
def test_no_command_reads_a_sheet_with_a_hostile_sample(family: str, name: str, tmp_path: Path, canary: Path) -> None:
    if name != name.strip():
        pytest.skip("cells are read without the spaces around them") if name.strip() in ODD else None
    sheet = write_sheet(tmp_path, family, [name])
    try:
        rows = read_rows(get_family(family), sheet)
    except GxtoolError:
        for command in (
            ("check", sheet, "--model", family),
            ("config", "--model", family, "--input", sheet, "--output", "plan.json"),
            ("preprocess", "--model", family, "--input", sheet, "--output", "examples"),
        ):
            assert "sample name" in (said := refusal(*command)) or "null byte" in said
    else:  # the spaces around a cell are no part of it
        assert rows[0][next(iter(rows[0]))] == name.strip() != name
    assert list(canary.iterdir()) == []


@pytest.mark.parametrize("family", sorted(families()))
def test_odd_but_harmless_samples_are_planned_as_they_are(family: str, tmp_path: Path, canary: Path) -> None:
    sheet = write_sheet(tmp_path, family, list(ODD))
    plan = build_plan([RunRequest(model=family, input=sheet)])
    assert [item["name"] for item in plan["preprocess"]] == list(ODD)
    trained = {sample for item in plan["train"] for sample in item["samples"]}
    assert trained in (set(ODD), set())


@pytest.mark.parametrize("name", [name for name in NAMED if "/" not in name and "\0" not in name and len(name) < 99])
def test_folders_and_archives_name_samples_too(name: str, tmp_path: Path, canary: Path) -> None:
    if len(name.encode()) > 250:
        return  # no file system has it
    table = "gene1_1,1,2,3,4,5,1\n"
    with zipfile.ZipFile(tmp_path / "cells.zip", "w") as archive:
        for part in ("train", "valid", "test"):
            archive.writestr(f"{name}/classification/{part}.csv", table)
            path = tmp_path / "cells" / name / "classification" / f"{part}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(table)
    for source in (tmp_path / "cells", tmp_path / "cells.zip"):
        assert refusal("preprocess", "--model", FAMILY, "--input", source, "--output", "examples")
        assert refusal("config", "--model", FAMILY, "--input", source, "--output", "plan.json")
    assert list(canary.iterdir()) == []


@pytest.mark.parametrize("name", [*NAMED, *NO_RUNS], ids=ascii)
def test_hostile_runs_are_refused_wherever_they_are_named(name: str, tmp_path: Path, canary: Path) -> None:
    sheet = write_sheet(tmp_path, FAMILY, ["a"])
    runs = tmp_path / "runs.yaml"
    runs.write_text(json.dumps({"runs": [{"model": FAMILY, "input": str(sheet), "name": name}]}))
    # A control character may be refused by the reader of the file already.
    refusal("config", "--runs", runs, "--output", "plan.json")
    assert "--name" in refusal("train", "--model", FAMILY, f"--name={name}", "--input", "d", "--output", "m")
    assert list(canary.iterdir()) == []


@pytest.mark.parametrize("option", ["--model", "--preset", "--judge", "--set", "--seeds", "--from", "--task"])
@pytest.mark.parametrize("value", NAMED, ids=ascii)
def test_hostile_options_are_refused_in_one_line(option: str, value: str, tmp_path: Path, canary: Path) -> None:
    sheet = write_sheet(tmp_path, FAMILY, ["a"])
    model = () if option == "--model" else ("--model", FAMILY)
    text = refusal("config", *model, "--input", sheet, "--output", "plan.json", f"{option}={value}")
    assert text
    assert list(canary.iterdir()) == []


@pytest.mark.parametrize("name", CONTROL, ids=ascii)
def test_columns_units_and_groups_hold_no_control_characters(name: str, tmp_path: Path, canary: Path) -> None:
    if "\0" not in name:
        with (tmp_path / "sheet.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["sample", name], ["a", "."]])
        if name == name.strip():
            assert refusal("config", "--model", FAMILY, "--input", tmp_path / "sheet.csv", "--output", "plan.json")
    for column in ("unit", "group"):
        pl.DataFrame({column: ["fine", name, "fine"]}).write_parquet(tmp_path / "rows.parquet")
        with pytest.raises(InputError, match=f"rows: the {column} .* holds a control character"):
            check_row_names(tmp_path / "rows.parquet", "rows")


def test_units_by_the_million_are_checked_in_seconds(tmp_path: Path) -> None:
    names = pl.DataFrame({"group": pl.int_range(3_000_000, eager=True).cast(pl.String)})
    names.write_parquet(tmp_path / "rows.parquet")
    check_row_names(tmp_path / "rows.parquet", "rows")
    pl.concat([names, pl.DataFrame({"group": ["x" * 201]})]).write_parquet(tmp_path / "rows.parquet")
    with pytest.raises(InputError, match="is not text of 1 to 200 characters"):
        check_row_names(tmp_path / "rows.parquet", "rows")
