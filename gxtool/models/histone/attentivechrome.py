"""AttentiveChrome: LSTMs over the bins of each mark and over the marks, each summed by attention.

Input: normalised values (B, N, C) of C marks in N bins. Output: one logit (B, 1) of "on" (or one value of a
regression) and both attentions, which sum to 1: alpha (B, C, N) over the bins of each mark, beta (B, C) over the marks.

With the preset `attentivechrome` and 5 marks it has the published 55,681 parameters: per mark 8,960 of a
bidirectional LSTM (input 1, 32 states per direction) and 64 of an attention vector; 10,496 of a bidirectional LSTM
over the marks (input 64, 16 states per direction) and 32 of its attention vector; 33 of the output. Departures:

- both attentions are returned; the published code computes them and writes 0 into its attention file;
- any marks, in any number; the published code has 5 of them by name;
- values need not be whole numbers; the published reader cuts them to whole numbers;
- the sigmoid is part of the loss (logits go in), which is the same number computed more exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from gxtool.models.histone.model import HistoneModelConfig


class Attention(nn.Module):
    """Vectors (B, T, H) -> their weighted sum (B, H) and the weights (B, T), softmax of products with one vector."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.vector = nn.Linear(size, 1, bias=False)

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        weights = self.vector(vectors).squeeze(2).softmax(dim=1)  # (B, T)
        return (weights.unsqueeze(1) @ vectors).squeeze(1), weights


class AttentiveChrome(nn.Module):
    """A vector per mark, then one per gene, then the output.

    The marks' LSTMs run one after the other: on one core a step of 16 genes takes 17 ms (forward and backward, 100 bins
    of 5 marks), and 34 ms as one LSTM with block-diagonal weights, 144 ms as batched products bin by bin.
    """

    def __init__(self, config: HistoneModelConfig) -> None:
        super().__init__()
        n_marks, size = len(config.marks), 2 * config.bin_lstm_size
        n_inputs = 2 if config.mask_channels else 1
        self.bin_lstms = nn.ModuleList(
            nn.LSTM(n_inputs, config.bin_lstm_size, batch_first=True, bidirectional=True) for _ in range(n_marks)
        )
        self.bin_attentions = nn.ModuleList(Attention(size) for _ in range(n_marks))
        self.mark_lstm = nn.LSTM(size, config.mark_lstm_size, batch_first=True, bidirectional=True)
        self.mark_attention = Attention(2 * config.mark_lstm_size)
        self.output = nn.Linear(2 * config.mark_lstm_size, 1)

    def forward(self, values: Tensor, present: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return logits (B, 1) and (alpha, beta); `present` (B, C) is 1 for a mark that was measured."""
        features = values.unsqueeze(3)  # (B, N, C, 1)
        if present is not None:
            features = torch.cat([features, present[:, None, :, None].expand_as(features)], dim=3)  # (B, N, C, 2)
        marks = zip(self.bin_lstms, self.bin_attentions, features.unbind(dim=2), strict=True)
        summed = [attention(lstm(mark)[0]) for lstm, attention, mark in marks]
        alpha = torch.stack([weights for _, weights in summed], dim=1)  # (B, C, N)
        states, _ = self.mark_lstm(torch.stack([vector for vector, _ in summed], dim=1))  # (B, C, 2H)
        gene, beta = self.mark_attention(states)  # (B, 2H), (B, C)
        return self.output(gene), (alpha, beta)
