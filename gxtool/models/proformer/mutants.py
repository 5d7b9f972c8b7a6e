"""What a network says of every single substitution, without reading every changed sequence whole.

A substitution changes what `cnn` finds in a few windows only, so the rest of the network is asked about those alone,
and counts of k-mers change by the words over the base. Networks of LegNet's blocks share their first layers
(`block_mutants`). Other trunks read each mutant, and no base that is there twice.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from gxtool.data.sequence import kmer_pairs
from gxtool.models.proformer.block_mutants import substitutions_by_blocks
from gxtool.models.proformer.cnn import N_BASES, PlainCNN, SiteReader, windows
from gxtool.models.proformer.dream import DreamCNN
from gxtool.models.proformer.legnet import LegNet

if TYPE_CHECKING:
    from gxtool.models.proformer.model import ProformerModel

# Sequences whose mutants are looked at together: what they take fits into a core's cache.
FEW = 2
# Whole mutants predicted together, where a trunk must read them so: their activations fit into the cache, too.
TOGETHER = 64


class Changed(NamedTuple):
    """Neighbouring positions that a substitution changes: the first one (M,), and the changes (n, M, w, C)."""

    first: Tensor
    change: Tensor


@torch.inference_mode()
def substitutions(network: ProformerModel, tokens: Tensor) -> Tensor:
    """Return predictions (n, L, 4, T) of tokens (n, L) with each base at each position; NaN where nothing changes.

    They are those of `network`, which is in evaluation mode, on the changed sequences, up to rounding.
    """
    if isinstance(network.trunk, PlainCNN):
        substituted = _by_parts
    else:
        substituted = substitutions_by_blocks if isinstance(network.trunk, LegNet | DreamCNN) else _whole
        network = folded(network)
    parts = [substituted(network, part) for part in tokens.split(FEW)]
    concerned = (tokens.unsqueeze(2) < N_BASES) & (tokens.unsqueeze(2) != torch.arange(N_BASES, device=tokens.device))
    return torch.where(concerned.unsqueeze(3), torch.cat(parts), torch.nan)


def folded(network: ProformerModel) -> ProformerModel:
    """Return a copy whose batch normalisation is part of the convolution in front of it: less to read and write."""
    network = deepcopy(network)
    for layers in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for place in range(len(layers) - 1):
            if isinstance(layers[place], nn.Conv1d) and isinstance(layers[place + 1], nn.BatchNorm1d):
                layers[place] = fuse_conv_bn_eval(layers[place], layers[place + 1])
                layers[place + 1] = nn.Identity()
        for layer in layers:
            if isinstance(layer, nn.SiLU):
                layer.inplace = True  # what it is given nobody else reads
    return network


def _whole(network: ProformerModel, tokens: Tensor) -> Tensor:
    bases = torch.arange(N_BASES, device=tokens.device)
    rows, places, letters = ((tokens.unsqueeze(2) < N_BASES) & (tokens.unsqueeze(2) != bases)).nonzero(as_tuple=True)
    found = torch.zeros(*tokens.shape, N_BASES, len(network.target_mean), device=tokens.device)
    for some in torch.arange(len(rows), device=tokens.device).split(TOGETHER):
        mutants = tokens[rows[some]]
        mutants[torch.arange(len(some)), places[some]] = letters[some].to(tokens.dtype)
        found[rows[some], places[some], letters[some]] = network(mutants).logits
    return found


def _by_parts(network: ProformerModel, tokens: Tensor) -> Tensor:
    bases = network.read_bases(tokens)
    outputs = _outputs(network, bases)
    both = network.config.predict_strands == "both"
    if both:
        outputs = torch.cat([outputs, _outputs(network, bases.flip(1, 2)).flip(1, 2)])
    return network.expression(outputs.flatten(0, 2), both)[0].unflatten(0, (*tokens.shape, N_BASES))


def _outputs(network: ProformerModel, bases: Tensor) -> Tensor:
    """Return the head's outputs (n, L, 4, n_outputs) with each base at each position of bases (n, L, 4)."""
    trunk, head = network.trunk, network.head.output
    width = trunk.sites.width
    before = head(trunk(bases.transpose(1, 2))[..., 0])  # (n, n_outputs)
    change = functional.linear(_change_of_sites(trunk.sites, bases), head.weight[:, :width])
    for size, weights in zip(trunk.kmers.sizes, trunk.kmers.split(head.weight[:, width:]), strict=True):
        change = change + _change_of_words(bases, size, weights)
    return before[:, None, None] + change


def _change_of_words(bases: Tensor, size: int, weights: Tensor) -> Tensor:
    """Return the change (n, L, 4, n_outputs) of counts of k-mers times their `weights` (n_outputs, W)."""
    n_rows, length = bases.shape[:2]
    n_places = length - size + 1
    kept, partners = (torch.from_numpy(one).to(bases.device) for one in kmer_pairs(size))
    numbers = torch.minimum(torch.arange(len(partners), device=bases.device), partners)
    scale = (2 * n_places / N_BASES**size) ** -0.5
    # Every word on one strand is its partner on the other, and counts as the one that stands for both.
    twice = 1 + (partners == torch.arange(len(partners), device=bases.device)).to(bases.dtype)
    worth = weights[:, torch.searchsorted(kept, numbers)].T * scale * twice.unsqueeze(1)  # (4^k, n_outputs)
    known = bases.sum(dim=2) == 1
    letters = bases.argmax(dim=2)
    powers = N_BASES ** torch.arange(size - 1, -1, -1, device=bases.device)
    words = letters.unfold(1, size, 1) @ powers  # (n, n_places)
    counted = known.unfold(1, size, 1).all(dim=2)
    change = bases.new_zeros(n_rows, length, N_BASES, weights.shape[0])
    for offset in range(size):
        here = letters[:, offset : offset + n_places]
        others = words.unsqueeze(2) + (torch.arange(N_BASES, device=bases.device) - here.unsqueeze(2)) * powers[offset]
        difference = (worth[others] - worth[words].unsqueeze(2)) * counted[..., None, None]
        change[:, offset : offset + n_places] += difference
    return change


def _change_of_sites(reader: SiteReader, bases: Tensor) -> Tensor:
    """Return the change (n, L, 4, C) of a reader's features with each base at each position."""
    scores = reader.filters(bases)  # (n, L, 2C)
    changed = _pooled_change(reader, scores, bases)
    scale = reader.norm.weight / (reader.norm.running_var + reader.norm.eps).sqrt()
    sites = reader.pool(scores.relu())
    changed = Changed(changed.first, changed.change * scale)
    values = (sites - reader.norm.running_mean) * scale + reader.norm.bias
    for layer, norm in zip(reader.layers, reader.norms, strict=True):
        before = layer(windows(values, reader.size))
        changed = _layer_change(layer, norm, reader.size, changed, before)
        values = norm(before).relu()
    total = changed.change.sum(dim=2) / values.shape[1]  # (n, 4 L, C)
    return total.unflatten(1, (-1, N_BASES))


def _pooled_change(reader: SiteReader, scores: Tensor, bases: Tensor) -> Changed:
    """Return the change of pooled sites with each base at each position, which are M = 4 L substitutions."""
    length, size, pool = bases.shape[1], len(reader.filters.weight), reader.pool_size
    device = bases.device
    weight = reader.filters.both()[0].unflatten(0, (size, N_BASES))  # (K, 4, 2C)
    offsets = torch.arange(size, device=device) - size // 2
    places = torch.arange(length, device=device).unsqueeze(1) + offsets  # (L, K): windows that see a position
    inside = (places >= 0) & (places < length)
    seen = places.clamp(0, length - 1)
    order = weight.flip(0)  # a later window holds the position earlier
    old = torch.einsum("nla,kac->nlkc", bases, order)  # (n, L, K, 2C)
    before = scores[:, seen]  # (n, L, K, 2C)
    rest = before - old
    after = (rest.unsqueeze(2) + order.transpose(0, 1)).relu_()  # (n, L, 4, K, 2C)
    first = (torch.arange(length, device=device) - size // 2).clamp(min=0) // pool  # (L,)
    n_bins = (size + pool - 2) // pool + 1
    bins = functional.one_hot((seen // pool - first.unsqueeze(1)).clamp(max=n_bins - 1), n_bins).to(bases.dtype)
    bins = bins * inside.unsqueeze(2) / pool  # (L, K, w)
    difference = after.sub_(before.relu().unsqueeze(2))
    pooled = torch.einsum("nlakc,lkw->nlawc", difference, bins)
    forward, reverse = pooled.chunk(2, dim=4)
    return Changed(first.repeat_interleave(N_BASES), (forward + reverse).flatten(1, 2))


def _layer_change(layer: nn.Linear, norm: nn.Module, size: int, changed: Changed, before: Tensor) -> Changed:
    """Return the change behind a convolution over `size` positions, its norm and ReLU.

    before: what came out of the convolution (n, L', C) without any change.
    """
    width, n_in = changed.change.shape[2:]
    wider = width + size - 1
    kernel = layer.weight.unflatten(1, (size, n_in)).flip(1)  # (C, K, n_in): what input reaches output i - j
    spread = layer.weight.new_zeros(width, n_in, wider, len(kernel))
    for place in range(width):
        spread[place, :, place : place + size] = kernel.permute(2, 1, 0)
    added = changed.change.flatten(2) @ spread.flatten(2).flatten(0, 1)  # (n, M, wider * C)
    first = changed.first - size // 2
    places = first.unsqueeze(1) + torch.arange(wider, device=first.device)
    inside = (places >= 0) & (places < before.shape[1])
    was = before[:, places.clamp(0, before.shape[1] - 1)]  # (n, M, wider, C)
    after = norm(was + added.unflatten(2, (wider, -1))).relu()
    return Changed(first, (after - norm(was).relu()) * inside.unsqueeze(2))
