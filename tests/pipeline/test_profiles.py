"""Profiles mean the same in every order, and the GPU goes to what trains and to nothing else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
ON_GPU = ("TRAIN", "TRAIN_FROM", "EVALUATE", "PREDICT", "PERTURB", "DESIGN")
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


def test_cloud_runs_containers_itself_and_keeps_no_progress(start: Callable, tmp_path: Path) -> None:
    found = settings(start, tmp_path, "gpu,awsbatch", "24.10.0")  # later engines ask for the cloud's module first
    assert enabled(found) == []
    assert (found["process.executor"], found["params.checkpoint_dir"]) == ("'awsbatch'", "''")


# Stands for Docker: writes down how it was called, then does what the container would have been told, right here.
FAKE_DOCKER = """#!/bin/bash
echo "$*" >>"$DOCKER_LOG"
if [ "$1" = run ]; then eval "${@: -1}"; fi
"""


@pytest.fixture
def docker(tmp_path: Path) -> dict[str, str]:
    """Return the environment in which the stand-in for Docker is found; its calls go to docker.log."""
    program = tmp_path / "programs/docker"
    program.parent.mkdir()
    program.write_text(FAKE_DOCKER)
    program.chmod(0o755)
    # What an image would hold: gxtool itself.
    path = f"{program.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": path, "DOCKER_LOG": str(tmp_path / "docker.log")}


def test_gpu_profile_typed_with_nothing_else_trains_on_the_gpu_or_says_that_there_is_none(
    start: Callable, tmp_path: Path, docker: dict[str, str]
) -> None:
    launch = start(tmp_path, "run", str(ROOT / "main.nf"), "-profile", "gpu", **docker)
    assert launch.count("COMPLETED")["TOKENIZE"] >= 1
    if torch.cuda.is_available():
        assert launch.status == 0, launch.terminal
        assert (tmp_path / "results/report.html").is_file()
        return
    sentence = (tmp_path / "results/pipeline_info/error.txt").read_text().strip()
    assert sentence == "gxtool: error: --device cuda: PyTorch finds no CUDA device, expected one (or --device cpu)"
    assert launch.terminal.count(sentence) == 1
    assert {(row["exit"], row["attempt"]) for row in launch.trace if row["status"] == "FAILED"} == {("5", "1")}


def test_gpu_profile_hands_the_gpu_to_what_trains_and_to_nothing_else(
    start: Callable, tmp_path: Path, docker: dict[str, str]
) -> None:
    log = Path(docker["DOCKER_LOG"])
    launch = start(tmp_path, "run", str(ROOT / "main.nf"), "-profile", "gpu", "-stub-run", **docker)
    assert launch.status == 0, launch.terminal
    assert launch.count("COMPLETED")["SIMULATE"] == 1
    calls = [line for line in log.read_text().splitlines() if line.startswith("run ")]
    assert len(calls) == len(launch.trace)
    with_gpu = [call for call in calls if "--gpus all" in call]
    assert [call for call in calls if "-cuda " in call] == with_gpu
    assert len(with_gpu) == sum(row["process"] in ON_GPU for row in launch.trace)
    assert all(f"-v {tmp_path}/.gxtool/checkpoints:{tmp_path}/.gxtool/checkpoints" in call for call in calls)
    assert all(f"-u {os.getuid()}:{os.getgid()}" in call for call in calls)
