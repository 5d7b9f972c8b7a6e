"""A convolutional network for thousands of sequences rather than millions: minutes on two cores. It follows no paper.

Two readers side by side, whose features the head adds up. Filters find sites: the same filters read both strands, what
they find is averaged over a few positions and added over the strands, and a second convolution sees sites next to each
other. Counts of k-mers on both strands stand beside them, since a sum over short words is what a few thousand noisy
measurements tell first.

Input: channels (B, 6, L): shares of A, C, G, T (none of them in N), whether the measured value is a whole number, and
whether the sequence is a reverse complement; the last two are not read. Output: features (B, D, 1).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from gxtool.data.sequence import kmer_pairs

if TYPE_CHECKING:
    from gxtool.models.proformer.model import ProformerModelConfig

N_BASES = 4


def windows(x: Tensor, size: int) -> Tensor:
    """Return `size` positions around each one (B, L, size * C) of values (B, L, C), zeros beyond the ends."""
    padded = functional.pad(x, (0, 0, (size - 1) // 2, size // 2))
    return padded.unfold(1, size, 1).transpose(2, 3).flatten(2)


class StrandFilters(nn.Module):
    """Filters (C, 4, K) that read bases on both strands: (B, L, 4) -> (B, L, 2C), the other strand's behind.

    A product with windows of the input takes a third of the time of torch's convolution of four channels.
    """

    def __init__(self, n_filters: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size, N_BASES, n_filters) * (1 / size) ** 0.5)
        # Most places are no site: below zero at first.
        self.bias = nn.Parameter(torch.full((n_filters,), -0.3))

    def both(self) -> tuple[Tensor, Tensor]:
        """Return weights (K * 4, 2C) and bias (2C,) of the filters and of their reverse complements."""
        weight = torch.cat([self.weight, self.weight.flip(0, 1)], dim=2).flatten(0, 1)
        return weight, torch.cat([self.bias, self.bias])

    def forward(self, bases: Tensor) -> Tensor:
        weight, bias = self.both()
        return windows(bases, len(self.weight)) @ weight + bias


class KmerCounts(nn.Module):
    """Counts of k-mers on both strands (B, L, 4) -> (B, W), less what chance gives, in its standard deviations.

    A k-mer and its reverse complement are one word. Counts are products of shares, so gradients reach the bases.
    """

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.sizes = sizes
        self.widths = []
        for size in sizes:
            words, partners = kmer_pairs(size)
            self.widths.append(len(words))
            # Persistent, as transformers brings buffers that are not saved back as garbage.
            self.register_buffer(f"words_{size}", torch.from_numpy(words))
            self.register_buffer(f"partners_{size}", torch.from_numpy(partners))

    @property
    def width(self) -> int:
        """Return the number of words of all sizes."""
        return sum(self.widths)

    def split(self, weights: Tensor) -> tuple[Tensor, ...]:
        """Return what belongs to each size, of weights (..., W)."""
        return weights.split(self.widths, dim=-1)

    def forward(self, bases: Tensor) -> Tensor:
        return torch.cat([bases[:, 0, :0], *(self._counts(bases, size) for size in self.sizes)], dim=1)

    def _counts(self, bases: Tensor, size: int) -> Tensor:
        n_places = bases.shape[1] - size + 1
        first = size // 2
        ahead, behind = words_at(bases, first), words_at(bases[:, first:], size - first)
        counts = torch.bmm(ahead[:, :n_places].transpose(1, 2), behind[:, :n_places]).flatten(1)  # (B, 4^k)
        both = counts + counts[:, getattr(self, f"partners_{size}")]
        expected = 2 * n_places / N_BASES**size
        return (both[:, getattr(self, f"words_{size}")] - expected) / expected**0.5


def words_at(bases: Tensor, size: int) -> Tensor:
    """Return which word of `size` bases begins at each place (B, L - size + 1, 4^size), of shares (B, L, 4)."""
    found = bases
    for offset in range(1, size):
        found = (found[:, :-1].unsqueeze(3) * bases[:, offset:].unsqueeze(2)).flatten(2)
    return found


class SiteReader(nn.Module):
    """Filters on both strands, then convolutions over what they find: (B, L, 4) -> (B, C)."""

    def __init__(self, config: ProformerModelConfig) -> None:
        super().__init__()
        first, *others = config.channels
        self.pool_size = config.pool_size
        self.filters = StrandFilters(first, config.motif_size)
        self.norm = nn.BatchNorm1d(first)
        self.size = config.kernel_size
        sizes = list(pairwise((first, *others)))
        self.layers = nn.ModuleList(nn.Linear(n_in * self.size, n_out) for n_in, n_out in sizes)
        self.norms = nn.ModuleList(nn.LayerNorm(n_out) for _, n_out in sizes)
        self.dropout = nn.Dropout(config.dropout)
        self.width = config.channels[-1]

    def forward(self, bases: Tensor) -> Tensor:
        return self.combine(self.pool(self.filters(bases).relu()))

    def pool(self, found: Tensor) -> Tensor:
        """Return (B, L', C) of what was found (B, L, 2C): means over positions, added over the strands."""
        full = functional.pad(found, (0, 0, 0, -found.shape[1] % self.pool_size))
        forward, reverse = full.unflatten(1, (-1, self.pool_size)).mean(dim=2).chunk(2, dim=2)
        return forward + reverse

    def combine(self, sites: Tensor) -> Tensor:
        """Return features (B, C) of sites (B, L', C)."""
        read = self.dropout(self.norm(sites.transpose(1, 2)).transpose(1, 2))
        for layer, norm in zip(self.layers, self.norms, strict=True):
            read = self.dropout(norm(layer(windows(read, self.size))).relu())
        return self.dropout(read.mean(dim=1))


class PlainCNN(nn.Module):
    """Sites and k-mers side by side."""

    def __init__(self, config: ProformerModelConfig) -> None:
        super().__init__()
        self.sites = SiteReader(config)
        self.kmers = KmerCounts(tuple(config.kmers))
        self.kmer_dropout = nn.Dropout(config.kmer_dropout)
        self.width = self.sites.width + self.kmers.width

    def forward(self, channels: Tensor) -> Tensor:
        """Return features (B, D, 1) of channels (B, 6, L)."""
        bases = channels[:, :N_BASES].transpose(1, 2)
        return torch.cat([self.sites(bases), self.kmer_dropout(self.kmers(bases))], dim=1).unsqueeze(2)
