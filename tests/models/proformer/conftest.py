"""What tests of the networks share: a network of a preset with chosen fields, and padded promoters."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gxtool.models.proformer as package
from gxtool.config import read_yaml

sys.path.insert(0, str(Path(__file__).parent))  # for the modules beside the tests
PRESETS = {path.stem: path for path in sorted(Path(package.__file__).parent.glob("*.yaml"))}
# Every trunk with few weights; sizes that are unequal wherever they may be.
LITTLE = {
    "proformer": {"hidden_size": 16, "num_attention_heads": 2, "head_dim": 24, "intermediate_size": 36, "n_slots": 5}
    | {"num_hidden_layers": 2, "conv_kernel": 5, "kmer": 6, "dropout": 0.0, "head_dropout": 0.0},
    "legnet": {"channels": [12, 8, 6], "kernel_size": 5, "expansion": 2},
    "dream-cnn": {"channels": [8, 6], "first_channels": 5, "kernel_size": 5, "dropout": 0.0},
    "dream-rnn": {"first_channels": 5, "lstm_size": 7, "dropout": 0.0, "head_dropout": 0.0},
    "cnn": {"channels": [9, 8, 6], "kernel_size": 5, "kmers": (2, 3), "dropout": 0.0, "kmer_dropout": 0.0},
}


@pytest.fixture(scope="session")
def build() -> Callable[..., Any]:
    """Return a function that makes the network of a preset, with changed fields, ready to predict.

    `little`: with few weights. `random`: no weight is 0 or 1 as it would be in a new network.
    """
    torch = pytest.importorskip("torch")
    from gxtool.models.proformer.model import ProformerModel, ProformerModelConfig

    def build_network(preset: str, *, little: bool = False, random: bool = False, **changes: Any) -> ProformerModel:
        torch.manual_seed(0)
        fields = {**read_yaml(PRESETS[preset]).values["model"], **(LITTLE[preset] if little else {}), **changes}
        network = ProformerModel(ProformerModelConfig(**fields)).eval()
        if random:
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter += 0.05 * torch.randn_like(parameter)
        return network

    return build_network


@pytest.fixture(scope="session")
def promoters() -> Callable[..., np.ndarray]:
    """Return a function that draws tokens (B, L): rows differ in length and are padded with N as inserts are."""

    def draw(n_rows: int, length: int = 100, seed: int = 0) -> np.ndarray:
        random = np.random.default_rng(seed)
        tokens = np.full((n_rows, length), 4, dtype=np.uint8)
        for row in range(n_rows):
            size = length - 3 * row % (length // 2)
            left = (length - size) // 2
            tokens[row, left : left + size] = random.integers(0, 4, size)
        return tokens

    return draw
