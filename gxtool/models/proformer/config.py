"""Every number of the networks on promoter sequences and what it means."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, field_validator, model_validator

from gxtool.config import Section

Share = Annotated[float, Field(ge=0, lt=1)]


class ModelConfig(Section):
    """The network: a trunk that reads the sequence, and a head that turns what it found into expression."""

    architecture: Literal["proformer", "legnet", "dream-cnn", "dream-rnn", "cnn"] = Field(
        "proformer",
        description="proformer: Macaron transformer (hidden_size to kmer); legnet, dream-cnn, dream-rnn and cnn: "
        "convolutions (channels to lstm_size)",
    )
    head: Literal["slots", "pool", "softclass"] = Field(
        "slots",
        description="slots: mean of n_slots expression slots (proformer only); pool: mean over the positions; "
        "softclass: distribution over n_bins sorting bins, from slots where there are any, else from pooled positions",
    )
    n_slots: int = Field(32, ge=0, description="expression slots in front of the sequence (proformer; not with pool)")
    n_bins: int = Field(18, ge=2, description="sorting bins of the measurement, numbered from 0 (softclass)")
    bin_sd: float = Field(
        0.5, gt=0, description="standard deviation of the target's distribution over bins, in bins (softclass)"
    )
    train_strands: Literal["forward", "random", "both"] = Field(
        "forward",
        description="while training, read each sequence as it is given, in a random orientation, or in both and take "
        "the mean; convolutions are told which are reverse complements",
    )
    predict_strands: Literal["forward", "both"] = Field(
        "forward", description="at prediction, read each sequence as it is given, or in both and take the mean"
    )
    mask_loss: Literal["off", "independent", "paired"] = Field(
        "paired",
        description="auxiliary loss of guessing masked bases (proformer only); independent: each half is masked by "
        "itself, as published, and the other half gives the base away; paired: a base and its complement together",
    )
    mask_ratio: float = Field(0.05, gt=0, lt=1, description="share of bases masked while training")
    mask_weight: float = Field(1.0, gt=0, description="weight of the auxiliary loss")
    dropout: Share = Field(0.1, description="share of values dropped within the trunk")
    head_dropout: Share = Field(0.1, description="share of values dropped in front of the head")
    hidden_size: PositiveInt = Field(512, description="width of the residual stream (proformer)")
    num_hidden_layers: PositiveInt = Field(4, description="Macaron blocks (proformer)")
    num_attention_heads: PositiveInt = Field(8, description="attention heads (proformer)")
    head_dim: PositiveInt = Field(
        512, description="width of a head (proformer); the published one is hidden_size, not hidden_size / heads"
    )
    intermediate_size: PositiveInt = Field(
        2048, description="width of a feed-forward layer before its gate halves it (proformer)"
    )
    glu: Literal["swiglu", "glu"] = Field("swiglu", description="gate of the feed-forward layers (proformer)")
    conv_kernel: PositiveInt = Field(15, description="width of the separable convolutions (positions; proformer)")
    kmer: PositiveInt = Field(10, description="bases that a position sees before the first block (proformer)")
    layer_norm_eps: float = Field(1e-6, gt=0, description="epsilon of layer normalisation (proformer)")
    channels: tuple[PositiveInt, ...] = Field(
        (256, 128, 128, 64, 64, 64, 64),
        description="filters; legnet: of stem and blocks; dream-cnn: of blocks; cnn: of convolutions",
    )
    kernel_size: PositiveInt = Field(7, description="width of a convolution (bases; legnet, dream-cnn, cnn)")
    pool_size: PositiveInt = Field(2, description="positions pooled into one after each convolution but the last (cnn)")
    expansion: PositiveInt = Field(4, description="filters inside of a block, as a multiple of those behind it")
    group_size: PositiveInt = Field(2, description="filters that a grouped convolution mixes (legnet, dream-cnn)")
    squeeze: PositiveInt = Field(4, description="filters in front of a block for one unit of its squeeze-excitation")
    bilinear: bool = Field(True, description="products of units in squeeze-excitation (legnet, dream-cnn)")
    first_channels: PositiveInt = Field(160, description="filters of each width of a pair (dream-cnn, dream-rnn)")
    first_kernels: tuple[PositiveInt, ...] = Field(
        (9, 15), description="widths of convolutions side by side (bases; dream-cnn, dream-rnn)"
    )
    lstm_size: PositiveInt = Field(320, description="states per direction of the LSTM (dream-rnn)")

    @field_validator("mask_loss", mode="before")
    @classmethod
    def _off_is_no_boolean(cls, value: Any) -> Any:
        return "off" if value is False else value  # YAML reads an unquoted off as false

    @field_validator("channels", "first_kernels")
    @classmethod
    def _at_least_one(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        if not values:
            raise ValueError("at least one convolution")
        return values

    @model_validator(mode="after")
    def _goes_together(self) -> ModelConfig:
        if self.architecture != "proformer" and self.head == "slots":
            raise ValueError(f"head=pool or head=softclass with architecture={self.architecture}, which has no slots")
        if self.architecture != "proformer" and self.mask_loss != "off":
            raise ValueError(f"mask_loss=off with architecture={self.architecture}, which guesses no masked bases")
        if self.head == "slots" and not self.n_slots:
            raise ValueError("n_slots of at least 1 with head=slots")
        if self.intermediate_size % 2:
            raise ValueError(f"an even intermediate_size, found {self.intermediate_size}: its gate halves it")
        return self
