"""DREAM-CNN and DREAM-RNN: the challenge's best parts put together anew (Rafi et al., Nature Biotechnology 2024).

Input: channels (B, 6, L): shares of A, C, G, T (none of them in N), whether the measured value is a whole number, and
whether the sequence is a reverse complement. Output: features (B, C, L).

With the presets and the head of 18 bins they have the published counts. `dream-cnn`, 1,933,970: 23,360 in two
convolutions side by side, 1,909,440 in six blocks of LegNet without products, 1,170 in the head. `dream-rnn`,
4,130,578: 23,360 in two convolutions, 1,643,520 in the LSTM, 2,457,920 in two more, 5,778 in the head. Departures:

- initial weights are torch's;
- what stands around the insert is the flanks as far as `data.length` reaches, not the plasmid up to 150 bases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gxtool.models.proformer.legnet import N_CHANNELS, legnet_blocks

if TYPE_CHECKING:
    from gxtool.models.proformer.model import ProformerModelConfig


class SideBySide(nn.Module):
    """Convolutions of several widths over the same input, ReLU and dropout: (B, C, L) -> (B, C', L)."""

    def __init__(self, n_in: int, config: ProformerModelConfig) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(n_in, config.first_channels, kernel, padding="same") for kernel in config.first_kernels
        )
        self.dropout = nn.Dropout(config.dropout)
        self.width = config.first_channels * len(config.first_kernels)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(torch.cat([convolution(x) for convolution in self.convolutions], dim=1).relu())


class DreamCNN(nn.Module):
    """Convolutions side by side, then LegNet's blocks."""

    def __init__(self, config: ProformerModelConfig) -> None:
        super().__init__()
        self.first = SideBySide(N_CHANNELS, config)
        self.blocks = legnet_blocks((self.first.width, *config.channels), config)
        self.width = config.channels[-1]

    def forward(self, channels: Tensor) -> Tensor:
        """Return features (B, C, L) of channels (B, 6, L)."""
        return self.blocks(self.first(channels))


class DreamRNN(nn.Module):
    """Convolutions side by side, an LSTM in both directions, convolutions side by side."""

    def __init__(self, config: ProformerModelConfig) -> None:
        super().__init__()
        self.first = SideBySide(N_CHANNELS, config)
        self.lstm = nn.LSTM(self.first.width, config.lstm_size, batch_first=True, bidirectional=True)
        self.last = SideBySide(2 * config.lstm_size, config)
        self.width = self.last.width

    def forward(self, channels: Tensor) -> Tensor:
        """Return features (B, C, L) of channels (B, 6, L)."""
        states, _ = self.lstm(self.first(channels).transpose(1, 2))  # (B, L, 2 * states)
        return self.last(states.transpose(1, 2))
