"""Proformer: a Macaron transformer over k-mers of both strands, with slots that collect the expression.

Input: shares of A, C, G, T, N and mask in each position (B, 2L, 6): an insert, padded with N to L bases, and behind it
its reverse complement. Output: slots (B, P, D), which the head reads, and positions (B, 2L, D), which masked bases are
guessed from.

With the preset `proformer` (L = 100, P = 32, D = 512) and the heads it has the published 47,425,543 parameters. Nothing
is masked out of the attention: padding is attended to. Departures, none of which changes a value:

- attention is computed with products of weights (see `Attention`); the bias of the keys, which no softmax can see, is
  kept as a parameter without effect;
- the dense layer of k-mers is the same layer written as a convolution.

The published code's stride above 1 is left out: its final model has stride 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from gxtool.errors import InputError

if TYPE_CHECKING:
    from gxtool.models.proformer.model import ProformerModelConfig

GATES = {"swiglu": functional.silu, "glu": torch.sigmoid}
# Channels of the input: A, C, G, T, N and the mask.
N_TOKENS = 6


class FeedForward(nn.Module):
    """Normalise, widen, let one half gate the other, narrow: (B, T, D) -> (B, T, D)."""

    def __init__(self, config: ProformerModelConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.widen = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.gate = GATES[config.glu]
        self.narrow = nn.Linear(config.intermediate_size // 2, config.hidden_size, bias=False)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.widen(self.norm(x)).chunk(2, dim=2)  # (B, T, I/2) each
        return self.dropout(self.narrow(self.dropout(value * self.gate(gate))))


class SeparableConvolution(nn.Module):
    """Normalise, convolve each channel by itself, mix the channels, ReLU: (B, T, D) -> (B, T, D)."""

    def __init__(self, config: ProformerModelConfig) -> None:
        super().__init__()
        size, kernel = config.hidden_size, config.conv_kernel
        self.norm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.depthwise = nn.Conv1d(size, size, kernel, groups=size, padding="same", bias=False)
        self.pointwise = nn.Linear(size, size)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.depthwise(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return self.dropout(self.pointwise(x).relu())


class Projection(nn.Linear):
    """A dense layer to or from attention heads, whose initial weights depend on more than its inputs and outputs.

    fan_sum: inputs and outputs, added up, as Keras counts them on the kernels it has here, of three axes: the first one
    multiplies both, as the width of a convolution does.
    """

    def __init__(self, n_in: int, n_out: int, fan_sum: int) -> None:
        super().__init__(n_in, n_out)
        self.fan_sum = fan_sum


class Attention(nn.Module):
    """Multi-head self-attention whose heads may be wider than their share of the stream: (B, T, D) -> (B, T, D).

    Where a head is as wide as the stream, keys and values need not be computed at all. A score is
    (Wq x + bq) . (Wk y + bk); its parts with bk are the same for all y and the softmax drops them, which leaves
    Wk'(Wq x + bq) . y with the product Wk' Wq of two weights. In the same way the output of a head is Wo Wv times a
    mean of the y. So each head attends to y itself, and half of the projections are replaced by products of weights,
    which are computed once a batch and not once a position.
    """

    def __init__(self, config: ProformerModelConfig) -> None:
        super().__init__()
        self.n_heads, self.head_dim = config.num_attention_heads, config.head_dim
        size, heads, width = config.hidden_size, self.n_heads, self.head_dim
        self.inputs = Projection(size, 3 * heads * width, size * (heads + width))  # queries, keys, values
        self.output = Projection(heads * width, size, heads * (width + size))

    def forward(self, x: Tensor) -> Tensor:
        return self._attend_to_stream(x) if self.head_dim >= x.shape[2] else self._attend_to_keys(x)

    def _attend_to_keys(self, x: Tensor) -> Tensor:
        parts = self.inputs(x).unflatten(2, (3, self.n_heads, self.head_dim))  # (B, T, 3, H, E)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # (B, H, T, E) each
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.output(mixed.transpose(1, 2).flatten(2))

    def _attend_to_stream(self, x: Tensor) -> Tensor:
        batch, length, size = x.shape
        query, key, value = self.inputs.weight.view(3, self.n_heads, self.head_dim, size)  # (H, E, D) each
        query_bias, _, value_bias = self.inputs.bias.view(3, self.n_heads, self.head_dim)
        asking = key.transpose(1, 2) @ query  # (H, D, D)
        asking_bias = (query_bias.unsqueeze(1) @ key).flatten()  # (H * D,)
        questions = functional.linear(x, asking.flatten(0, 1), asking_bias)  # (B, T, H * D)
        # The heads share what they attend to, so all heads' questions stand in one row of one head.
        questions = questions.view(batch, 1, length * self.n_heads, size)
        stream = x.to(questions.dtype).unsqueeze(1)
        mixed = functional.scaled_dot_product_attention(questions, stream, stream, scale=self.head_dim**-0.5)
        answering = self.output.weight.unflatten(1, (self.n_heads, self.head_dim)).transpose(0, 1) @ value  # (H, D, D)
        answering_bias = self.output(value_bias.flatten())
        mixed = mixed.view(batch, length, self.n_heads * size)
        return functional.linear(mixed, answering.transpose(0, 1).flatten(1), answering_bias)


class MacaronBlock(nn.Module):
    """Half a feed-forward step, convolution, normalisation of the stream itself, attention, half a step."""

    def __init__(self, config: ProformerModelConfig) -> None:
        super().__init__()
        self.first = FeedForward(config)
        self.convolution = SeparableConvolution(config)
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.attention = Attention(config)
        self.second = FeedForward(config)

    def forward(self, x: Tensor) -> Tensor:
        x = x + 0.5 * self.first(x)
        x = x + self.convolution(x)
        x = self.norm(x)
        x = x + self.attention(x)
        return x + 0.5 * self.second(x)


class Proformer(nn.Module):
    """Embed k-mers, places and strands, put slots in front, run the blocks.

    All slots start as one vector. Only the convolutions, which know how far a slot is from its neighbours, make them
    differ.
    """

    def __init__(self, config: ProformerModelConfig) -> None:
        super().__init__()
        self.n_slots = 0 if config.head == "pool" else config.n_slots
        self.width = config.hidden_size
        self.kmer = nn.Conv1d(N_TOKENS, self.width, config.kmer)
        self.places = nn.Embedding(2 * config.length, self.width)
        self.strands = nn.Embedding(2, self.width)
        # The published layer that makes slots of zeros: its bias is the slots' vector, its kernel is never used.
        self.slots = nn.Linear(1, self.width) if self.n_slots else None
        self.blocks = nn.ModuleList(MacaronBlock(config) for _ in range(config.num_hidden_layers))

    def forward(self, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Return slots (B, P, D), or positions where there are none, and positions (B, 2L, D) of both strands' shares.

        Raises:
            InputError: the sequences are longer or shorter than those the network was made for.
        """
        x = self.embed(shares)
        if self.slots is not None:
            x = torch.cat([self.slots(x.new_zeros(len(x), self.n_slots, 1)).to(x.dtype), x], dim=1)  # (B, P + 2L, D)
        for block in self.blocks:
            x = block(x)
        positions = x[:, self.n_slots :]
        return x[:, : self.n_slots] if self.n_slots else positions, positions

    def embed(self, shares: Tensor) -> Tensor:
        """Return the vectors (B, 2L, D) of k-mers, places and strands; a k-mer reaches (k - 1) // 2 bases back."""
        found, expected = shares.shape[1] // 2, self.places.num_embeddings // 2
        if found != expected:
            raise InputError(f"tokens: sequences have {found} positions, expected {expected} as in training")
        width = self.kmer.kernel_size[0]
        around = functional.pad(shares.transpose(1, 2), ((width - 1) // 2, width // 2))  # (B, 6, 2L + k - 1)
        strand = self.strands.weight.repeat_interleave(shares.shape[1] // 2, dim=0)  # (2L, D)
        return self.kmer(around).transpose(1, 2) + (self.places.weight + strand)
