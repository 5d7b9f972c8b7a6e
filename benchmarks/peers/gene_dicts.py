"""The usual PyTorch way to feed genes: a Dataset whose items are dicts of tensors, joined by DataLoader's collate."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset


class GeneDicts(Dataset):
    """Genes made into tensors when asked for, from the same arrays on disk that gxtool feeds from."""

    def __init__(self, signal: np.ndarray, labels: np.ndarray, indices: np.ndarray) -> None:
        # Plain views of the memory maps, as gxtool takes them.
        self.signal, self.labels, self.indices = np.asarray(signal), np.asarray(labels), indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> dict[str, torch.Tensor]:
        row = self.indices[position]
        return {
            "signal": torch.tensor(self.signal[row], dtype=torch.float32),
            "label": torch.tensor(self.labels[row], dtype=torch.int64),
        }


class HeldGeneDicts(Dataset):
    """Genes that are all made into tensors beforehand, as the published loaders hold them.

    Faster items for twice the memory of the counts on disk, and what a tensor's own record takes for each gene.
    """

    def __init__(self, signal: np.ndarray, labels: np.ndarray, indices: np.ndarray) -> None:
        made = GeneDicts(signal, labels, indices)
        self.items = [made[position] for position in range(len(made))]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, position: int) -> dict[str, torch.Tensor]:
        return self.items[position]


def gene_loader(genes: Dataset, batch_size: int) -> DataLoader:
    """Return a shuffling loader with torch's own collate."""
    return DataLoader(genes, batch_size=batch_size, shuffle=True)
