"""Every number of the histone family and what it means."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from gxtool.config import Config, PerturbConfig, Section, TrainingConfig
from gxtool.config_faults import REFUSED
from gxtool.errors import ConfigError, quoted
from gxtool.names import names_problem

# Order of the count columns in Zenodo record 2652278; the files do not name them.
ZENODO_MARKS = ("H3K27me3", "H3K36me3", "H3K4me1", "H3K4me3", "H3K9me3")
# Columns beside those of the marks, in tables of counts and in samplesheets.
RESERVED_MARKS = (
    *("sample", "data", "annotation", "expression", "other_expression", "control", "blacklist", "reference"),
    *("gene", "group", "unit", "bin", "row", "role", "fold", "label", "prediction", "value"),
)
_PREPROCESS = {"stage": "preprocess"}
_FILES = {**_PREPROCESS, "says": "files"}
Share = Annotated[float, Field(ge=0, lt=1)]


class DataConfig(Section):
    """What tables and tracks hold, what is predicted, and who is trained on, who chooses, who judges."""

    marks: tuple[str, ...] = Field(
        ZENODO_MARKS,
        description="histone marks: in the order of a table's count columns, or the samplesheet's columns of tracks",
        json_schema_extra=_PREPROCESS,
    )
    n_bins: int = Field(100, ge=1, description="bins per gene", json_schema_extra=_PREPROCESS)
    bin_size: int = Field(100, ge=1, description="width of a bin (bp)", json_schema_extra=_PREPROCESS)
    layout: Literal["zenodo", "deepdiff"] = Field(
        "zenodo",
        description="tables of counts: those of Zenodo record 2652278, or DeepDiff's with the expression beside them",
        json_schema_extra=_FILES,
    )
    orientation: Literal["auto", "none", "strand"] = Field(
        "auto",
        description="strand: bins in the direction of transcription; none: along the chromosome, as published tables; "
        "auto: strand for tracks",
        json_schema_extra=_PREPROCESS,
    )
    tss: Literal["gene", "canonical", "longest"] = Field(
        "gene", description="whose start of transcription stands for the gene (tracks)", json_schema_extra=_PREPROCESS
    )
    biotypes: tuple[str, ...] = Field(
        (),
        description="kinds of genes to keep, such as protein_coding; empty: all (tracks)",
        json_schema_extra=_FILES,
    )
    scale: Literal["none", "30m", "cpm"] = Field(
        "none",
        description="read counts as they are, per 30 million mapped reads (the depth of the published tables), or per "
        "million; with a control log2((cpm + 1) / (control cpm + 1)) in each case (BAM, CRAM)",
        json_schema_extra=_PREPROCESS,
    )
    min_mapq: int = Field(0, ge=0, le=255, description="least mapping quality of a read", json_schema_extra=_FILES)
    extend: int = Field(
        0,
        ge=0,
        description="length that each read is extended to in its direction (bp); 0: not",
        json_schema_extra=_FILES,
    )
    fragments: bool = Field(
        False, description="count proper pairs once, at the centre of the fragment", json_schema_extra=_FILES
    )
    assembly: str = Field(
        "",
        description="hg19, hg38, mm10 or mm39: tracks with other chromosome lengths are refused; empty: any",
        json_schema_extra=_FILES,
    )
    allow_missing: bool = Field(
        False,
        description="accept cell types without some of the marks: they are 0, and a further channel says so",
        json_schema_extra=_PREPROCESS,
    )
    expression_column: str = Field(
        "",
        description="column of the expression table; empty: the one called as the sample, or the only one",
        json_schema_extra=_FILES,
    )
    target: Literal["label", "log_expression"] = Field(
        "label", description="label: above the cell type's median or not; log_expression: log2(x + 1)"
    )
    threshold: Literal["all", "train"] = Field(
        "all", description="genes that the median is taken over (where labels are made from expression)"
    )
    split: Literal["auto", "file", "gene", "chromosome", "cell_type", "gene_and_cell_type", "random_rows"] = Field(
        "auto",
        description="file: the published train, valid and test files; gene, chromosome, cell_type, gene_and_cell_type: "
        "what is held out for the test is new in that respect (published test genes stay); random_rows: published mix "
        "mode (validation is too good); auto: file where there are files, else chromosome",
    )
    validation_fraction: float = Field(
        0.3, gt=0, lt=1, description="share of the genes or rows not tested that validates (gene, random_rows)"
    )
    test_fraction: float = Field(
        0.2, gt=0, lt=1, description="share of the genes that is tested (gene, where no files say so)"
    )
    n_folds: int = Field(
        3, ge=3, description="parts that chromosomes or cell types are divided into; each is tested in one fold"
    )
    split_seed: int = Field(2, ge=0, description="seed of choosing genes or rows")

    @field_validator("marks")
    @classmethod
    def _named_once(cls, marks: tuple[str, ...]) -> tuple[str, ...]:
        if not marks:
            raise ValueError("at least one mark, each with a name")
        problem = names_problem(marks, "mark", RESERVED_MARKS)
        if problem:
            raise PydanticCustomError(REFUSED, "{problem}", {"problem": problem})
        return marks


class ModelConfig(Section):
    """The network: normalisation, then convolutions with pooling and dense layers, or LSTMs with attention."""

    architecture: Literal["convnet", "attentivechrome"] = Field(
        "convnet",
        description="convnet: convolutions and dense layers (layout to dense_dropouts); attentivechrome: LSTMs with "
        "attention over bins and marks (bin_lstm_size, mark_lstm_size)",
    )
    norm: Literal["log1p-zscore", "log1p", "zscore", "per-bin-max", "per-mark-max", "none"] = Field(
        "log1p-zscore",
        description="log1p-zscore: log(1 + count), mean 0 and variance 1 per mark over the training genes; zscore: "
        "the same without the logarithm; per-bin-max: counts of a bin divided by its largest mark; per-mark-max: "
        "counts of a mark divided by its largest bin",
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
        description="share of training rows read from the last bin to the first; rows whose bins run in the direction "
        "of transcription never are",
    )
    bin_lstm_size: PositiveInt = Field(32, description="states per direction of the LSTM over the bins of a mark")
    mark_lstm_size: PositiveInt = Field(16, description="states per direction of the LSTM over the marks")
    init: Literal["glorot", "fan-in", "uniform"] = Field(
        "glorot",
        description="initial weights; glorot: Glorot's uniform, biases 0; fan-in: uniform within 1 / sqrt(inputs) of "
        "0, biases too, as Torch7; uniform: all within init_range of 0",
    )
    init_range: float = Field(0.1, gt=0, description="largest initial weight with init uniform")

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
    """Return how many positions are left behind the convolutions and poolings of a network; without them, all bins.

    Raises:
        ConfigError: none is.
    """
    if model.architecture != "convnet":
        return n_bins
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
            raise ValueError(f"true or false for mix, found {quoted(mix)}")
        if values.get("per_sample", not mix) is mix:
            raise ValueError(f"training.per_sample={not mix} with mix={mix}, or only one of the two")
        return {**values, "per_sample": not mix}


class HistonePerturbConfig(PerturbConfig):
    """Which changes of the marks are tried, and how large they are."""

    scales: tuple[float, ...] = Field((0.5, 2.0), description="factors of scale_mark")
    shift_bins: tuple[int, ...] = Field(
        (-5, 5), description="bins that shift_mark moves a mark by; above 0: downstream"
    )
    run_bins: int = Field(5, ge=1, description="neighbouring bins that blank_run blanks together")


class HistoneConfig(Config):
    """Configuration of the histone family."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: HistoneTrainingConfig = HistoneTrainingConfig()
    perturb: HistonePerturbConfig = HistonePerturbConfig()

    def no_effects(self) -> dict[str, str]:
        """Return the readouts of attention, where the network has none -> why."""
        if self.model.architecture == "attentivechrome":
            return {}
        why = f"model.architecture={self.model.architecture} has no attention"
        return {"attention": why, "attention_marks": why}

    def require_trainable(self) -> None:
        """Check that models that are asked for new cell types are trained on all others.

        Raises:
            ConfigError: there is to be one model for each cell type.
        """
        if self.data.split in ("cell_type", "gene_and_cell_type") and self.training.per_sample:
            raise ConfigError(
                f"training.per_sample: is true with data.split={self.data.split}, expected false, as only one model of "
                "all cell types can be asked for a new one"
            )
