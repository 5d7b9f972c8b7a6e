"""A plain convolutional network: what a first try would be, and what the others have to beat. It follows no paper.

Input: channels (B, 6, L): shares of A, C, G, T (none of them in N), whether the measured value is a whole number, and
whether the sequence is a reverse complement. Output: features (B, C, L'), pooled after each convolution but the last.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import Tensor, nn

from gxtool.models.proformer.legnet import N_CHANNELS

if TYPE_CHECKING:
    from gxtool.models.proformer.model import ProformerModelConfig


class PlainCNN(nn.Module):
    """Blocks of convolution, batch normalisation, ReLU and dropout, with the largest of a few positions in between."""

    def __init__(self, config: ProformerModelConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((N_CHANNELS, *config.channels)):
            if layers:
                layers.append(nn.MaxPool1d(config.pool_size))
            layers += [
                nn.Conv1d(n_in, n_out, config.kernel_size, padding="same", bias=False),
                nn.BatchNorm1d(n_out),
                nn.ReLU(),
                nn.Dropout(config.dropout),
            ]
        self.blocks = nn.Sequential(*layers)
        self.width = config.channels[-1]

    def forward(self, channels: Tensor) -> Tensor:
        """Return features (B, C, L') of channels (B, 6, L)."""
        return self.blocks(channels)
