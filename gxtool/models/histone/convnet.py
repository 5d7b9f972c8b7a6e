"""Convolutions over the bins, then dense layers; the presets make three networks of it.

Input: normalised values (B, N, C) of C marks in N bins. Output: logits (B, 2) of off and on, or one value (B, 1).

`convnet-published` is GeneNet's network, 782,845 parameters for 100 bins of 5 marks, and departs from it in three ways:

- counts are normalised in front of the network and not by the reader, so that a trained model takes what files hold;
- flattened features are ordered (channel, position), Keras' are (position, channel): the same function up to a
  permutation of the first dense layer's columns;
- two logits and cross-entropy stand for two softmax units and binary cross-entropy: the same loss.

`deepchrome` is DeepChrome's, 644,177 parameters (2,550 in the convolution, 563,125 + 78,250 + 252 in dense layers of
900, 625 and 125 inputs), raw counts and Torch7's initial weights. It departs in two ways: the order of the flattened
features as above, and two logits with cross-entropy for log-softmax with negative log-likelihood: the same loss.

`convnet` is neither: marks are channels, counts are log1p z-scores, bins are pooled by their mean, and training reads
each row in a random direction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gxtool.models.histone.config import positions

if TYPE_CHECKING:
    from gxtool.models.histone.model import HistoneModelConfig

ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU, "tanh": nn.Tanh}
POOLINGS = {"mean": nn.AvgPool1d, "max": nn.MaxPool1d}


class Arrange(nn.Module):
    """Values (B, N, C) -> the convolutions' input: (B, C, N), or interleaved (B, 1, N * C + C).

    With `present` (B, C) there is one further channel per mark, 1 in every bin of a mark that was measured: (B, 2C, N).
    """

    def __init__(self, config: HistoneModelConfig) -> None:
        super().__init__()
        self.layout = config.layout

    def forward(self, values: Tensor, present: Tensor | None = None) -> Tensor:
        if self.layout == "marks-as-channels":
            values = values.transpose(1, 2)
            return values if present is None else torch.cat([values, present[:, :, None].expand_as(values)], dim=1)
        sums = values.sum(dim=1)  # (B, C)
        sums = divide(sums, sums.amax(dim=1, keepdim=True))
        return torch.cat([values.flatten(1), sums], dim=1).unsqueeze(1)


def divide(values: Tensor, largest: Tensor) -> Tensor:
    """Divide by the largest value; where that is 0, so are the values, and they stay 0."""
    return values / torch.where(largest == 0, 1.0, largest)


def convolutions(config: HistoneModelConfig) -> nn.Sequential:
    """Build convolution, activation and pooling per block, and dropout of whole filters after the first pooling."""
    width = 1 if config.layout == "interleaved" else len(config.marks) * (2 if config.mask_channels else 1)
    layers: list[nn.Module] = []
    spatial_dropout = config.spatial_dropout
    for channels, kernel, pool in zip(config.channels, config.kernel_sizes, config.pool_sizes, strict=True):
        layers += [nn.Conv1d(width, channels, kernel, padding=config.padding), ACTIVATIONS[config.activation]()]
        if pool > 1:
            layers.append(POOLINGS[config.pooling](pool))
            if spatial_dropout:
                layers.append(nn.Dropout1d(spatial_dropout))
                spatial_dropout = 0.0
        width = channels
    return nn.Sequential(*layers)


def dense_layers(config: HistoneModelConfig, n_features: int, n_outputs: int) -> nn.Sequential:
    """Build dropout, flattening, dense layers and the output."""
    layers: list[nn.Module] = [nn.Dropout(config.dropout), nn.Flatten()]
    for size, rate in zip(config.dense_sizes, config.dense_dropouts, strict=True):
        layers += [nn.Linear(n_features, size), ACTIVATIONS[config.activation](), nn.Dropout(rate)]
        n_features = size
    return nn.Sequential(*layers, nn.Linear(n_features, n_outputs))


class ConvNet(nn.Module):
    """Arrange, convolve, flatten, classify; it has no attention to return."""

    def __init__(self, config: HistoneModelConfig) -> None:
        super().__init__()
        self.arrange = Arrange(config)
        self.convolutions = convolutions(config)
        n_features = config.channels[-1] * positions(config, config.n_bins, len(config.marks))
        self.dense = dense_layers(config, n_features, n_outputs=2 if config.target == "label" else 1)

    def forward(self, values: Tensor, present: Tensor | None = None) -> tuple[Tensor, None]:
        """Return logits (B, 2), or (B, 1) of a regression; `present` (B, C) is 1 for a mark that was measured."""
        return self.dense(self.convolutions(self.arrange(values, present))), None
