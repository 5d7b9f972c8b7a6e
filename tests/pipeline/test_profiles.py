"""Profiles mean the same in every order: read from `nextflow config`, which starts nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENGINES = ("docker", "podman", "apptainer", "singularity")
pytestmark = pytest.mark.pipeline


def settings(start: Callable, folder: Path, profiles: str, engine: str) -> dict[str, str]:
    done = start(folder, "config", "-flat", "-profile", profiles, str(ROOT), GXTOOL_ENGINE=engine)
    assert done.status == 0, done.terminal
    return dict(line.split(" = ", 1) for line in done.terminal.splitlines() if " = " in line)


def enabled(found: dict[str, str]) -> list[str]:
    return [name for name in ENGINES if found[f"{name}.enabled"] == "true"]


@pytest.mark.parametrize(
    ("profiles", "expected"),
    [("test", []), ("gpu", ["docker"]), ("gpu,podman", ["podman"]), ("apptainer,gpu", ["apptainer"])],
)
def test_gpu_implies_docker_unless_another_engine_is_named(
    start: Callable, engine: str, tmp_path: Path, profiles: str, expected: list[str]
) -> None:
    found = settings(start, tmp_path, profiles, engine)
    assert enabled(found) == expected
    image = found["process.'withLabel:process_gpu'.container"].strip("'")
    assert image.endswith("-cuda" if "gpu" in profiles else "-cpu")
    assert found["params.device"] == ("'cuda'" if "gpu" in profiles else "'auto'")


def test_cluster_profile_lifts_the_limits_of_one_machine(start: Callable, engine: str, tmp_path: Path) -> None:
    found = settings(start, tmp_path, "slurm,gpu,apptainer", engine)
    assert found["process.executor"] == "'slurm'"
    limits = found.get("process.resourceLimits") or found["process.resourceLimits.cpus"]
    assert "128" in limits
    assert found["process.'withName:.*'.maxForks"] == "0"
    assert enabled(found) == ["apptainer"]


def test_cloud_runs_containers_itself_and_keeps_no_progress(start: Callable, engine: str, tmp_path: Path) -> None:
    found = settings(start, tmp_path, "gpu,awsbatch", engine)
    assert enabled(found) == []
    assert (found["process.executor"], found["params.checkpoint_dir"]) == ("'awsbatch'", "''")
