"""Commands in README and docs are true: those of the README run, all others are understood."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from gxtool.cli import app
from gxtool.models.params import params
from gxtool.models.registry import families
from gxtool.models.schema import generated

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """Return the gxtool commands of a page's shell blocks, without their comments."""
    lines = [line for block in BLOCK.findall(page.read_text()) for line in block.replace("\\\n", " ").splitlines()]
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in words if line and line[0] == "gxtool"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_on_a_page_exists(page: Path) -> None:
    aliases = {name for family in families().values() for name in family.aliases}
    known = get_command(app).commands
    for name, *arguments in commands(page):
        if name.startswith("-"):
            continue
        assert name in known, f"{page.name}: gxtool {name}"
        options = {option for parameter in known[name].params for option in parameter.opts}
        for word in arguments:
            option = word.partition("=")[0]
            if option.startswith("--") and option not in options:
                assert option.removeprefix("--") in aliases, f"{page.name}: gxtool {name} {option}"


def test_the_commands_of_the_readme_end_in_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One simulated cell type instead of three keeps it short; the commands are run to the letter."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    assert runner.invoke(app, ["simulate", "--model", "histone", "--output", "raw"]).exit_code == 0
    header, first = (tmp_path / "raw/samplesheet.csv").read_text().splitlines()[:2]
    sample = first.split(",")[0]
    (tmp_path / "samplesheet.csv").write_text(f"{header}\n{first.replace(f',{sample}', f',raw/{sample}')}\n")
    walked = commands(ROOT / "README.md")
    stages = [command[0] for command in walked]
    assert stages == ["init", "preprocess", "tokenize", "train", "evaluate", "compare", "report"]
    for command in walked:
        result = runner.invoke(app, command)
        assert result.exit_code == 0, f"{command}: {result.output} {result.exception!r}"
    assert (tmp_path / "report/report.html").stat().st_size > 1_000_000
    assert len(list((tmp_path / "models").glob("*/model.safetensors"))) == 3


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_generated_files_are_fresh() -> None:
    for name, content in generated(ROOT).items():
        path = ROOT / name
        assert path.is_file(), f"{name} is missing: python -m gxtool.models.schema ."
        assert path.read_text() == content, f"{name} is stale: python -m gxtool.models.schema ."


def test_parameters_of_the_schema_are_those_of_the_pipeline_with_their_defaults() -> None:
    block = re.search(r"^params \{\n(.*?)^\}", (ROOT / "nextflow.config").read_text(), re.MULTILINE | re.DOTALL).group(
        1
    )
    there = dict(re.findall(r"^    (\w+) = (.+?)(?: //.*)?$", block, re.MULTILINE))
    declared = {param.name: param for group in params().values() for param in group}
    assert set(there) == set(declared)
    for name, param in declared.items():
        if param.default is not None:
            assert there[name].strip("'") == str(param.default).lower()


def test_every_parameter_is_explained_in_usage() -> None:
    usage = (ROOT / "docs/usage.md").read_text()
    for group in params().values():
        for param in group:
            assert f"`--{param.name}`" in usage, param.name
