"""What killed writers left goes with the next one; what living ones write stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.io.unfinished import Unfinished

WRITER = """
import sys, time
from pathlib import Path
from gxtool.io.artifact import ArtifactWriter
with ArtifactWriter(Path(sys.argv[1]), "examples", overwrite=True) as writer:
    writer.write_json("who.json", sys.argv[2])
    print("written", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def writer(output: Path, name: str) -> Iterator[subprocess.Popen]:
    """Start a process that has written half of an artifact; a line on its standard input lets it go on."""
    command = [sys.executable, "-c", WRITER, str(output), name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        yield process
        process.kill()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(output: Path, overwrite: bool = False) -> None:
    with ArtifactWriter(output, "examples", overwrite=overwrite) as artifact:
        artifact.write_json("who.json", "me")


def test_partial_folder_of_a_killed_writer_goes_with_the_next(tmp_path: Path) -> None:
    with writer(tmp_path / "a", "killed") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(names(tmp_path)) == 2
    assert {Path(name).suffix for name in names(tmp_path)} == {".partial", ".lock"}
    write(tmp_path / "a.b")
    assert len(names(tmp_path)) == 3
    write(tmp_path / "a")
    assert names(tmp_path) == ["a", "a.b"]


def test_two_living_writers_leave_each_other_alone(tmp_path: Path) -> None:
    with writer(tmp_path / "a", "first") as first, writer(tmp_path / "a", "second") as second:
        assert sum(name.endswith(".partial") for name in names(tmp_path)) == 2
        for process in (first, second):
            assert process.communicate(b"\n", timeout=60) == (b"", None)
            assert process.returncode == 0
    assert names(tmp_path) == ["a"]
    assert open_artifact(tmp_path / "a").json("who.json") == "second"


def test_partial_folder_without_a_lock_is_a_dead_ones(tmp_path: Path) -> None:
    for suffix in ("partial", "retired"):
        (tmp_path / f".a.0123abcd.{suffix}").mkdir()
    (tmp_path / ".a.0123abcd.partial" / "half").write_text("x")
    (tmp_path / ".a.notes.partial").mkdir()
    write(tmp_path / "a")
    assert names(tmp_path) == [".a.notes.partial", "a"]


def test_killed_between_two_renames_what_was_there_before_comes_back(tmp_path: Path) -> None:
    write(tmp_path / "a")
    before = open_artifact(tmp_path / "a").sha256
    os.rename(tmp_path / "a", tmp_path / ".a.0123abcd.retired")
    with pytest.raises(Exception, match="exists already"):
        write(tmp_path / "a")
    assert open_artifact(tmp_path / "a").sha256 == before
    assert names(tmp_path) == ["a"]


def test_failed_replacement_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a")
    rename = Path.rename

    def fails(self: Path, target: Path) -> Path:
        if self.suffix == ".partial":
            raise PermissionError(1, "Operation not permitted")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(PermissionError):
        write(tmp_path / "a", overwrite=True)
    assert names(tmp_path) == ["a"]
    assert open_artifact(tmp_path / "a").json("who.json") == "me"


def test_an_abandoned_folder_leaves_nothing(tmp_path: Path) -> None:
    unfinished = Unfinished(tmp_path / "deep" / "a")
    (unfinished.folder / "half").write_text("x")
    unfinished.abandon()
    assert names(tmp_path / "deep") == []
