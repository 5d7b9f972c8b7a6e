"""Every number of the histone family and what it means."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, ValidationInfo, field_validator, model_validator

from gxtool.config import Config, Section, TrainingConfig
from gxtool.errors import ConfigError

# Order of the count columns in Zenodo record 2652278; the files do not name them.
ZENODO_MARKS = ("H3K27me3", "H3K36me3", "H3K4me1", "H3K4me3", "H3K9me3")
_PREPROCESS = {"stage": "preprocess"}
Share = Annotated[float, Field(ge=0, lt=1)]


class DataConfig(Section):
    """What the tables hold, and who is trained on, who chooses, who judges."""

    marks: tuple[str, ...] = Field(
        ZENODO_MARKS, description="histone marks in the order of the count columns", json_schema_extra=_PREPROCESS
    )
    n_bins: int = Field(100, ge=1, description="bins per gene", json_schema_extra=_PREPROCESS)
    bin_size: int = Field(100, ge=1, description="width of a bin (bp)", json_schema_extra=_PREPROCESS)
    split: Literal["file", "gene", "random_rows"] = Field(
        "file",
        description="file: the published train, valid and test files; gene: train and valid pooled and divided by "
        "gene; random_rows: pooled and divided at random, as published mix mode does (validation is then too good)",
    )
    validation_fraction: float = Field(
        0.3, gt=0, lt=1, description="share of the pooled genes or rows that validates (not with split file)"
    )
    split_seed: int = Field(2, ge=0, description="seed of that choice (not with split file)")

    @field_validator("marks")
    @classmethod
    def _named_once(cls, marks: tuple[str, ...]) -> tuple[str, ...]:
        if not marks or not all(mark.strip() for mark in marks):
            raise ValueError("at least one mark, each with a name")
        if len(set(marks)) != len(marks):
            raise ValueError("every mark once")
        return marks


class ModelConfig(Section):
    """The network: normalisation, convolutions with pooling, dense layers, two logits."""

    norm: Literal["log1p-zscore", "log1p", "per-bin-max", "per-mark-max", "none"] = Field(
        "log1p-zscore",
        description="log1p-zscore: log(1 + count), mean 0 and variance 1 per mark over the training genes; "
        "per-bin-max: counts of a bin divided by its largest mark; per-mark-max: counts of a mark divided by its "
        "largest bin",
    )
    layout: Literal["marks-as-channels", "interleaved"] = Field(
        "marks-as-channels",
        description="interleaved: one channel with the marks of bin 1, of bin 2, ... and then each mark's sum over "
        "the bins, divided by the largest sum",
    )
    channels: tuple[PositiveInt, ...] = Field((32, 64), description="filters of each convolution")
    kernel_sizes: tuple[PositiveInt, ...] = Field((5, 5), description="width of each convolution (bins)")
    pool_sizes: tuple[PositiveInt, ...] = Field(
        (5, 5), description="bins pooled into one after each convolution; 1: none"
    )
    padding: Literal["same", "valid"] = Field("same", description="whether a convolution keeps the length")
    pooling: Literal["mean", "max"] = Field("mean", description="how bins are pooled")
    activation: Literal["gelu", "relu", "tanh"] = Field("gelu", description="after convolutions and dense layers")
    spatial_dropout: Share = Field(0.0, description="share of filters dropped after the first pooling")
    dropout: Share = Field(0.5, description="share of values dropped in front of the dense layers")
    dense_sizes: tuple[PositiveInt, ...] = Field(
        (32,), description="width of each dense layer in front of the two logits"
    )
    dense_dropouts: tuple[Share, ...] = Field((0.2,), description="share of values dropped after each dense layer")
    reverse_rate: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of training rows read from the last bin to the first (bins are not strand-oriented)",
    )

    @field_validator("channels")
    @classmethod
    def _at_least_one(cls, channels: tuple[int, ...]) -> tuple[int, ...]:
        if not channels:
            raise ValueError("at least one convolution")
        return channels

    @field_validator("kernel_sizes", "pool_sizes", "dense_dropouts")
    @classmethod
    def _one_value_per_layer(cls, values: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
        layers = "dense_sizes" if info.field_name == "dense_dropouts" else "channels"
        if layers in info.data and len(values) != len(info.data[layers]):
            raise ValueError(f"as many values as model.{layers} has ({len(info.data[layers])})")
        return values


def positions(model: ModelConfig, n_bins: int, n_marks: int) -> int:
    """Return how many positions are left behind the convolutions and poolings of a network.

    Raises:
        ConfigError: none is.
    """
    length = (n_bins + 1) * n_marks if model.layout == "interleaved" else n_bins
    for kernel, pool in zip(model.kernel_sizes, model.pool_sizes, strict=True):
        length = (length if model.padding == "same" else max(0, length - kernel + 1)) // pool
    if length < 1:
        raise ConfigError(
            f"model.kernel_sizes {list(model.kernel_sizes)} and model.pool_sizes {list(model.pool_sizes)} "
            f"leave nothing of {n_bins} bins of {n_marks} marks, expected smaller ones"
        )
    return length


class HistoneTrainingConfig(TrainingConfig):
    """The common fields; the published option `mix` is another way of saying `per_sample`, and no field."""

    @model_validator(mode="before")
    @classmethod
    def _mix_means_one_model_for_all(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "mix" not in values:
            return values
        values = dict(values)
        mix = values.pop("mix")
        if not isinstance(mix, bool):
            raise ValueError(f"true or false for mix, found {mix!r}")
        if values.get("per_sample", not mix) is mix:
            raise ValueError(f"training.per_sample={not mix} with mix={mix}, or only one of the two")
        return {**values, "per_sample": not mix}


class HistoneConfig(Config):
    """Configuration of the histone family."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: HistoneTrainingConfig = HistoneTrainingConfig()
