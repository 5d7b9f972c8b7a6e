"""What tests of the networks share: a network of a preset, and counts as sparse and skewed as real ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gxtool.models.registry import get_family, resolve_config


@pytest.fixture(scope="session")
def build() -> Callable[..., Any]:
    """Return a function that makes the network of a preset, with changed fields, ready to predict."""
    torch = pytest.importorskip("torch")
    from gxtool.models.histone.model import HistoneModel, HistoneModelConfig

    def build_network(preset: str = "tiny", seed: int = 0, **changes: Any) -> HistoneModel:
        torch.manual_seed(seed)
        section = resolve_config(get_family("histone"), preset).model.model_dump(mode="json")
        return HistoneModel(HistoneModelConfig(**{**section, **changes})).eval()

    return build_network


@pytest.fixture(scope="session")
def counts() -> Callable[..., np.ndarray]:
    """Return a function that draws counts (B, N, C), float32."""

    def draw(n_genes: int, n_bins: int = 100, n_marks: int = 5, seed: int = 0) -> np.ndarray:
        drawn = np.random.default_rng(seed).negative_binomial(0.5, 0.1, (n_genes, n_bins, n_marks))
        return drawn.astype(np.float32)

    return draw
