"""Every number of the proformer family and what it means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, field_validator, model_validator

from gxtool.config import Config, PerturbConfig, Section
from gxtool.errors import ConfigError
from gxtool.io.promoter_encoding import DREAM_FIVE_PRIME, DREAM_THREE_PRIME, InsertRules

Share = Annotated[float, Field(ge=0, lt=1)]
Flank = Annotated[str, Field(pattern="^[ACGT]*$")]
_PREPROCESS = {"stage": "preprocess"}
_FILES = {**_PREPROCESS, "says": "files"}


class DataConfig(Section):
    """Where sequence and expression stand, what an insert is, and who is trained on, who chooses, who judges."""

    five_prime: Flank = Field(
        DREAM_FIVE_PRIME,
        description="constant bases in front of every insert, which are cut off; empty: none",
        json_schema_extra=_PREPROCESS,
    )
    three_prime: Flank = Field(
        DREAM_THREE_PRIME,
        description="constant bases behind every insert, which are cut off; empty: none",
        json_schema_extra=_PREPROCESS,
    )
    without_flanks: Literal["refuse", "keep"] = Field(
        "refuse",
        description="a sequence without both flanks is an error, or is kept whole as an insert",
        json_schema_extra=_FILES,
    )
    length: int = Field(
        100,
        ge=1,
        le=65_535,
        description="bases that an insert may have; shorter ones are padded with N on both sides",
        json_schema_extra=_PREPROCESS,
    )
    too_long: Literal["refuse", "trim", "drop"] = Field(
        "refuse",
        description="a longer insert is an error, loses as much on both sides, or is left out",
        json_schema_extra=_FILES,
    )
    sequence_column: str = Field(
        "sequence",
        min_length=1,
        description="column of the sequences in tables with a header and in Parquet; a text table that does not begin "
        "with such a header has none",
        json_schema_extra=_FILES,
    )
    targets: tuple[str, ...] = Field(
        ("expression",),
        description="columns of measured values in tables with a header; a table without one has a single value",
        json_schema_extra=_PREPROCESS,
    )
    test_targets: tuple[str, ...] = Field(
        (),
        description="the same columns in files of test sequences, where they have other names",
        json_schema_extra=_FILES,
    )
    reads_column: str = Field(
        "",
        description="column of the reads (or cells, or barcodes) behind each value in tables with a header; validation "
        "rows weigh as many where weights and recipes are chosen; empty: all rows weigh the same",
        json_schema_extra=_FILES,
    )
    number_column: str = Field(
        "",
        description="column of each test sequence's number (from 0) in the challenge's test set, where a test file is "
        "only a part of it; empty: its place in the file",
        json_schema_extra=_FILES,
    )
    window_columns: tuple[str, ...] = Field(
        (),
        description="columns of chromosome, start and end (bp, half-open) of the window that a sequence stands in, in "
        "tables with a header; overlapping windows count as near-duplicates; empty: not known",
        json_schema_extra=_FILES,
    )
    ref_mismatch: Literal["drop", "refuse"] = Field(
        "drop",
        description="a variant whose reference allele is not what stands in the genome or sequence is left out and "
        "counted, or is an error",
        json_schema_extra=_FILES,
    )
    test_scale: Literal["auto", "same", "other"] = Field(
        "auto",
        description="scale of the test labels: same as that of training labels; other, where another assay or another "
        "normalisation measured them (then only correlations are scored); auto: told from their means and spreads",
        json_schema_extra={"says": "files"},
    )
    target: str = Field(
        "", description="which of `targets` is predicted; empty: all of them, by one network with as many outputs"
    )
    split: Literal["auto", "file", "sequence", "similarity"] = Field(
        "auto",
        description="file: the samplesheet's train, val and test files; sequence: held out by a hash of the sequence "
        "(those of a test file stay); similarity: the same for groups of near-duplicates; auto: similarity where no "
        "file says who validates or is tested, else what no file gives is held out by the hash",
    )
    validation_fraction: float = Field(
        0.1, gt=0, lt=1, description="share of the sequences not tested that validates, where no file says so"
    )
    test_fraction: float = Field(
        0.1, gt=0, lt=1, description="share of the sequences that is tested, where no file says so"
    )
    split_seed: int = Field(2, ge=0, description="seed of choosing sequences")

    @field_validator("targets", "test_targets", mode="before")
    @classmethod
    def _one_alone(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) and value else value

    @field_validator("five_prime", "three_prime", mode="before")
    @classmethod
    def _nothing_is_empty(cls, value: Any) -> Any:
        return "" if value is None else value  # YAML reads nothing behind `five_prime=` as null

    @model_validator(mode="after")
    def _goes_together(self) -> DataConfig:
        if not self.targets or len(set(self.targets)) != len(self.targets):
            raise ValueError(f"targets with at least one column, each once, found {list(self.targets)}")
        if self.test_targets and len(self.test_targets) != len(self.targets):
            raise ValueError(f"as many test_targets as targets ({len(self.targets)}), found {len(self.test_targets)}")
        if len(set(self.window_columns)) not in (0, 3) or len(self.window_columns) not in (0, 3):
            raise ValueError(f"no window_columns or three (chromosome, start, end), found {list(self.window_columns)}")
        if self.target and self.target not in self.targets:
            raise ValueError(f"target to be one of targets ({', '.join(self.targets)}), found {self.target}")
        return self

    @property
    def predicted(self) -> tuple[str, ...]:
        """Return the targets that are predicted."""
        return (self.target,) if self.target else self.targets

    @property
    def rules(self) -> InsertRules:
        """Return how inserts are found in sequences."""
        return InsertRules(self.five_prime, self.three_prime, self.length, self.without_flanks, self.too_long)


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
    padding: Literal["unknown", "flanks"] = Field(
        "unknown",
        description="what the network reads around an insert: unknown: N; flanks: data.five_prime and "
        "data.three_prime, as far as they reach, so that sites across the junction are seen",
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
        description="filters; legnet: of stem and blocks; dream-cnn: of blocks; cnn: of the convolutions",
    )
    kernel_size: PositiveInt = Field(
        7, description="width of a convolution (bases; legnet, dream-cnn; cnn: pooled positions, behind the first)"
    )
    motif_size: PositiveInt = Field(9, description="width of the filters that read bases (cnn)")
    pool_size: PositiveInt = Field(5, description="positions averaged into one behind these filters (bases; cnn)")
    kmers: tuple[Annotated[int, Field(ge=2, le=6)], ...] = Field(
        (4, 5), description="lengths of k-mers that are counted beside the convolutions (bases; cnn); none: []"
    )
    kmer_dropout: Share = Field(0.5, description="share of counts dropped while training (cnn)")
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


class ProformerPerturbConfig(PerturbConfig):
    """Which changes of the sequences are tried; a map is of 240 mutants of an insert of 80 bases."""

    scan_p: float = Field(
        1e-4, gt=0, lt=1, description="chance of a random word to count as a site of a motif (motif_scan; per strand)"
    )


class ProformerConfig(Config):
    """Configuration of the proformer family."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    perturb: ProformerPerturbConfig = ProformerPerturbConfig()

    def require_trainable(self) -> None:
        """Check that the head can say as many targets as are predicted.

        Raises:
            ConfigError: it cannot.
        """
        require_one_distribution(self.model.head, self.data.predicted)


def require_one_distribution(head: str, targets: Sequence[str]) -> None:
    """Check that a head that gives a distribution over sorting bins has one target, which is measured by sorting.

    Raises:
        ConfigError: it has several.
    """
    if head == "softclass" and len(targets) > 1:
        raise ConfigError(
            f"model.head: is softclass with {len(targets)} targets ({', '.join(targets)}), expected one target, the "
            "mean sorting bin, or head=pool"
        )
