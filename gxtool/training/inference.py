"""A trained network over many rows: predictions and the mean loss, batch by batch; big logits are never kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from transformers import PreTrainedModel

from gxtool.models.base import Family
from gxtool.training.feeding import Rows, count_targets
from gxtool.training.machine import Machine

NOTHING = np.zeros(0, np.int64)


class Inference(NamedTuple):
    """Predictions (n,) or, of several targets, (n, T), in the order of the rows; mean loss (NaN without labels)."""

    predictions: np.ndarray
    loss: float


def infer(network: PreTrainedModel, rows: Rows, family: Family, machine: Machine, batch_size: int) -> Inference:
    """Predict every row; processes share the batches and all of them get the whole result.

    The family turns logits into one number per row, or one per target, before the next batch is computed.
    """
    if not len(rows):
        return Inference(np.zeros(0), float("nan"))
    predict = family.load(family.predict)
    predictions: np.ndarray | None = None
    loss_sum, n_targets = 0.0, 0
    was_training = network.training
    network.eval()
    starts = range(0, len(rows), batch_size)[machine.rank :: machine.world_size]
    batches = [np.arange(start, min(start + batch_size, len(rows))) for start in starts]
    with torch.inference_mode():
        # A process without a batch looks at one row that counts for nothing: it must know the shape of what is summed.
        for positions in batches or [NOTHING]:
            batch = rows.take(positions if len(positions) else np.zeros(1, np.int64))
            targets = count_targets(batch) if "labels" in batch and len(positions) else 0
            output = network(**{name: tensor.to(machine.device) for name, tensor in batch.items()})
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
