"""What stands around an insert: the construct's constant bases in place of the N that pad it.

A site of a transcription factor can lie half in the insert and half in its flank, so a network that sees only N there
misses it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gxtool.data.sequence import tokens_of
from gxtool.models.proformer.transformer import N_TOKENS

UNKNOWN = 4


class Flanks(nn.Module):
    """Replace the padding of inserts by the bases next to them; beyond the flanks it stays N.

    An N at the very end of an insert cannot be told from padding, and is taken for it.
    """

    def __init__(self, five_prime: str, three_prime: str) -> None:
        super().__init__()
        # Persistent, as transformers brings buffers that are not saved back as garbage.
        self.register_buffer("five_prime", _shares(five_prime))
        self.register_buffer("three_prime", _shares(three_prime).flip(0))

    def forward(self, shares: Tensor) -> Tensor:
        """Return shares (B, L, 6) of inserts that are padded with N on both sides, with the flanks around them."""
        unknown = shares[..., UNKNOWN] == 1  # (B, L)
        filled = _fill(shares, unknown, self.five_prime)
        # Seen from the 3' end, the other flank is in front too.
        return _fill(filled.flip(1), unknown.flip(1), self.three_prime).flip(1)


def _shares(flank: str) -> Tensor:
    return functional.one_hot(torch.from_numpy(tokens_of(flank)).long(), N_TOKENS).float()


def _fill(shares: Tensor, unknown: Tensor, flank: Tensor) -> Tensor:
    """Put the end of `flank` (F, 6) in front of each insert, where N (B, L) reach from the left end to it."""
    n_bases, length = len(flank), shares.shape[1]
    padded = unknown.long().cumprod(dim=1)  # (B, L): 1 in the run of N at the left end
    if not n_bases:
        return shares
    # Sequences of N alone have no insert to stand beside.
    sizes = padded.sum(dim=1, keepdim=True) % length  # (B, 1)
    places = torch.arange(length, device=shares.device) - sizes + n_bases  # (B, L): which base of the flank
    chosen = (padded == 1) & (places >= 0) & (places < n_bases)
    return torch.where(chosen.unsqueeze(2), flank.to(shares.dtype)[places.clamp(0, n_bases - 1)], shares)
