"""Two processes under torchrun do what one does: same losses, same weights, and they stop together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torchrun_job
import toy_family
from safetensors.torch import load_file

from gxtool.io.artifact import open_artifact
from gxtool.training.run import TrainOptions, train

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def together(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that two processes have filled."""
    folder = tmp_path_factory.mktemp("together")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    paths = os.pathsep.join([str(HERE), *filter(None, sys.path)])
    with subprocess.Popen(
        [*command, str(HERE / "torchrun_job.py"), str(dataset), str(folder)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=200)
        except subprocess.TimeoutExpired:
            # torchrun stops its workers when it is asked to; killed, it would leave them behind.
            process.terminate()
            raise
    assert process.returncode == 0, stderr[-4000:]
    assert stdout == ""
    return folder


# liver: 47 training rows, the last step's 7 are shared as 3 and 4; lung: 31, one process has none of the last step.
@pytest.mark.parametrize("name", ["liver-seed1-fold0", "lung-seed1-fold0"])
def test_two_processes_equal_one(name: str, together: Path, dataset: Path, tmp_path: Path) -> None:
    run = toy_family.run(**torchrun_job.DIVIDED)
    train(dataset, tmp_path / "alone", run, torchrun_job.UNITS, TrainOptions(device="cpu"))
    ours, theirs = tmp_path / "alone" / name, together / "divided" / name
    first, second = load_file(ours / "model.safetensors"), load_file(theirs / "model.safetensors")
    assert all(first[key].numpy() == pytest.approx(second[key].numpy(), abs=1e-6) for key in first)
    curves = [
        [json.loads(line) for line in (model / "metrics.jsonl").read_text().splitlines()] for model in (ours, theirs)
    ]
    assert len(curves[0]) == len(curves[1]) == 3
    for one, two in zip(*curves, strict=True):
        for key in ("train_loss", "val_loss", "val_auroc", "val_brier", "learning_rate"):
            assert one[key] == pytest.approx(two[key], abs=1e-6), key


def test_two_processes_stop_together_and_go_on_exactly(together: Path) -> None:
    for rank in (0, 1):
        code, _, sentence = (together / f"rank{rank}.txt").read_text().partition(" ")
        assert code == "143"
        # The signal came after step 8 and was agreed on before step 9.
        assert "liver-seed1-fold0 is saved at step 9 in" in sentence
    stopped, undisturbed = (open_artifact(together / name) for name in ("stopped", "undisturbed"))
    for name in ("model.safetensors", "run.yaml"):
        assert stopped.manifest.files[name] == undisturbed.manifest.files[name]
    assert not any((together / "progress").iterdir())
