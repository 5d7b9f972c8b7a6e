"""Blanked bins as the convolutional network reads them: only what lies around the blank is computed again.

A blank changes the outputs of a convolution next to it, and these a few pooled positions; everywhere else a layer says
what it said of the row as it is. That is followed through the layers; the dense ones then read all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gxtool.io.dataset import Dataset
from gxtool.models.histone.config import HistonePerturbConfig
from gxtool.models.histone.convnet import ConvNet
from gxtool.models.histone.features import collate
from gxtool.models.histone.perturb import blanks

if TYPE_CHECKING:
    from gxtool.models.histone.model import HistoneModel

# Rows whose layers are held: about 40 MB of the largest preset.
ROWS = 256
ACROSS_BINS = ("per-bin-max", "per-mark-max")


def blank_bin_directly(
    model: Any, rows: Mapping[str, np.ndarray], dataset: Dataset, config: HistonePerturbConfig
) -> Iterator[tuple[str, np.ndarray]] | None:
    """Return the changes of `blank_bin` and the predictions with them (n,); None of networks that look at all bins."""
    return _directly(model, rows, dataset, 1)


def blank_run_directly(
    model: Any, rows: Mapping[str, np.ndarray], dataset: Dataset, config: HistonePerturbConfig
) -> Iterator[tuple[str, np.ndarray]] | None:
    """Return the changes of `blank_run` and the predictions with them (n,); None of networks that look at all bins."""
    return _directly(model, rows, dataset, config.run_bins)


def _directly(
    model: Any, rows: Mapping[str, np.ndarray], dataset: Dataset, width: int
) -> Iterator[tuple[str, np.ndarray]] | None:
    config = model.network.config
    is_local = config.layout == "marks-as-channels" and config.norm not in ACROSS_BINS
    if not isinstance(model.network.network, ConvNet) or not is_local:
        return None
    batch = {name: torch.from_numpy(array).to(model.network.device) for name, array in collate(rows).items()}
    names, places = zip(*blanks(dataset, batch["signal"].shape[1], width), strict=True)
    logits = [
        blanked(model.network, part, batch["present"][start : start + ROWS] if "present" in batch else None, places)
        for start, part in zip(range(0, len(batch["signal"]), ROWS), batch["signal"].split(ROWS), strict=True)
    ]
    predict = model.family.load(model.family.predict)
    return zip(names, (predict(one) for one in torch.cat(logits, dim=1).float().cpu().numpy()), strict=True)


@torch.inference_mode()
def blanked(
    network: HistoneModel, signal: Tensor, present: Tensor | None, places: Sequence[tuple[int, int, int]]
) -> Tensor:
    """Return logits (P, n, T) of signal (n, N, C) with a mark's bins set to 0 at each of P places.

    places: mark (its number), first bin, last bin + 1. present (n, C): 1 for a mark that was measured.
    """
    read = network.read(signal, present)  # (n, C, N)
    nothing = network.read(torch.zeros_like(signal), present)
    befores = [read]
    for layer in network.network.convolutions:
        befores.append(layer(befores[-1]))
    # The marks of a place go through the layers together: for so few positions a call costs more than what it computes.
    by_place: dict[tuple[int, int], list[int]] = {}
    for number, (_, first, last) in enumerate(places):
        by_place.setdefault((first, last), []).append(number)
    logits: list[Tensor] = [torch.empty(0)] * len(places)
    for (first, last), numbers in by_place.items():
        after = read[..., first:last].repeat(len(numbers), 1, 1, 1)
        for changed, number in zip(after, numbers, strict=True):
            mark = places[number][0]
            changed[:, mark] = nothing[:, mark, first:last]
        features = _followed(network.network.convolutions, befores, first, after).flatten(0, 1)
        for number, found in zip(numbers, network.network.dense(features).chunk(len(numbers)), strict=True):
            logits[number] = found
    return torch.stack(logits)


def _followed(layers: nn.Sequential, befores: Sequence[Tensor], first: int, after: Tensor) -> Tensor:
    """Return what layers make (m, n, C, L) of m changed inputs.

    befores: every layer's input (n, C, L) without a change, and the last one's output. after (m, n, C, w): the changed
    inputs from position `first` on.
    """
    for layer, before, then in zip(layers, befores[:-1], befores[1:], strict=True):
        if isinstance(layer, nn.Conv1d):
            beyond = layer.kernel_size[0] - 1
            # A convolution is linear: what a few positions add to its output takes a few products for each window.
            change = after - before[..., first : first + after.shape[3]]
            change = functional.conv_transpose1d(change.flatten(0, 1), layer.weight.transpose(0, 1).flip(2))
            # In front of the first position "same" pads half of what a window reaches beyond it.
            first -= beyond - (beyond // 2 if layer.padding == "same" else 0)
            change = change[..., max(0, -first) : max(0, then.shape[2] - first)].unflatten(0, after.shape[:2])
            first = max(0, first)
            after = change + then[..., first : first + change.shape[3]]
        elif isinstance(layer, nn.AvgPool1d | nn.MaxPool1d):
            (size,) = nn.modules.utils._single(layer.kernel_size)
            start, stop = first // size, min(-(-(first + after.shape[3]) // size), then.shape[2])
            after = _around(before, first, after, start * size, stop * size).unflatten(3, (-1, size))
            after = after.mean(4) if isinstance(layer, nn.AvgPool1d) else after.amax(4)
            first = start
        else:
            after = layer(after.flatten(0, 1)).unflatten(0, after.shape[:2])
        if not after.shape[3]:
            return befores[-1].expand(len(after), -1, -1, -1)
    return _around(befores[-1], first, after, 0, befores[-1].shape[2])


def _around(before: Tensor, first: int, after: Tensor, start: int, stop: int) -> Tensor:
    """Return positions from `start` to `stop` of `before` (n, C, L), those from `first` on replaced m times.

    after (m, n, C, w), and so what is returned.
    """
    last = first + after.shape[3]
    parts = (before[..., start:first], before[..., last:stop])
    left, right = (part.expand(len(after), -1, -1, -1) for part in parts)
    return torch.cat([left, after[..., : max(0, stop - first)], right], dim=3)
