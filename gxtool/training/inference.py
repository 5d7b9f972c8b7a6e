"""A trained network over many rows: predictions and the mean loss, batch by batch; big logits are never kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from transformers import PreTrainedModel

from gxtool.models.base import Family
from gxtool.training.feeding import Rows, count_targets
from gxtool.training.machine import Machine


class Inference(NamedTuple):
    """One prediction per row, in the order of the rows, and the mean loss (NaN without labels)."""

    predictions: np.ndarray
    loss: float


def infer(network: PreTrainedModel, rows: Rows, family: Family, machine: Machine, batch_size: int) -> Inference:
    """Predict every row; processes share the batches and all of them get the whole result.

    The family turns logits into one number per row before the next batch is computed.
    """
    predict = family.load(family.predict)
    predictions = np.zeros(len(rows))
    loss_sum, n_targets = 0.0, 0
    was_training = network.training
    network.eval()
    starts = range(0, len(rows), batch_size)
    with torch.inference_mode():
        for start in starts[machine.rank :: machine.world_size]:
            positions = np.arange(start, min(start + batch_size, len(rows)))
            batch = rows.take(positions)
            targets = count_targets(batch) if "labels" in batch else 0
            output = network(**{name: tensor.to(machine.device) for name, tensor in batch.items()})
            predictions[positions] = predict(output["logits"].float().cpu().numpy())
            if targets:
                loss_sum += float(output["loss"]) * targets
                n_targets += targets
    network.train(was_training)
    loss_sum, n_targets = machine.total([loss_sum, n_targets])
    return Inference(machine.total_array(predictions), loss_sum / n_targets if n_targets else float("nan"))
