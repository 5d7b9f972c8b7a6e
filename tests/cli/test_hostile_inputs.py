"""Pipes, devices and sockets under every option and column: refused by type, never waited for, nothing left behind."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gxtool import api
from gxtool.cli import app
from gxtool.errors import GxtoolError, InputError
from gxtool.models.base import Family
from gxtool.models.registry import families

KINDS = ("a pipe (FIFO)", "a device", "a socket")


@contextmanager
def seconds(limit: int) -> Iterator[None]:
    """Fail instead of waiting for ever at a pipe."""
    previous = signal.signal(signal.SIGALRM, lambda *_: pytest.fail(f"no answer in {limit} seconds"))
    signal.alarm(limit)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


@pytest.fixture(params=KINDS)
def special(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Path]:
    """Return what a file is, and its path; the working folder is an empty one."""
    place = tmp_path / "there"
    place.mkdir()
    path = place / "special"
    if request.param == "a pipe (FIFO)":
        os.mkfifo(path)
    elif request.param == "a device":
        path.symlink_to("/dev/zero")
    else:
        monkeypatch.chdir(place)  # names of sockets are short
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("special")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    return request.param, path


def refused(kind: str, *arguments: object) -> str:
    with seconds(60):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert isinstance(result.exception, GxtoolError), f"{result.output} {result.exception!r}"
    assert result.exception.exit_code in (3, 4)
    assert kind in str(result.exception)
    assert not list(Path().iterdir())
    return str(result.exception)


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "SPECIAL", "--model", "FAMILY"),
        ("config", "--model", "FAMILY", "--input", "SPECIAL", "--output", "plan.json"),
        ("config", "--model", "FAMILY", "--config", "SPECIAL"),
        ("config", "--runs", "SPECIAL", "--output", "plan.json"),
        ("preprocess", "--model", "FAMILY", "--input", "SPECIAL", "--output", "examples"),
        ("train", "--item", "SPECIAL"),
    ],
    ids=lambda arguments: " ".join(arguments[:1] + arguments[-2:-1]),
)
def test_special_files_under_options_are_refused_by_type(special: tuple[str, Path], arguments: tuple) -> None:
    kind, path = special
    name = sorted(families())[0]
    refused(kind, *({"SPECIAL": path, "FAMILY": name}.get(word, word) for word in arguments))


COLUMNS = [
    (name, column.name) for name, family in sorted(families().items()) for column in family.columns if column.path
]


@pytest.mark.parametrize(("name", "column"), COLUMNS)
def test_special_files_in_every_path_column_are_refused_by_type(
    special: tuple[str, Path], name: str, column: str
) -> None:
    kind, path = special
    family: Family = families()[name]
    required = [other.name for other in family.columns if other.required and other.name != column]
    names = [*required, "H3K4me3" if column == "*" else column]
    sheet = path.parent / "sheet.csv"
    cells = [
        "E003" if not other.path else "special" for word in required for other in family.columns if other.name == word
    ]
    sheet.write_text(",".join(names) + "\n" + ",".join([*cells, "special"]) + "\n")
    sentence = refused(kind, "preprocess", "--model", name, "--input", sheet, "--output", "examples")
    assert f"{sheet}: sample E003, column {names[-1]}: " in sentence


def test_plan_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    api.simulate(tmp_path / "raw", "histone")
    (tmp_path / "plan.json").mkdir()
    arguments = ["config", "--model", "histone", "--input", str(tmp_path / "raw" / "samplesheet.csv"), "--output"]
    for place in ("plan.json", "nowhere/plan.json"):
        result = CliRunner().invoke(app, [*arguments, str(tmp_path / place)])
        assert isinstance(result.exception, InputError), f"{result.output} {result.exception!r}"
        assert "cannot be written" in str(result.exception)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plan.json", "raw"]
