"""Changes of the input whose effect on the prediction says what the model reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from gxtool.io.dataset import Dataset

Arrays = dict[str, np.ndarray]
# Genes added up at a time.
BLOCK = 4096


def drop_mark(rows: Mapping[str, np.ndarray], dataset: Dataset) -> Iterator[tuple[str, Arrays]]:
    """Yield, for each mark, its name and the rows without any read of it."""
    for place, mark in enumerate(dataset.artifact.manifest.info["marks"]):
        signal = rows["signal"].copy()
        signal[:, :, place] = 0
        yield mark, {**rows, "signal": signal}


def average_mark(rows: Mapping[str, np.ndarray], dataset: Dataset) -> Iterator[tuple[str, Arrays]]:
    """Yield, for each mark, its name and the rows with its mean profile over the training genes (float32)."""
    profile = mean_profile(dataset)
    for place, mark in enumerate(dataset.artifact.manifest.info["marks"]):
        signal = rows["signal"].astype(np.float32)
        signal[:, :, place] = profile[:, place]
        yield mark, {**rows, "signal": signal}


def mean_profile(dataset: Dataset, fold: int = 0) -> np.ndarray:
    """Return the mean count of each bin and mark over the training genes (N, C)."""
    signal, train = dataset.arrays["signal"], dataset.indices("train", fold)
    total = np.zeros(signal.shape[1:])
    for start in range(0, len(train), BLOCK):
        total += signal[train[start : start + BLOCK]].sum(axis=0, dtype=np.float64)
    return total / max(1, len(train))
