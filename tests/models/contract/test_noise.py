"""Trained on pure noise through the whole pipeline, a family shows no skill: nothing of the labels leaks into it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from family_workplace import OPTIONS, Workplace
from noise_files import NOISE, noise_dataset

from gxtool import api
from gxtool.io.dataset import Dataset

SEEDS = 20
# Of 20 intervals of 95 %, half a one lies wholly above chance; four or more do in less than one of 500 suites.
FEWEST_WITHOUT_SKILL = 17
QUICK = ("evaluation.baselines=[]", "resources.threads=1")


def noise(work: Workplace, folder: Path, seed: int) -> Path:
    """Return a dataset of noise: from raw files where it is known how to write some, else with shuffled labels."""
    rng = np.random.default_rng(seed)
    if work.family.name not in NOISE:
        return noise_dataset(work.dataset, folder / "dataset", rng)
    NOISE[work.family.name](work.raw, folder / "raw", rng)
    settings = api.Settings(work.family.name, "tiny")
    examples = api.preprocess(folder / "raw/samplesheet.csv", folder / "examples", settings)
    return api.tokenize([examples], folder / "dataset", settings)


def has_skill(work: Workplace, folder: Path, seed: int) -> bool | None:
    """Train `tiny` on noise and say whether its score lies above chance; None of constant predictions."""
    dataset = noise(work, folder, seed)
    settings = api.Settings(work.family.name, "tiny", set=QUICK)
    api.train(dataset, folder / "model", settings, api.Units(seeds=(seed,)), OPTIONS)
    api.evaluate([folder / "model"], dataset, folder / "evaluation", settings, OPTIONS)
    metrics = json.loads((folder / "evaluation/metrics.json").read_text())
    judged = metrics["overall"]["judgement"]["has_skill"]
    assert judged is not None or metrics["samples"][0]["fault"] == "constant", "too few test rows to say"
    return judged


@pytest.mark.slow
def test_noise_shows_no_skill(work: Workplace, tmp_path: Path) -> None:
    skilled, constant = [], []
    for seed in range(1, SEEDS + 1):
        folder = tmp_path / str(seed)
        folder.mkdir()
        found = has_skill(work, folder, seed)
        skilled += [seed] if found else []
        constant += [seed] if found is None else []
        shutil.rmtree(folder)
    assert SEEDS - len(skilled) >= FEWEST_WITHOUT_SKILL, f"skill on noise with seeds {skilled}"
    assert len(constant) <= SEEDS // 2, f"constant predictions with seeds {constant}"


def test_labels_of_any_family_can_be_dealt_out(work: Workplace, tmp_path: Path) -> None:
    """What the noise of a family without files of its own is made of: everything stays but the order of the labels."""
    before = Dataset.open(work.dataset, work.family.name)
    after = Dataset.open(noise_dataset(work.dataset, tmp_path / "noise", np.random.default_rng(1)), work.family.name)
    assert after.splits.equals(before.splits)
    assert after.arrays.keys() == before.arrays.keys()
    for name, array in before.arrays.items():
        own = (np.sort(np.asarray(one).ravel()) if name == "labels" else one for one in (array, after.arrays[name]))
        assert np.array_equal(*own)
    assert not np.array_equal(before.arrays["labels"], after.arrays["labels"])
