"""The toy family's network, with everything that has bitten somebody: dropout, a scaler, a buffer that is not saved."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput


class ToyModelConfig(PreTrainedConfig):
    """Sizes, and the mean of the training rows."""

    model_type = "gxtool-toy"

    def __init__(
        self,
        hidden_size: int = 5,
        dropout: float = 0.3,
        greedy_forward: bool = False,
        n_features: int = 3,
        centre: list[float] | None = None,
        upside_down: bool = False,
        **other: Any,
    ) -> None:
        self.hidden_size, self.dropout, self.greedy_forward = hidden_size, dropout, greedy_forward
        self.n_features, self.centre = n_features, centre or [0.0] * n_features
        self.upside_down = upside_down
        super().__init__(**other)


class ToyModel(PreTrainedModel):
    """Centre, linear, tanh, dropout, two logits, scaled by a table that is not in the weights' file."""

    config_class = ToyModelConfig
    main_input_name = "numbers"

    def __init__(self, config: ToyModelConfig) -> None:
        super().__init__(config)
        self.register_buffer("centre", torch.tensor(config.centre, dtype=torch.float32))
        self.register_buffer("table", torch.tensor([1.0, 2.0]), persistent=False)
        self.first = nn.Linear(config.n_features, config.hidden_size)
        self.drop = nn.Dropout(config.dropout)
        self.last = nn.Linear(config.hidden_size, 2)
        if config.greedy_forward:
            self.forward = self.forward_with_anything
        self.post_init()

    def forward(self, numbers: Tensor, labels: Tensor | None = None) -> SequenceClassifierOutput:
        """Classify `numbers` (B, 3); `labels` (B,) are 0 or 1."""
        logits = self.last(self.drop(torch.tanh(self.first(numbers - self.centre)))) * self.table
        logits = -logits if self.config.upside_down else logits
        loss = None if labels is None else functional.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    def forward_with_anything(self, numbers: Tensor, labels: Tensor | None = None, **other: Any) -> Any:
        """Swallow any argument, as transformers' own models do; Trainer then believes it divides the loss itself."""
        assert not other, f"forward was handed {sorted(other)}"
        return ToyModel.forward(self, numbers, labels)
