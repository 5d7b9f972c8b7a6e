"""Networks on histone marks around the TSS: is the gene's expression above its cell type's median, or how high is it?

Input: signal (B, N, C) of C marks in N bins, as the files hold it: read counts, or values of another kind. The field
`architecture` chooses the network behind the normalisation; its own file says how it departs from its paper.
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

from gxtool.errors import ConfigError, quoted
from gxtool.models.histone.attentivechrome import AttentiveChrome
from gxtool.models.histone.config import ZENODO_MARKS, ModelConfig
from gxtool.models.histone.convnet import ConvNet, divide

NETWORKS = {"convnet": ConvNet, "attentivechrome": AttentiveChrome}
OUTPUTS = {"label": ("off", "on"), "log_expression": ("log_expression",)}


class HistoneModelConfig(PreTrainedConfig):
    """The fields of the family's `model` section, and what was read off the training genes.

    marks, n_bins: the input's axes; signal_mean, signal_std: one value per mark, of log(1 + signal), or of the signal
    itself with norm zscore; target: what `labels` are; mask_channels: the network is told which marks were measured.
    """

    model_type = "gxtool-histone"

    def __init__(
        self,
        marks: Sequence[str] = ZENODO_MARKS,
        n_bins: int = 100,
        signal_mean: Sequence[float] | None = None,
        signal_std: Sequence[float] | None = None,
        target: str = "label",
        mask_channels: bool = False,
        **fields: Any,
    ) -> None:
        section = {name: fields.pop(name) for name in ModelConfig.model_fields if name in fields}
        for name, value in ModelConfig(**section).model_dump().items():
            setattr(self, name, value)
        self.marks = list(marks)
        self.n_bins = n_bins
        self.signal_mean = list(signal_mean or [0.0] * len(self.marks))
        self.signal_std = list(signal_std or [1.0] * len(self.marks))
        if target not in OUTPUTS:
            raise ConfigError(f"target {quoted(target)} is unknown to this model, expected one of {', '.join(OUTPUTS)}")
        if mask_channels and self.architecture == "convnet" and self.layout == "interleaved":
            raise ConfigError(
                "model.layout interleaved has one channel for all marks and none to say which marks are missing, "
                "expected marks-as-channels where marks may be missing"
            )
        self.target = target
        self.mask_channels = mask_channels
        names = OUTPUTS[target]
        named = {"id2label": dict(enumerate(names)), "label2id": {name: n for n, name in enumerate(names)}}
        super().__init__(**{**named, **fields})


class Normalise(nn.Module):
    """Signal (B, N, C) -> values of the same shape, as the field `norm` says."""

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
        if self.norm != "zscore":
            signal = torch.log1p(signal)
        return signal if self.norm == "log1p" else (signal - self.mean) / self.std


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


class HistoneModel(PreTrainedModel):
    """Normalise, hide what was not measured, run the chosen network."""

    config_class = HistoneModelConfig
    main_input_name = "signal"

    def __init__(self, config: HistoneModelConfig) -> None:
        super().__init__(config)
        self.direction = RandomDirection(config.reverse_rate)
        self.normalise = Normalise(config)
        self.network = NETWORKS[config.architecture](config)
        self.post_init()

    def forward(
        self, signal: Tensor, present: Tensor | None = None, labels: Tensor | None = None
    ) -> SequenceClassifierOutput:
        """Return logits and loss for the signal (B, N, C).

        present (B, C): 1 for a mark that was measured, 0 for one that is missing; left out, all were measured. Only a
        model with mask channels reads it. labels (B,): 0 (off) or 1 (on), or log expression, as `config.target` says.
        """
        logits, attentions = self.network(*self._values(signal, present))
        loss = None if labels is None else self._loss(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits, attentions=attentions)

    def read(self, signal: Tensor, present: Tensor | None = None) -> Tensor:
        """Return what the convolutions read (B, C, N) of the signal (B, N, C), in evaluation mode."""
        return self.network.arrange(*self._values(signal, present))

    def _values(self, signal: Tensor, present: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return normalised values (B, N, C), and which marks were measured (B, C) for a model with mask channels."""
        values = self.normalise(self.direction(signal))  # (B, N, C)
        if not self.config.mask_channels:
            present = None
        elif present is None:
            present = values.new_ones(len(values), values.shape[2])
        else:
            present = present.to(values.dtype)
            values = values.masked_fill(present[:, None, :] == 0, 0.0)
        return values, present

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the squared error of a regression, or the cross-entropy of one logit or of two."""
        if self.config.target == "log_expression":
            return functional.mse_loss(logits.squeeze(1), labels.to(logits.dtype))
        if logits.shape[1] == 1:
            return functional.binary_cross_entropy_with_logits(logits.squeeze(1), labels.to(logits.dtype))
        return functional.cross_entropy(logits, labels)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Draw weights as the field `init` says."""
        if not isinstance(module, (nn.Conv1d, nn.Linear, nn.LSTM)):
            return
        for parameter in module.parameters(recurse=False):
            if self.config.init == "glorot":  # Keras' defaults
                init.zeros_(parameter) if parameter.ndim == 1 else init.xavier_uniform_(parameter)
            else:
                limit = self.config.init_range if self.config.init == "uniform" else fan_in(module) ** -0.5
                init.uniform_(parameter, -limit, limit)


def fan_in(module: nn.Conv1d | nn.Linear | nn.LSTM) -> int:
    """Return how many values a unit adds up; an LSTM's are its states, as in torch."""
    return module.hidden_size if isinstance(module, nn.LSTM) else module.weight[0].numel()
