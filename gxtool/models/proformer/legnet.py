"""LegNet: convolutions with expansion, squeeze-excitation and concatenated residuals.

Input: channels (B, 6, L): shares of A, C, G, T (none of them in N), whether the measured value is a whole number, and
whether the sequence is a reverse complement. Output: features (B, C, L).

With the preset `legnet` and the head of 18 bins it has 1,937,098 parameters; about 1.9 million are published. It
departs from the network of the challenge in four ways:

- products in squeeze-excitation have a full weight (the published one is a low-rank tensor of half the numbers; with
  that the count would be 1,852,049), or none with `bilinear` false (1,725,122);
- the 18 logits have no activation, as in the authors' later version;
- initial weights are torch's, and those of products are small as published;
- what stands around the insert is the flanks as far as `data.length` reaches, not 70 bases of the plasmid in front.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from gxtool.models.proformer.model import ProformerModelConfig

# Channels of the input: A, C, G, T, measured value is a whole number, reverse complement.
N_CHANNELS = 6
# Standard deviation of the initial weights of products (published).
PRODUCT_SD = 0.00075


def convolution(n_in: int, n_out: int, kernel: int, group_size: int = 0) -> nn.Sequential:
    """Build convolution, batch normalisation and SiLU; `group_size` filters are mixed with each other, 0: all."""
    groups = n_in // group_size if group_size else 1
    return nn.Sequential(
        nn.Conv1d(n_in, n_out, kernel, padding="same", groups=groups, bias=False), nn.BatchNorm1d(n_out), nn.SiLU()
    )


class Products(nn.Module):
    """Append to units (B, U) weighted sums of products of any two of them: (B, U + U/2)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.sums = nn.Linear(size * size, size // 2)
        nn.init.normal_(self.sums.weight, std=PRODUCT_SD)

    def forward(self, x: Tensor) -> Tensor:
        products = (x.unsqueeze(2) * x.unsqueeze(1)).flatten(1)  # (B, U * U)
        return torch.cat([x, self.sums(products)], dim=1)


class SqueezeExcitation(nn.Module):
    """Scale each filter (B, C, L) by what the filters' means say."""

    def __init__(self, n_filters: int, size: int, bilinear: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Linear(n_filters, size), nn.SiLU()]
        if bilinear:
            layers += [nn.Linear(size, size), Products(size), nn.SiLU()]
        last = size + size // 2 if bilinear else size
        self.scale = nn.Sequential(*layers, nn.Linear(last, n_filters), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale(x.mean(dim=2)).unsqueeze(2)


class LegNetBlock(nn.Module):
    """Expand, convolve in groups, scale, narrow; put the result beside the input and convolve both."""

    def __init__(self, n_in: int, n_out: int, config: ProformerModelConfig) -> None:
        super().__init__()
        inside = n_out * config.expansion
        self.residual = nn.Sequential(
            convolution(n_in, inside, 1),
            convolution(inside, inside, config.kernel_size, config.group_size),
            SqueezeExcitation(inside, n_in // config.squeeze, config.bilinear),
            convolution(inside, n_in, 1),
        )
        self.join = convolution(2 * n_in, n_out, config.kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.join(torch.cat([x, self.residual(x)], dim=1))


def legnet_blocks(sizes: tuple[int, ...], config: ProformerModelConfig) -> nn.Sequential:
    """Build a block from each number of filters to the next."""
    return nn.Sequential(*(LegNetBlock(a, b, config) for a, b in pairwise(sizes)))


class LegNet(nn.Module):
    """A stem and its blocks."""

    def __init__(self, config: ProformerModelConfig) -> None:
        super().__init__()
        self.stem = convolution(N_CHANNELS, config.channels[0], config.kernel_size)
        self.blocks = legnet_blocks(tuple(config.channels), config)
        self.width = config.channels[-1]

    def forward(self, channels: Tensor) -> Tensor:
        """Return features (B, C, L) of channels (B, 6, L)."""
        return self.blocks(self.stem(channels))
