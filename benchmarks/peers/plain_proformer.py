"""Proformer as a person would write it from its description: one line of torch for each line of text, all in fp32."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class FeedForward(nn.Module):
    """LayerNorm, dense without bias, SwiGLU, dropout, dense without bias, dropout."""

    def __init__(self, size: int = 512, multiple: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size, eps=1e-6)
        self.dense_1 = nn.Linear(size, multiple * size, bias=False)
        self.dense_2 = nn.Linear(multiple * size // 2, size, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.dense_1(self.norm(x)).chunk(2, dim=-1)
        return self.dropout(self.dense_2(self.dropout(value * functional.silu(gate))))


class Convolution(nn.Module):
    """LayerNorm, separable convolution, ReLU, dropout."""

    def __init__(self, size: int = 512, kernel: int = 15, dropout: float = 0.1) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size, eps=1e-6)
        self.depthwise = nn.Conv1d(size, size, kernel, padding="same", groups=size, bias=False)
        self.pointwise = nn.Conv1d(size, size, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pointwise(self.depthwise(self.norm(x).transpose(1, 2))).transpose(1, 2)
        return self.dropout(functional.relu(x))


class MultiHeadAttention(nn.Module):
    """Self-attention with heads as wide as the stream."""

    def __init__(self, size: int = 512, n_heads: int = 8, head_dim: int = 512) -> None:
        super().__init__()
        self.n_heads, self.head_dim = n_heads, head_dim
        self.query = nn.Linear(size, n_heads * head_dim)
        self.key = nn.Linear(size, n_heads * head_dim)
        self.value = nn.Linear(size, n_heads * head_dim)
        self.output = nn.Linear(n_heads * head_dim, size)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        query, key, value = (
            dense(x).view(batch, length, self.n_heads, self.head_dim).transpose(1, 2)
            for dense in (self.query, self.key, self.value)
        )
        weights = torch.softmax(query @ key.transpose(2, 3) / math.sqrt(self.head_dim), dim=-1)
        return self.output((weights @ value).transpose(1, 2).reshape(batch, length, -1))


class Block(nn.Module):
    """One Macaron block."""

    def __init__(self) -> None:
        super().__init__()
        self.feed_forward_1 = FeedForward()
        self.convolution = Convolution()
        self.norm = nn.LayerNorm(512, eps=1e-6)
        self.attention = MultiHeadAttention()
        self.feed_forward_2 = FeedForward()

    def forward(self, x: Tensor) -> Tensor:
        x = x + 0.5 * self.feed_forward_1(x)
        x = x + self.convolution(x)
        x = self.norm(x)
        x = x + self.attention(x)
        return x + 0.5 * self.feed_forward_2(x)


class PlainProformer(nn.Module):
    """The published sizes: 47,425,543 parameters."""

    def __init__(self, length: int = 100, n_slots: int = 32, kmer: int = 10, mask_ratio: float = 0.05) -> None:
        super().__init__()
        self.n_slots, self.kmer, self.mask_ratio = n_slots, kmer, mask_ratio
        self.dense = nn.Linear(6 * kmer, 512)
        self.positions = nn.Embedding(2 * length, 512)
        self.strands = nn.Embedding(2, 512)
        self.slots = nn.Linear(1, 512)
        self.blocks = nn.ModuleList(Block() for _ in range(4))
        self.dropout = nn.Dropout(0.1)
        self.expression = nn.Linear(512, 1)
        self.nucleotide = nn.Linear(512, 6)
        self.register_buffer("complement", torch.tensor([3, 2, 1, 0, 4]))

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return expression (B,) and logits of bases (B, 2L, 6) for the tokens (B, 2L) of both strands."""
        x = functional.one_hot(tokens, 6).float()
        x = functional.pad(x, (0, 0, (self.kmer - 1) // 2, self.kmer // 2))
        x = x.unfold(1, self.kmer, 1).transpose(2, 3).flatten(2)  # k-mers: position-major, channel-minor
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.dense(x) + self.positions(places) + self.strands((places >= len(places) // 2).long())
        slots = self.slots(torch.zeros(len(x), self.n_slots, 1, device=x.device))
        x = torch.cat([slots, x], dim=1)
        for block in self.blocks:
            x = block(x)
        expression = self.expression(self.dropout(x[:, : self.n_slots])).mean(dim=1)
        return expression.squeeze(1), self.nucleotide(x[:, self.n_slots :])

    def loss(self, sequences: Tensor, scaled: Tensor) -> Tensor:
        """Return the published loss for padded sequences (B, L) and their z-scored expression (B,)."""
        tokens = torch.cat([sequences, self.complement[sequences].flip(1)], dim=1)
        masked = (torch.rand(tokens.shape, device=tokens.device) < self.mask_ratio) & (tokens != 4)
        expression, bases = self(torch.where(masked, 5, tokens))
        guessed = functional.cross_entropy(bases[masked], tokens[masked], reduction="sum") / (masked.sum() + 1)
        return functional.mse_loss(expression, scaled) + guessed
