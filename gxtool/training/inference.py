"""A trained network over many rows: predictions and the mean loss, batch by batch; big logits are never kept.

How many rows go together is read off the sizes of the network's own activations and never off a clock, so that the same
network gives the same numbers again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from transformers import PreTrainedModel

from gxtool.models.base import Family
from gxtool.training.feeding import Rows, count_targets
from gxtool.training.machine import Machine

NOTHING = np.zeros(0, np.int64)
# Largest activation of a pass (bytes). On a CPU layers hand it on through the cache, and memory is used again instead
# of being asked for anew; on a GPU a pass should be worth its start.
CPU_BYTES, GPU_BYTES = 8 << 20, 256 << 20
FEWEST_ROWS, MOST_ROWS = 16, 4096
# Network -> shapes of a row -> rows of a pass: a perturbation asks the same network hundreds of times.
_KNOWN: WeakKeyDictionary[torch.nn.Module, dict[tuple, int]] = WeakKeyDictionary()


class Inference(NamedTuple):
    """Predictions (n,) or, of several targets, (n, T), in the order of the rows; mean loss (NaN without labels)."""

    predictions: np.ndarray
    loss: float


def infer(network: PreTrainedModel, rows: Rows, family: Family, machine: Machine, batch_size: int = 0) -> Inference:
    """Predict every row; processes share the batches and all of them get the whole result.

    batch_size: rows per forward pass; 0: `rows_per_pass` chooses.
    The family turns logits into one number per row, or one per target, before the next batch is computed.
    """
    if not len(rows):
        return Inference(np.zeros(0), float("nan"))
    predict = family.load(family.predict)
    predictions: np.ndarray | None = None
    loss_sum, n_targets = 0.0, 0
    was_training = network.training
    network.eval()
    if not batch_size:
        batch_size = rows_per_pass(network, _on(machine, rows.take(np.zeros(1, np.int64))))
    starts = range(0, len(rows), batch_size)[machine.rank :: machine.world_size]
    batches = [np.arange(start, min(start + batch_size, len(rows))) for start in starts]
    with torch.inference_mode():
        # A process without a batch looks at one row that counts for nothing: it must know the shape of what is summed.
        for positions in batches or [NOTHING]:
            batch = rows.take(positions if len(positions) else np.zeros(1, np.int64))
            targets = count_targets(batch) if "labels" in batch and len(positions) else 0
            output = network(**_on(machine, batch))
            values = predict(output["logits"].float().cpu().numpy())
            if predictions is None:
                predictions = np.zeros((len(rows), *values.shape[1:]))
            predictions[positions] = values[: len(positions)]
            if targets:
                loss_sum += float(output["loss"]) * targets
                n_targets += targets
    network.train(was_training)
    loss_sum, n_targets = machine.total([loss_sum, n_targets])
    return Inference(machine.total_array(predictions), loss_sum / n_targets if n_targets else float("nan"))


def rows_per_pass(network: PreTrainedModel, row: Mapping[str, torch.Tensor]) -> int:
    """Return how many rows a network, in evaluation mode, reads best at once: a power of 2.

    row: forward's arguments for a single row, on the network's device. As many rows as keep the largest output of a
    layer within what suits the device. It is asked once for rows of the same shapes.
    """
    known = _KNOWN.setdefault(network, {})
    shapes = (network.device.type, *((name, tensor.shape, tensor.dtype) for name, tensor in sorted(row.items())))
    if shapes not in known:
        known[shapes] = _rows_per_pass(network, row)
    return known[shapes]


def _rows_per_pass(network: PreTrainedModel, row: Mapping[str, torch.Tensor]) -> int:
    with torch.inference_mode(), _sizes_of_outputs(network) as sizes:
        network(**row)
    limit = GPU_BYTES if network.device.type == "cuda" else CPU_BYTES
    rows = limit // max([1, *sizes])
    return min(MOST_ROWS, max(FEWEST_ROWS, 1 << (max(1, rows).bit_length() - 1)))


@contextmanager
def _sizes_of_outputs(network: torch.nn.Module) -> Iterator[list[int]]:
    """Yield a list that gets the bytes of every tensor that a module of the network returns."""
    sizes: list[int] = []

    def note(module: torch.nn.Module, inputs: Any, output: Any) -> None:
        outputs = output if isinstance(output, (tuple, list)) else [output]
        sizes.extend(one.numel() * one.element_size() for one in outputs if isinstance(one, torch.Tensor))

    hooks = [module.register_forward_hook(note) for module in network.modules()]
    try:
        yield sizes
    finally:
        for hook in hooks:
            hook.remove()


def _on(machine: Machine, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.to(machine.device) for name, tensor in batch.items()}
