"""Rows of a dataset as batches of tensors: one gather from the memory-mapped arrays per batch, no object per row.

What is fed depends on seed, epoch and step alone. A step's rows are the same however many processes and micro-batches
share them, so a result does not depend on how the work is divided, and going on after a stop skips exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from gxtool.models.base import Family

TARGETS = "n_targets"
"""Key of a training batch beside forward's arguments: how many targets its mean loss is the mean of."""
IGNORED_LABEL = -100


class Rows(Dataset):
    """Some rows of a dataset, collated by the family into tensors named as forward's arguments."""

    def __init__(self, arrays: Mapping[str, np.ndarray], family: Family, indices: np.ndarray) -> None:
        self.indices = indices
        # A plain view of each memory map: indexing the subclass costs more than small batches themselves.
        self._arrays = {name: np.asarray(array) for name, array in arrays.items()}
        self._collate = family.load(family.collate)

    def __len__(self) -> int:
        return len(self.indices)

    def labels(self) -> np.ndarray:
        """Return the dataset's own labels of these rows."""
        return self._arrays["labels"][self.indices]

    def take(self, positions: np.ndarray) -> dict[str, torch.Tensor]:
        """Return the rows at these positions of `indices` as tensors."""
        rows = self.indices[positions]
        arrays = {name: array.take(rows, axis=0) for name, array in self._arrays.items()}
        # Copied into memory that torch's allocator aligns: where numpy's happens to lie changes how products round.
        return {name: torch.from_numpy(array).clone() for name, array in self._collate(arrays, {}).items()}

    def __getitems__(self, positions: np.ndarray) -> dict[str, torch.Tensor | int]:
        """Return a training batch; no position at all gives one row that counts for nothing.

        A process without rows in the last step of an epoch still has to take part in that step.
        """
        batch: dict[str, torch.Tensor | int] = self.take(positions if len(positions) else np.zeros(1, np.int64))
        batch[TARGETS] = count_targets(batch) if len(positions) else 0
        return batch


def count_targets(batch: Mapping[str, torch.Tensor]) -> int:
    """Count what a mean loss is taken over: rows, or the labels that are not ignored where a row has several."""
    labels = batch["labels"]
    if labels.ndim > 1 and not labels.is_floating_point():
        return int((labels != IGNORED_LABEL).sum())
    return len(labels)


@dataclass(frozen=True)
class StepPlan:
    """How the rows of an epoch are divided: `batch_size` rows per step, over processes and micro-batches alike."""

    n_rows: int
    batch_size: int
    accumulation: int
    world_size: int = 1

    @property
    def steps_per_epoch(self) -> int:
        """Return the number of optimiser steps of one epoch; the last one may have fewer rows."""
        return -(-self.n_rows // self.batch_size)

    @property
    def micro_batch_size(self) -> int:
        """Return the largest number of rows that one process sees at once."""
        return -(-min(self.batch_size, self.n_rows) // (self.accumulation * self.world_size))


class MicroBatches(Sampler[np.ndarray]):
    """The positions of each micro-batch of one process, shuffled anew by seed and epoch."""

    def __init__(self, plan: StepPlan, seed: int, rank: int = 0) -> None:
        self.plan, self.seed, self.rank = plan, seed, rank
        self.epoch = 0

    def __len__(self) -> int:
        return self.plan.steps_per_epoch * self.plan.accumulation

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch (from 0) whose order is given next."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[np.ndarray]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.plan.n_rows)
        accumulation = self.plan.accumulation
        pieces = accumulation * self.plan.world_size
        for start in range(0, self.plan.n_rows, self.plan.batch_size):
            step = order[start : start + self.plan.batch_size]
            for piece in range(self.rank * accumulation, (self.rank + 1) * accumulation):
                yield step[len(step) * piece // pieces : len(step) * (piece + 1) // pieces]


def training_loader(rows: Rows, batches: MicroBatches) -> DataLoader:
    """Return a loader of micro-batches; torch hands whole batches of positions to `Rows.__getitems__`."""
    # A generator of its own keeps the loader from drawing on the random numbers that dropout uses.
    return DataLoader(rows, batch_sampler=batches, collate_fn=_as_is, generator=torch.Generator())


def _as_is(batch: dict) -> dict:
    return batch
