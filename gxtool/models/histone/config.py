"""Every number of the histone family and what it means."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from gxtool.config import Config, Section, TrainingConfig

# Order of the count columns in Zenodo record 2652278; the files do not name them.
ZENODO_MARKS = ("H3K27me3", "H3K36me3", "H3K4me1", "H3K4me3", "H3K9me3")
_PREPROCESS = {"stage": "preprocess"}


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
    channels: tuple[int, ...] = Field((32, 64), description="filters of each convolution")
    kernel_sizes: tuple[int, ...] = Field((5, 5), description="width of each convolution (bins)")
    pool_sizes: tuple[int, ...] = Field((5, 5), description="bins pooled into one after each convolution; 1: none")
    padding: Literal["same", "valid"] = Field("same", description="whether a convolution keeps the length")
    pooling: Literal["mean", "max"] = Field("mean", description="how bins are pooled")
    activation: Literal["gelu", "relu", "tanh"] = Field("gelu", description="after convolutions and dense layers")
    spatial_dropout: float = Field(0.0, ge=0, lt=1, description="share of filters dropped after the first pooling")
    dropout: float = Field(0.5, ge=0, lt=1, description="share of values dropped in front of the dense layers")
    dense_sizes: tuple[int, ...] = Field((32,), description="width of each dense layer in front of the two logits")
    dense_dropouts: tuple[float, ...] = Field((0.2,), description="share of values dropped after each dense layer")
    reverse_rate: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of training rows read from the last bin to the first (bins are not strand-oriented)",
    )

    @model_validator(mode="after")
    def _one_value_per_layer(self) -> Self:
        widths = (len(self.kernel_sizes), len(self.pool_sizes))
        if not self.channels or widths != (len(self.channels),) * 2:
            raise ValueError(
                f"as many kernel_sizes and pool_sizes as channels ({len(self.channels)}, at least 1), "
                f"found {widths[0]} and {widths[1]}"
            )
        if len(self.dense_dropouts) != len(self.dense_sizes):
            raise ValueError(
                f"as many dense_dropouts as dense_sizes ({len(self.dense_sizes)}), found {len(self.dense_dropouts)}"
            )
        return self


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
