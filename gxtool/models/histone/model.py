"""1D convolutional network on histone marks around the TSS: is the gene's expression above its cell type's median?

Input: read counts (B, N, C) of C marks in N bins. Output: two logits (off, on). With the preset `convnet-published`
this is GeneNet's network, 782,845 parameters for 100 bins of 5 marks, and departs from it in three ways:

- counts are normalised here and not by the reader, so that a trained model takes what the files hold;
- flattened features are ordered (channel, position), Keras' are (position, channel): the same function up to a
  permutation of the first dense layer's columns;
- two logits and cross-entropy stand for two softmax units and binary cross-entropy: the same loss.

The preset `convnet` departs further: marks are channels, counts are log1p z-scores, bins are pooled by their mean, and
training reads each row in a random direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import SequenceClassifierOutput

from gxtool.models.histone.config import ZENODO_MARKS, ModelConfig, positions

ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU, "tanh": nn.Tanh}
POOLINGS = {"mean": nn.AvgPool1d, "max": nn.MaxPool1d}
CLASSES = ("off", "on")


class HistoneModelConfig(PreTrainedConfig):
    """The fields of the family's `model` section, and what was read off the training genes.

    marks, n_bins: the input's axes; signal_mean, signal_std: of log(1 + count), one value per mark.
    """

    model_type = "gxtool-histone"

    def __init__(
        self,
        marks: Sequence[str] = ZENODO_MARKS,
        n_bins: int = 100,
        signal_mean: Sequence[float] | None = None,
        signal_std: Sequence[float] | None = None,
        **fields: Any,
    ) -> None:
        section = {name: fields.pop(name) for name in ModelConfig.model_fields if name in fields}
        for name, value in ModelConfig(**section).model_dump().items():
            setattr(self, name, value)
        self.marks = list(marks)
        self.n_bins = n_bins
        self.signal_mean = list(signal_mean or [0.0] * len(self.marks))
        self.signal_std = list(signal_std or [1.0] * len(self.marks))
        names = {"id2label": dict(enumerate(CLASSES)), "label2id": {name: n for n, name in enumerate(CLASSES)}}
        super().__init__(**{**names, **fields})


class Normalise(nn.Module):
    """Counts (B, N, C) -> values of the same shape, as the field `norm` says."""

    def __init__(self, config: HistoneModelConfig) -> None:
        super().__init__()
        self.norm = config.norm
        # Persistent: a model that is loaded again must scale new genes as it scaled those it was trained on.
        self.register_buffer("mean", torch.tensor(config.signal_mean, dtype=torch.float32))
        self.register_buffer("std", torch.tensor(config.signal_std, dtype=torch.float32))

    def forward(self, signal: Tensor) -> Tensor:
        if self.norm == "none":
            return signal
        if self.norm == "per-bin-max":
            return divide(signal, signal.amax(dim=2, keepdim=True))
        if self.norm == "per-mark-max":
            return divide(signal, signal.amax(dim=1, keepdim=True))
        signal = torch.log1p(signal)
        return (signal - self.mean) / self.std if self.norm == "log1p-zscore" else signal


class Arrange(nn.Module):
    """Values (B, N, C) -> the convolutions' input: (B, C, N), or interleaved (B, 1, N * C + C)."""

    def __init__(self, config: HistoneModelConfig) -> None:
        super().__init__()
        self.layout = config.layout

    def forward(self, values: Tensor) -> Tensor:
        if self.layout == "marks-as-channels":
            return values.transpose(1, 2)
        sums = values.sum(dim=1)  # (B, C)
        sums = divide(sums, sums.amax(dim=1, keepdim=True))
        return torch.cat([values.flatten(1), sums], dim=1).unsqueeze(1)


class RandomDirection(nn.Module):
    """While training, read a share of the rows from the last bin to the first."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, signal: Tensor) -> Tensor:
        if not self.training or not self.rate:
            return signal
        backwards = torch.rand(len(signal), 1, 1, device=signal.device) < self.rate
        return torch.where(backwards, signal.flip(1), signal)


def divide(values: Tensor, largest: Tensor) -> Tensor:
    """Divide by the largest value; where that is 0, so are the values, and they stay 0."""
    return values / torch.where(largest == 0, 1.0, largest)


def convolutions(config: HistoneModelConfig) -> nn.Sequential:
    """Build convolution, activation and pooling per block, and dropout of whole filters after the first pooling."""
    width = 1 if config.layout == "interleaved" else len(config.marks)
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


def dense_layers(config: HistoneModelConfig, n_features: int) -> nn.Sequential:
    """Build dropout, flattening, dense layers and the two logits."""
    layers: list[nn.Module] = [nn.Dropout(config.dropout), nn.Flatten()]
    for size, rate in zip(config.dense_sizes, config.dense_dropouts, strict=True):
        layers += [nn.Linear(n_features, size), ACTIVATIONS[config.activation](), nn.Dropout(rate)]
        n_features = size
    return nn.Sequential(*layers, nn.Linear(n_features, len(CLASSES)))


class HistoneModel(PreTrainedModel):
    """Normalise, arrange, convolve, flatten, classify."""

    config_class = HistoneModelConfig
    main_input_name = "signal"

    def __init__(self, config: HistoneModelConfig) -> None:
        super().__init__(config)
        self.direction = RandomDirection(config.reverse_rate)
        self.normalise = Normalise(config)
        self.arrange = Arrange(config)
        self.convolutions = convolutions(config)
        n_features = config.channels[-1] * positions(config, config.n_bins, len(config.marks))
        self.dense = dense_layers(config, n_features)
        self.post_init()

    def forward(self, signal: Tensor, labels: Tensor | None = None) -> SequenceClassifierOutput:
        """Classify raw counts `signal` (B, N, C); `labels` (B,) are 0 (off) or 1 (on)."""
        values = self.arrange(self.normalise(self.direction(signal)))  # (B, C, N) or (B, 1, N * C + C)
        logits = self.dense(self.convolutions(values))  # (B, 2)
        loss = None if labels is None else functional.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Glorot's uniform weights and biases of 0, Keras' defaults."""
        if isinstance(module, (nn.Conv1d, nn.Linear)):
            init.xavier_uniform_(module.weight)
            init.zeros_(module.bias)
