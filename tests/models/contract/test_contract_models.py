"""What every network promises: each preset learns, is saved and read back; rows do not depend on their batch."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import page_family
import pytest
import torch
from family_workplace import Workplace
from transformers import PreTrainedModel

from gxtool.io.dataset import Dataset
from gxtool.models.base import Run
from gxtool.models.registry import families
from gxtool.training.feeding import Rows
from gxtool.training.networks import build_network, fill_buffers, save_network

PRESETS = [(name, preset) for name, family in families().items() for preset in family.parameters]
PRESETS.append((page_family.NAME, "tiny"))
# Weights lie elsewhere in memory after loading, and a batch of one takes other matrix products: rounding differs.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(params=PRESETS, ids=lambda case: "-".join(case))
def case(request: pytest.FixtureRequest, workplaces: dict[str, Workplace]) -> tuple[Workplace, str]:
    """Return a family and one of its presets."""
    name, preset = request.param
    return workplaces[name], preset


def opened(work: Workplace) -> tuple[Dataset, np.ndarray]:
    """Return a family's dataset and the training rows of its first sample."""
    data = Dataset.open(work.dataset, work.family.name)
    return data, data.indices("train", 0, data.samples[0])


def batch_of(work: Workplace, size: int) -> dict[str, torch.Tensor]:
    """Return rows as forward takes them."""
    data, train = opened(work)
    return Rows(data.arrays, work.family, train).take(np.arange(size))


def network_of(work: Workplace, preset: str) -> PreTrainedModel:
    """Return a new network of a preset for the family's simulated data."""
    data, train = opened(work)
    torch.manual_seed(3)
    run = Run(work.family, preset, work.settings(preset).resolve(), preset)
    return build_network(run, data, train)


def without_labels(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in batch.items() if name != "labels"}


def test_every_preset_takes_a_step_and_is_read_back_as_it_was_saved(
    case: tuple[Workplace, str], tmp_path: Path
) -> None:
    work, preset = case
    network, batch = network_of(work, preset).train(), batch_of(work, 8)
    assert sum(parameter.numel() for parameter in network.parameters()) == work.family.parameters[preset]
    before = [parameter.detach().clone() for parameter in network.parameters()]
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    loss = network(**batch)["loss"]
    loss.backward()
    optimizer.step()
    assert torch.isfinite(loss)
    assert any(not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))
    network.eval()
    save_network(network, tmp_path)
    loaded = type(network).from_pretrained(tmp_path, local_files_only=True).eval()
    fill_buffers(loaded)
    with torch.inference_mode():
        said, again = (one(**without_labels(batch))["logits"] for one in (network, loaded))
    torch.testing.assert_close(again, said, **CLOSE)


def test_a_batch_of_one_says_what_a_batch_of_eight_says(case: tuple[Workplace, str]) -> None:
    work, preset = case
    network, batch = network_of(work, preset).eval(), without_labels(batch_of(work, 8))
    with torch.inference_mode():
        together = network(**batch)["logits"]
        alone = [network(**{k: tensor[row : row + 1] for k, tensor in batch.items()})["logits"] for row in range(8)]
    torch.testing.assert_close(torch.cat(alone), together, **CLOSE)


def test_a_new_network_tells_rows_apart(work: Workplace) -> None:
    """Weights that are drawn too small make every row the same: transformers' default of 0.02 did."""
    network = network_of(work, "tiny").eval()
    with torch.inference_mode():
        logits = network(**without_labels(batch_of(work, 8)))["logits"].double()
    spread = (logits.max(dim=0).values - logits.min(dim=0).values).max()
    assert spread > 1e-4 * max(1.0, float(logits.abs().max())), "a new network predicts the same for every row"


def test_collating_takes_memory_by_the_batch_and_not_by_the_rows(work: Workplace, tmp_path: Path) -> None:
    data, train = opened(work)
    arrays = {name: np.asarray(array)[train[:64]] for name, array in data.arrays.items()}
    peaks = {}
    for times in (1, 16):
        repeated: dict[str, Any] = {}
        for name, array in arrays.items():
            path = tmp_path / f"{name}-{times}.npy"
            np.save(path, np.concatenate([array] * times))
            repeated[name] = np.load(path, mmap_mode="r")
        rows = Rows(repeated, work.family, np.arange(64 * times))
        rows.take(np.arange(16))
        tracemalloc.start()
        rows.take(np.arange(16))
        peaks[times] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks[16] <= 1.1 * peaks[1] + 4096


def test_labels_change_no_prediction(work: Workplace) -> None:
    network, batch = network_of(work, "tiny").eval(), batch_of(work, 8)
    with torch.inference_mode():
        with_labels, without = network(**batch)["logits"], network(**without_labels(batch))["logits"]
    assert torch.equal(with_labels, without)
