"""Peers in environments of their own: uv is found where set-up puts it, and a peer that is missing is said loudly."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the benchmarks are scripts of the repository

from benchmarks import uv
from benchmarks.comparison import compare
from benchmarks.table import Result, finish, markdown
from benchmarks.timing import Lap


@pytest.fixture
def no_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home without uv, on a PATH without it."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    return tmp_path


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_without_uv_the_sentence_says_where_it_was_looked_for(no_uv: Path) -> None:
    with pytest.raises(FileNotFoundError, match="neither on PATH nor at .*/.cache/gxtool/uv/bin/uv"):
        uv.find_uv()


@pytest.mark.parametrize("cache", ["", "elsewhere"])
def test_the_uv_that_setup_installed_is_found(no_uv: Path, monkeypatch: pytest.MonkeyPatch, cache: str) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(no_uv / cache) if cache else "")
    installed = program(no_uv / (cache or ".cache") / "gxtool/uv/bin/uv")
    assert uv.find_uv() == str(installed)
    command = uv.with_packages(["pandas==2.3.3"], ["python", "-V"], offline=True)
    assert command == [
        *(str(installed), "run", "--offline", "--no-project", "--isolated"),
        *("--with", "pandas==2.3.3", "python", "-V"),
    ]


def test_the_uv_on_path_comes_first(no_uv: Path) -> None:
    program(no_uv / ".cache/gxtool/uv/bin/uv")
    on_path = program(no_uv / "bin/uv")
    assert uv.find_uv() == str(on_path)


def test_setup_installs_it_where_it_is_looked_for() -> None:
    script = (Path(__file__).resolve().parents[2] / "scripts/setup.sh").read_text()
    assert "cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/gxtool\n" in script
    assert 'echo "$cache/uv/bin/uv"\n' in script


def test_a_peer_that_was_not_measured_stands_in_the_table_and_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    laps = {"ours": [Lap(2.0, 2.0)], "polars": [Lap(3.0, 3.0)]}
    rows = compare("read", {"pandas": "pandas, groupby", "polars": "polars"}, laps, {"pandas": 60.0})
    assert "| read | pandas, groupby | **not measured** | 2 s |" in markdown(rows)
    assert "**not measured**" not in rows[1].cells()
    finish(Result("made_up", "tiny", tuple(rows)), None)
    assert capsys.readouterr().err == "NOT MEASURED: read: pandas, groupby\n"
