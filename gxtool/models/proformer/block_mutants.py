"""Mutants as networks of LegNet's blocks read them: what a substitution leaves as it is, is computed once.

Up to the first squeeze-excitation, a substitution reaches only the positions around it. There the first layers are run
over a short window of each mutant; everywhere else the mutant has what the sequence itself has. The same holds for the
half of the first block's last convolution that looks at the block's input. From the squeeze-excitation on, every
position of a mutant is another, and is computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gxtool.models.proformer.dream import DreamCNN
from gxtool.models.proformer.legnet import N_CHANNELS, LegNet

if TYPE_CHECKING:
    from gxtool.models.proformer.model import ProformerModel

N_BASES = 4
# Mutants of one strand read together: their activations fit into the cache.
TOGETHER = 128


class Shared(NamedTuple):
    """What the first layers make of sequences (n, 6, L): `inside` (n, C', L), what the first block is about to squeeze,
    and `beside` (n, C, L), what its last convolution makes of the block's input.
    """

    inside: Tensor
    beside: Tensor


def substitutions_by_blocks(network: ProformerModel, tokens: Tensor) -> Tensor:
    """Return predictions (n, L, 4, T) of tokens (n, L) with each base at each position; 0 where nothing changes."""
    concerned = (tokens.unsqueeze(2) < N_BASES) & (tokens.unsqueeze(2) != torch.arange(N_BASES, device=tokens.device))
    bases = network.read_bases(tokens)  # (n, L, 4)
    outputs = _outputs(network, bases, concerned, is_reverse=False)
    both = network.config.predict_strands == "both"
    if both:
        reverse = _outputs(network, bases.flip(1, 2), concerned.flip(1, 2), is_reverse=True)
        outputs = torch.cat([outputs, reverse.flip(1, 2)])
    return network.expression(outputs.flatten(0, 2), both)[0].unflatten(0, (*tokens.shape, N_BASES))


def _outputs(network: ProformerModel, bases: Tensor, concerned: Tensor, is_reverse: bool) -> Tensor:
    """Return the head's outputs (n, L, 4, n_outputs) of one strand with each base at each position, where concerned."""
    channels = functional.pad(bases, (0, N_CHANNELS - N_BASES))
    channels[..., -1] = float(is_reverse)
    first = FirstLayers(network.trunk)
    found = bases.new_zeros(*concerned.shape, network.head.output.out_features)
    for row, sequence in enumerate(channels.transpose(1, 2)):  # (6, L)
        shared = first.read(sequence.unsqueeze(0))
        for places, letters in zip(
            *(one.split(TOGETHER) for one in concerned[row].nonzero(as_tuple=True)), strict=True
        ):
            features = network.trunk.blocks[1:](first.mutants(sequence, shared, places, letters))
            found[row, places, letters] = network.head(features.transpose(1, 2))
    return found


class FirstLayers:
    """A network's layers up to the end of its first block."""

    def __init__(self, trunk: LegNet | DreamCNN) -> None:
        self.start = trunk.stem if isinstance(trunk, LegNet) else trunk.first
        block = trunk.blocks[0]
        self.before, self.after = block.residual[:2], block.residual[2:]
        self.join, self.rest_of_join = block.join[0], block.join[1:]
        n_in = self.join.in_channels // 2
        self.weight_of_input, self.weight_of_residual = self.join.weight.split(n_in, dim=1)
        kernels = [layer.kernel_size[0] for layer in self.start.modules() if isinstance(layer, nn.Conv1d)]
        # How far a substitution reaches: the kernel of the start, then that of the block.
        self.reach = max(kernels) // 2 + self.join.kernel_size[0] // 2

    def read(self, channels: Tensor) -> Shared:
        """Return what the layers make of channels (n, 6, L) as far as positions do not depend on those far away."""
        started = self.start(channels)
        beside = functional.conv1d(started, self.weight_of_input, self.join.bias, padding="same")
        return Shared(self.before(started), beside)

    def mutants(self, sequence: Tensor, shared: Shared, places: Tensor, letters: Tensor) -> Tensor:
        """Return what the first block makes (m, C, L) of a sequence (6, L) with letters (m,) at places (m,).

        shared: what `read` returns of the sequence itself.
        """
        length, device = sequence.shape[1], sequence.device
        # Padding spoils a window within `reach` of its ends, unless they are the sequence's own, which are padded so.
        width = min(4 * self.reach + 1, length)
        first = (places - 2 * self.reach).clamp(0, length - width)
        seen = first.unsqueeze(1) + torch.arange(width, device=device)  # (m, w)
        number = torch.arange(len(places), device=device)
        windows = sequence[:, seen].transpose(0, 1)  # (m, 6, w)
        windows[number, :N_BASES, places - first] = functional.one_hot(letters, N_BASES).to(sequence.dtype)
        mutant, offset = ((seen - places.unsqueeze(1)).abs() <= self.reach).nonzero(as_tuple=True)
        inside, beside = (part.repeat(len(places), 1, 1) for part in shared)
        for whole, part in zip((inside, beside), self.read(windows), strict=True):
            whole[mutant, :, seen[mutant, offset]] = part[mutant, :, offset]
        residual = functional.conv1d(self.after(inside), self.weight_of_residual, padding="same")
        return self.rest_of_join(beside.add_(residual))
