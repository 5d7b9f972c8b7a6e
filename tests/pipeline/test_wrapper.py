"""`./nextflow` finds an engine and a Java, `bin/gxtool` finds the locked environment."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.pipeline


def run(command: list[str | Path], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=120
    )


def program(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/bash", *lines, ""]))
    path.chmod(0o755)
    return path


def only(folder: Path, *programs: str) -> str:
    """Return a PATH that holds nothing but these programs of this machine and what else is in `folder`."""
    folder.mkdir(exist_ok=True)
    for name in programs:
        (folder / name).symlink_to(Path(shutil.which(name) or name).resolve())
    return str(folder)


SHELL = ("bash", "env", "dirname", "readlink", "sed", "sort", "rm", "mkdir", "mktemp")


def test_cached_engine_starts_without_maven_and_without_a_network(tmp_path: Path) -> None:
    done = run([ROOT / "nextflow", "-v"], PATH=only(tmp_path / "programs", *SHELL, "java"), GXTOOL_ENGINE="24.10.0")
    assert (done.returncode, done.stdout.strip()) == (0, "nextflow version 24.10.0.5928"), done.stderr


def test_recent_nextflow_on_path_is_preferred_and_gets_all_arguments(tmp_path: Path) -> None:
    path = only(tmp_path / "programs", *SHELL)
    program(
        tmp_path / "programs/nextflow", 'if [ "$1" = -v ]; then echo nextflow version 25.10.2.5914; fi', 'echo "$@"'
    )
    done = run([ROOT / "nextflow", "run", "a b.nf"], PATH=path, GXTOOL_ENGINE="")
    assert done.stdout == "run a b.nf\n"


def test_old_nextflow_on_path_and_the_wrapper_itself_are_passed_over(tmp_path: Path) -> None:
    path = only(tmp_path / "programs", *SHELL, "java")
    (tmp_path / "programs/nextflow").symlink_to(ROOT / "nextflow")
    program(tmp_path / "old/nextflow", "echo nextflow version 24.04.4.5917")
    done = run([ROOT / "nextflow", "-v"], PATH=f"{path}:{tmp_path}/old", GXTOOL_ENGINE="")
    assert done.stdout.strip() == "nextflow version 24.10.0.5928", done.stderr


def test_unknown_engine_names_the_known_ones() -> None:
    done = run([ROOT / "nextflow", "-v"], GXTOOL_ENGINE="9.9")
    assert done.returncode == 5
    assert done.stderr == "nextflow: GXTOOL_ENGINE is '9.9', expected one of: 24.10.0 25.04.4\n"


def test_half_fetched_engine_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    path = only(tmp_path / "programs", *SHELL, "java")
    program(tmp_path / "programs/mvn", "exit 1")
    done = run([ROOT / "nextflow", "-v"], PATH=path, XDG_CACHE_HOME=str(tmp_path / "cache"), GXTOOL_ENGINE="24.10.0")
    assert done.returncode == 5
    assert "no Nextflow engine: install maven" in done.stderr
    assert list((tmp_path / "cache/gxtool/engine").iterdir()) == []


def test_java_that_is_too_old_and_no_uv_say_what_to_install(tmp_path: Path) -> None:
    path = only(tmp_path / "programs", *SHELL)
    program(tmp_path / "programs/java", """echo 'openjdk version "11.0.2" 2019-01-15' >&2""")
    done = run(
        [ROOT / "nextflow", "-v"], PATH=path, JAVA_HOME="", XDG_CACHE_HOME=str(tmp_path), GXTOOL_ENGINE="24.10.0"
    )
    assert done.returncode == 5
    assert "install a Java runtime" in done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with a space in its name that holds the launcher and an environment's gxtool."""
    folder = tmp_path / "a checkout"
    (folder / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "bin/gxtool", folder / "bin/gxtool")
    program(folder / ".venv/bin/gxtool", 'echo locked "$@"')
    return folder


def test_launcher_runs_the_environment_beside_it_also_through_a_link(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "gxtool").symlink_to(checkout / "bin/gxtool")
    assert run([tmp_path / "gxtool", "train", "x y"]).stdout == "locked train x y\n"


def test_launcher_without_environment_gives_way_to_another_gxtool(checkout: Path, tmp_path: Path) -> None:
    shutil.rmtree(checkout / ".venv")
    program(tmp_path / "elsewhere/gxtool", 'echo other "$@"')
    path = f"{checkout}/bin:{tmp_path}/elsewhere:/usr/bin:/bin"
    assert run([checkout / "bin/gxtool", "families"], PATH=path).stdout == "other families\n"


def test_launcher_without_any_environment_says_how_to_make_one(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv")
    done = run([checkout / "bin/gxtool", "families"], PATH=f"{checkout}/bin:/usr/bin:/bin")
    assert done.returncode == 5
    assert done.stderr.startswith("gxtool: error: there is no environment in ")
    assert "run 'make setup' there" in done.stderr
