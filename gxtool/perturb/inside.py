"""What can only be seen inside a network: its gradients along a way of the input, and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch

from gxtool.io.dataset import Dataset
from gxtool.training.predict import Model

# Rows per forward pass: gradients need the memory of every layer.
BATCH = 256


class Attribution(NamedTuple):
    """Attributions of some rows, shaped as the input (n, ...), and how far they are from adding up (n,).

    They should add up to the difference of the network's output between the end and the start of the way; `gap` is
    what is missing of it, `change` that difference.
    """

    values: np.ndarray
    gap: np.ndarray
    change: np.ndarray


def integrated_gradients(model: Model, arrays: Mapping[str, np.ndarray], dataset: Dataset, n_steps: int) -> Attribution:
    """Sum gradients along the family's way from no signal to the signal (Sundararajan et al. 2017, ICML, eq. 1).

    The output that is explained is the network's own: the log odds of a binary family (the second logit less the
    first, or a single logit), else the value of the model's target. Steps are those of Gauss and Legendre, which never
    touch the ends.
    """
    nodes, weights = np.polynomial.legendre.leggauss(n_steps)
    path = model.family.load(model.family.path)
    parts = []
    n_rows = len(next(iter(arrays.values())))
    for start in range(0, n_rows, BATCH):
        rows = {name: array[start : start + BATCH] for name, array in arrays.items()}
        total: np.ndarray | float = 0.0
        for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            name, values, derivative = path(rows, dataset, float(node))
            total = total + weight * _gradient(model, {**rows, name: values}, name) * derivative
        ends = [_outputs(model, {**rows, name: path(rows, dataset, t)[1]}) for t in (0.0, 1.0)]
        change = ends[1] - ends[0]
        flat = np.asarray(total).reshape(len(change), -1).sum(axis=1)
        parts.append(Attribution(np.asarray(total, dtype=np.float32), change - flat, change))
    return Attribution(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def readings(model: Model, arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[np.ndarray, ...]]:
    """Return what the network says beside its logits, such as `attentions`, over all rows (n, ...)."""
    found: dict[str, list[tuple[np.ndarray, ...]]] = {}
    n_rows = len(next(iter(arrays.values())))
    with torch.inference_mode():
        for start in range(0, n_rows, BATCH):
            output = model.network(**forward_arguments(model, {k: v[start : start + BATCH] for k, v in arrays.items()}))
            for name, value in output.items():
                if name not in ("loss", "logits") and value is not None:
                    tensors = value if isinstance(value, tuple) else (value,)
                    found.setdefault(name, []).append(tuple(tensor.float().cpu().numpy() for tensor in tensors))
    return {
        name: tuple(np.concatenate(pieces) for pieces in zip(*batches, strict=True)) for name, batches in found.items()
    }


def _gradient(model: Model, rows: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """Return the derivative (n, ...) of the explained output by one input."""
    batch = forward_arguments(model, rows)
    batch[name].requires_grad_()
    with torch.enable_grad(), plain_kernels():
        explained = explained_output(model, batch).sum()
        (gradient,) = torch.autograd.grad(explained, batch[name])
    return gradient.double().cpu().numpy()


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Do without cuDNN, whose recurrent kernels have no backward pass outside of training."""
    was_enabled = torch.backends.cudnn.enabled
    torch.backends.cudnn.enabled = False
    try:
        yield
    finally:
        torch.backends.cudnn.enabled = was_enabled


def _outputs(model: Model, rows: Mapping[str, np.ndarray]) -> np.ndarray:
    with torch.inference_mode():
        return explained_output(model, forward_arguments(model, rows)).double().cpu().numpy()


def explained_output(model: Model, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return what is explained (n,) of what the network says: the log odds, or the value of the model's target."""
    logits = model.network(**batch)["logits"]
    if model.family.kind == "binary" and logits.shape[1] == 2:
        return logits[:, 1] - logits[:, 0]
    return logits[:, model.target or 0]


def forward_arguments(model: Model, rows: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Return what forward takes for some rows of a dataset, on the model's device."""
    collated = model.family.load(model.family.collate)(rows, {})
    return {name: torch.tensor(array, device=model.machine.device) for name, array in collated.items()}
