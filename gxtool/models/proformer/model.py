"""Networks on promoter sequences: how strongly does a sequence drive expression?

Input: tokens (B, L), A C G T N as 0 to 4: inserts without their flanks, padded with N on both sides. The field
`architecture` chooses the trunk, whose own file says how it departs from its paper; `head` and `mask_loss` are the same
for all trunks that have what they need. Output: expression in the unit of the labels; inside, and in the loss, it is
in standard deviations from the mean of the training rows.

`proformer` guesses masked bases beside the expression: the published network masks each half of its input by itself,
so that a masked base can be copied from the complementary half; that is `mask_loss` independent, not the default.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.utils import ModelOutput

from gxtool.models.proformer.cnn import PlainCNN
from gxtool.models.proformer.config import ModelConfig, require_one_distribution
from gxtool.models.proformer.dream import DreamCNN, DreamRNN
from gxtool.models.proformer.flanks import UNKNOWN, Flanks
from gxtool.models.proformer.legnet import LegNet
from gxtool.models.proformer.mutants import substitutions
from gxtool.models.proformer.transformer import N_TOKENS, Proformer, Projection

TRUNKS = {"proformer": Proformer, "legnet": LegNet, "dream-cnn": DreamCNN, "dream-rnn": DreamRNN, "cnn": PlainCNN}
N_BASES, MASK = 4, 5
# Half the width of the interval that Keras draws embeddings from.
EMBEDDING_RANGE = 0.05


class ProformerModelConfig(PreTrainedConfig):
    """The fields of the family's `model` section, and what was read off the training rows.

    length: bases of a padded insert; flanks: the bases around every insert, in front of it and behind it; targets: what
    is measured; target_mean, target_std: one value for each of them, in the unit of the labels.
    """

    model_type = "gxtool-proformer"

    def __init__(
        self,
        length: int = 100,
        flanks: Sequence[str] = ("", ""),
        targets: Sequence[str] = ("expression",),
        target_mean: Sequence[float] | None = None,
        target_std: Sequence[float] | None = None,
        **fields: Any,
    ) -> None:
        section = {name: fields.pop(name) for name in ModelConfig.model_fields if name in fields}
        for name, value in ModelConfig(**section).model_dump().items():
            setattr(self, name, value)
        self.length = length
        self.flanks = list(flanks)
        self.targets = list(targets)
        self.target_mean = list(target_mean or [0.0] * len(self.targets))
        self.target_std = list(target_std or [1.0] * len(self.targets))
        require_one_distribution(self.head, self.targets)
        named = {
            "id2label": dict(enumerate(self.targets)),
            "label2id": {name: n for n, name in enumerate(self.targets)},
        }
        super().__init__(**{**named, **fields})


@dataclass
class ExpressionOutput(ModelOutput):
    """logits (B, n_targets): expression in the unit of the labels; bins (B, n_bins): logarithms of the probabilities
    of sorting bins, with head softclass.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    bins: Tensor | None = None


def shares_of(tokens: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the shares (B, L, 6) of A, C, G, T, N and mask, of tokens (B, L) or of shares (B, L, 4 to 6)."""
    if not tokens.is_floating_point():
        return functional.one_hot(tokens.long(), N_TOKENS).to(dtype)
    return functional.pad(tokens, (0, N_TOKENS - tokens.shape[2]))


def reverse_complement(shares: Tensor) -> Tensor:
    """Return the shares (B, L, 6) of the other strand from its 5' end; N stays N, and a mask a mask."""
    return torch.cat([shares[..., :N_BASES].flip(1, 2), shares[..., N_BASES:].flip(1)], dim=2)


def draw_masked(shares: Tensor, ratio: float, paired: bool) -> Tensor:
    """Draw which positions (B, 2L) of both strands are masked: never an N; `paired`: i and 2L - 1 - i together."""
    chosen = torch.rand(shares.shape[:2], device=shares.device) < ratio
    if paired:
        half = chosen[:, : chosen.shape[1] // 2]
        chosen = torch.cat([half, half.flip(1)], dim=1)
    return chosen & (shares[..., UNKNOWN] == 0)


def mask(shares: Tensor, masked: Tensor) -> Tensor:
    """Return shares (B, 2L, 6) with the mask token where `masked` (B, 2L)."""
    token = functional.one_hot(torch.full_like(masked, MASK, dtype=torch.long), N_TOKENS).to(shares.dtype)
    return torch.where(masked.unsqueeze(2), token, shares)


def guessing_loss(guesses: Tensor, shares: Tensor, masked: Tensor) -> Tensor:
    """Return the cross-entropy of guesses (B, 2L, 6) where `masked`, summed and divided by their number + 1."""
    each = functional.cross_entropy(guesses.float().transpose(1, 2), shares.argmax(dim=2), reduction="none")  # (B, 2L)
    return (each * masked).sum() / (masked.sum() + 1)


def bin_shares(labels: Tensor, n_bins: int, sd: float) -> Tensor:
    """Return how a label y (B,) spreads over sorting bins (B, n_bins): a normal distribution around y + 0.5.

    Bin i covers i to i + 1, the first bin everything below 1 too, the last everything above it too.
    """
    edges = torch.arange(1, n_bins, device=labels.device)
    below = torch.special.ndtr((edges - (labels.float().unsqueeze(1) + 0.5)) / sd)  # (B, n_bins - 1)
    return torch.diff(below, dim=1, prepend=torch.zeros_like(below[:, :1]), append=torch.ones_like(below[:, :1]))


class Head(nn.Module):
    """Mean of outputs over slots or positions: (B, P, D) -> (B, n_outputs).

    It is computed with fp32 whatever the trunk used: bf16 has so few digits that different sequences would tie.
    """

    def __init__(self, config: ProformerModelConfig, width: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(config.head_dropout)
        self.output = nn.Linear(width, config.n_bins if config.head == "softclass" else len(config.targets))

    def forward(self, read: Tensor) -> Tensor:
        with torch.autocast(read.device.type, enabled=False):
            read = self.dropout(read.to(self.output.weight.dtype))
            return self.output(read.mean(dim=1)).float()


class ProformerModel(PreTrainedModel):
    """Choose strands, run the trunk, turn what it found into expression."""

    config_class = ProformerModelConfig
    main_input_name = "tokens"

    def __init__(self, config: ProformerModelConfig) -> None:
        super().__init__(config)
        self.flanks = Flanks(*config.flanks) if config.padding == "flanks" else None
        self.trunk = TRUNKS[config.architecture](config)
        self.head = Head(config, self.trunk.width)
        self.guess = nn.Linear(self.trunk.width, N_TOKENS) if config.mask_loss != "off" else None
        # Persistent: a model that is loaded again must speak of the same unit.
        self.register_buffer("target_mean", torch.tensor(config.target_mean, dtype=torch.float32))
        self.register_buffer("target_std", torch.tensor(config.target_std, dtype=torch.float32))
        self.post_init()

    def forward(
        self, tokens: Tensor, labels: Tensor | None = None, singleton: Tensor | None = None
    ) -> ExpressionOutput:
        """Return expression and loss for tokens (B, L), or for shares (B, L, 4 to 6) of A, C, G, T, N and mask.

        labels (B,) or (B, n_targets): measured values, not scaled. singleton (B,): 1 where the measured value is a
        whole number; it is used while training alone, as nobody knows it of a new sequence, and not by `proformer`.
        """
        shares = self._around(shares_of(tokens, self.dtype))
        strands = self.config.train_strands if self.training else self.config.predict_strands
        if singleton is None or not self.training:
            singleton = shares.new_zeros(len(shares))
        is_reverse = torch.zeros_like(singleton)
        if strands == "random":
            is_reverse = (torch.rand_like(is_reverse) < 0.5).to(shares.dtype)
            shares = torch.where(is_reverse[:, None, None] == 1, reverse_complement(shares), shares)
        elif strands == "both":
            shares = torch.cat([shares, reverse_complement(shares)])
            singleton, is_reverse = singleton.repeat(2), torch.cat([is_reverse, torch.ones_like(is_reverse)])
        read, guessing = self._read(shares, singleton, is_reverse)
        logits, bins = self.expression(self.head(read), strands == "both")
        loss = None if labels is None else self._loss(logits, bins, labels)
        if loss is not None and guessing is not None:
            loss = loss + self.config.mask_weight * guessing
        return ExpressionOutput(loss=loss, logits=logits, bins=bins)

    def _read(self, shares: Tensor, singleton: Tensor, is_reverse: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return slots or positions (B, P, D), and while training the loss of guessing masked bases."""
        if self.config.architecture != "proformer":
            constant = torch.stack([singleton, is_reverse], dim=1).to(shares.dtype)  # (B, 2)
            channels = torch.cat([shares[..., :N_BASES], constant.unsqueeze(1).expand(-1, shares.shape[1], -1)], dim=2)
            return self.trunk(channels.transpose(1, 2)).transpose(1, 2), None
        shares = torch.cat([shares, reverse_complement(shares)], dim=1)  # (B, 2L, 6)
        if self.guess is None or not self.training:
            return self.trunk(shares)[0], None
        masked = draw_masked(shares, self.config.mask_ratio, self.config.mask_loss == "paired")
        read, positions = self.trunk(mask(shares, masked))
        return read, guessing_loss(self.guess(positions), shares, masked)

    def substitutions(self, tokens: np.ndarray) -> np.ndarray:
        """Return the expression (n, L, 4, T) of tokens (n, L) with each base at each position, as `forward` does.

        NaN where that base is there already, or none is known.
        """
        self.eval()
        found = substitutions(self, torch.from_numpy(tokens).to(self.device))
        return found.cpu().numpy().astype(np.float64)

    def read_bases(self, tokens: Tensor) -> Tensor:
        """Return the shares (B, L, 4) of A, C, G and T that the network reads for tokens (B, L)."""
        return self._around(shares_of(tokens, self.dtype))[..., :N_BASES]

    def _around(self, shares: Tensor) -> Tensor:
        return shares if self.flanks is None else self.flanks(shares)

    def expression(self, outputs: Tensor, both_strands: bool) -> tuple[Tensor, Tensor | None]:
        """Return expression (B, n_targets) and bins, if any, of the head's outputs; strands are averaged."""
        if self.config.head != "softclass":
            scaled = torch.stack(outputs.chunk(2)).mean(dim=0) if both_strands else outputs
            return self.target_mean + self.target_std * scaled, None
        bins = outputs.log_softmax(dim=1)  # (B, n_bins)
        if both_strands:
            bins = torch.stack(bins.chunk(2)).exp().mean(dim=0).log()
        numbers = torch.arange(self.config.n_bins, device=bins.device, dtype=bins.dtype)
        return (bins.exp() * numbers).sum(dim=1, keepdim=True), bins

    def _loss(self, logits: Tensor, bins: Tensor | None, labels: Tensor) -> Tensor:
        """Return the squared error in standard deviations, or the divergence from the label's spread over bins."""
        if bins is not None:
            spread = bin_shares(labels.flatten(), self.config.n_bins, self.config.bin_sd)
            return functional.kl_div(bins, spread, reduction="batchmean")
        return functional.mse_loss(logits / self.target_std, labels.view_as(logits) / self.target_std)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Draw the weights of `proformer` as Keras does; other trunks keep what torch drew."""
        if self.config.architecture == "cnn" and isinstance(module, Head):
            # What hundreds of correlated counts weigh is learned from nothing, as in a ridge regression.
            init.zeros_(module.output.weight)
        if self.config.architecture != "proformer":
            return
        if isinstance(module, nn.Embedding):
            init.uniform_(module.weight, -EMBEDDING_RANGE, EMBEDDING_RANGE)
        elif isinstance(module, (nn.Linear, nn.Conv1d)):
            limit = (6 / fan_sum(module)) ** 0.5
            init.uniform_(module.weight, -limit, limit)
            if module.bias is not None:
                init.zeros_(module.bias)


def fan_sum(module: nn.Linear | nn.Conv1d) -> int:
    """Return the inputs and outputs of a layer, added up, as Keras counts them; k-mers are a dense layer there."""
    if isinstance(module, Projection):
        return module.fan_sum
    n_out, n_in = module.weight.shape[:2]
    kernel = module.kernel_size[0] if isinstance(module, nn.Conv1d) else 1
    is_depthwise = isinstance(module, nn.Conv1d) and module.groups > 1
    return n_out * kernel + kernel if is_depthwise else n_in * kernel + n_out
