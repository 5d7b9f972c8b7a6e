"""Configuration: validated once, frozen, and resolved in one order.

field defaults (the Python classes below, the only place) <- preset YAML <- the user's YAML <- `section.field=value`
<- explicit flags. This module is a leaf: it imports none of the rooms, and every room may import it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from gxtool.config_faults import config_fault
from gxtool.errors import QUOTED_LENGTH, ConfigError, quoted
from gxtool.files import check_openable
from gxtool.yaml_text import LARGEST_YAML, YamlError, parse_yaml

_DEEPEST_FIELD = 4
_INTEGERS = range(-(2**63), 2**63)


class Section(BaseModel):
    """One section of a configuration: frozen, and an unknown key is an error.

    Numbers are finite and of at most 64 bits; true and false are no numbers.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, protected_namespaces=(), allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_number_is_true(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse true and false where numbers stand: Python would take them for 1 and 0."""
        field = cls.model_fields[info.field_name or ""]
        inner = value if isinstance(value, (list, tuple)) else (value,)
        if any(isinstance(item, bool) for item in inner) and "bool" not in str(field.annotation):
            raise ValueError(f"a value of type {_type_name(field.annotation)}")
        return value

    @field_validator("*")
    @classmethod
    def _numbers_fit(cls, value: Any) -> Any:
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, int) and item not in _INTEGERS:
                raise ValueError("a whole number of at most 64 bits")
        return value


def _type_name(annotation: Any) -> str:
    names = {int: "whole number", float: "number", str: "text"}
    return names.get(annotation, str(annotation))


class TrainingConfig(Section):
    """How a model is fitted; every family shares these fields."""

    epochs: int = Field(20, ge=1, description="passes over the training rows")
    max_steps: int = Field(0, ge=0, description="stop after this many optimiser steps; 0: epochs decide")
    batch_size: int = Field(100, ge=1, description="rows per optimiser step, over all devices and accumulation")
    gradient_accumulation: int = Field(1, ge=1, description="micro-batches that make up one step")
    learning_rate: float = Field(1e-3, gt=0, description="peak learning rate")
    schedule: Literal["constant", "linear", "cosine", "exponential", "inverse", "noam"] = Field(
        "constant",
        description="how the learning rate falls; exponential multiplies by lr_decay each epoch, inverse divides by "
        "1 + lr_decay * step, noam (Vaswani et al. 2017) by the square root of step / warmup_steps",
    )
    lr_decay: float = Field(
        0.9, gt=0, le=1, description="factor per epoch of the exponential schedule, growth per step of inverse"
    )
    warmup_ratio: float = Field(0.0, ge=0, lt=1, description="share of steps with a rising learning rate")
    warmup_steps: int = Field(0, ge=0, description="steps with a rising learning rate; 0: warmup_ratio says how many")
    optimizer: Literal["adam", "adamw", "sgd"] = Field("adamw", description="optimiser")
    weight_decay: float = Field(0.0, ge=0, description="decoupled weight decay (adamw), L2 penalty (adam, sgd)")
    adam_epsilon: float = Field(1e-8, gt=0, description="Adam's epsilon")
    adam_beta1: float = Field(0.9, ge=0, lt=1, description="Adam's memory of the gradient")
    adam_beta2: float = Field(0.999, ge=0, lt=1, description="Adam's memory of the squared gradient")
    max_grad_norm: float = Field(0.0, ge=0, description="clip gradients to this norm; 0: no clipping")
    max_grad_value: float = Field(0.0, ge=0, description="clip every gradient to within this of 0; 0: no clipping")
    max_variable_norm: float = Field(
        0.0, ge=0, description="clip the gradient of each variable to this norm, behind max_grad_value; 0: no clipping"
    )
    monitor: str = Field("", description="validation metric that picks the weights; empty: the family's own")
    keep: Literal["best", "last"] = Field("best", description="weights kept: best by `monitor`, or the last")
    patience: int = Field(0, ge=0, description="stop after this many epochs without a better `monitor`; 0: never")
    save_steps: int = Field(0, ge=0, description="progress saved every so many steps, beside each epoch's end")
    precision: Literal["fp32", "tf32", "bf16"] = Field("fp32", description="arithmetic of the forward pass")
    per_sample: bool = Field(True, description="one model per sample; false: one model for all of them")
    histograms: bool = Field(False, description="weight histograms for TensorBoard each epoch")
    compile: bool = Field(False, description="compile the model with torch.compile")


class EvaluationConfig(Section):
    """How a trained model is scored."""

    baselines: tuple[str, ...] = Field(("all",), description="baselines to fit on the same split, or `all`")
    baseline_max_rows: int = Field(50_000, ge=10, description="training rows a baseline sees at most")
    level: float = Field(0.95, gt=0.5, lt=1, description="confidence level of intervals")
    batch_size: int = Field(
        0, ge=0, description="rows per forward pass; 0: as many as suit the size of the network's activations"
    )


class ResourcesConfig(Section):
    """What a task may use; the pipeline's directives read these fields."""

    threads: int = Field(2, ge=1, description="CPU threads of training and scoring (same number, same result)")
    memory_gb: float = Field(4.0, gt=0, description="memory of a training task (GB)")
    runs_per_task: int = Field(16, ge=1, description="models trained one after the other in one task")


class PerturbConfig(Section):
    """Which changes of the input are tried."""

    kinds: tuple[str, ...] = Field(
        ("all",), description="perturbations of the family to apply, or `all`; none ([]): a pipeline leaves them out"
    )
    max_rows: int = Field(2000, ge=1, description="test rows that are perturbed at most (seeded choice)")
    map_rows: int = Field(100, ge=1, description="rows behind maps, which try every place of the input")
    path_steps: int = Field(32, ge=2, description="steps of integrated gradients from no signal to the signal")


class DesignConfig(Section):
    """Which sequences are looked for, how, and what all of them must be."""

    strategy: Literal["greedy", "genetic", "gradient"] = Field(
        "greedy",
        description="greedy: the best single substitution, again and again; genetic: mutation, crossover and "
        "truncation; gradient: Gumbel-softmax with straight-through gradients",
    )
    goal: Literal["max", "min", "value"] = Field("max", description="a high prediction, a low one, or one near `value`")
    target: str = Field("", description="which of several targets is designed for; empty: each of them by itself")
    value: float = Field(0.0, description="prediction to come near to, in the unit of the labels (goal value)")
    start: Literal["test", "random"] = Field(
        "test", description="search from test rows (seeded choice), or from random sequences of their usual length"
    )
    starts: int = Field(20, ge=1, description="sequences that the search starts from, per sample at most")
    max_edits: int = Field(10, ge=1, description="bases of a start that a proposal may differ in")
    protected: tuple[str, ...] = Field(
        (),
        description="positions of the insert that stay as they are: 10-20, first and last counted from 1, or 15; "
        "flanks always stay",
    )
    gc_min: float = Field(0.0, ge=0, le=1, description="smallest share of G and C among the insert's known bases")
    gc_max: float = Field(1.0, ge=0, le=1, description="largest share of G and C among the insert's known bases")
    max_homopolymer: int = Field(
        0, ge=0, description="longest run of one base that touches the insert, flanks included; 0: any"
    )
    forbidden: tuple[str, ...] = Field(
        (),
        description="sites, such as GAATTC (IUPAC codes are understood), that stand on neither strand, nor across the "
        "junctions with the flanks",
    )
    population: int = Field(20, ge=2, description="sequences per start that live through a generation (genetic)")
    generations: int = Field(100, ge=1, description="rounds of mutation and selection (genetic)")
    steps: int = Field(200, ge=1, description="steps of the optimiser (gradient)")
    edit_penalty: float = Field(
        0.05, ge=0, description="what an edit costs, in standard deviations of the prediction (gradient)"
    )
    seed: int = Field(1, ge=0, description="seed of the starts, of the search and of the random edits beside it")

    @field_validator("forbidden", "protected", mode="before")
    @classmethod
    def _several(cls, values: Any) -> Any:
        """Take one alone for a list of one, and a position that YAML reads as a number for text."""
        if isinstance(values, (str, int)) and not isinstance(values, bool):
            values = (values,)
        return tuple(str(value).strip().upper() for value in values) if isinstance(values, (list, tuple)) else values

    @field_validator("forbidden")
    @classmethod
    def _sites(cls, sites: tuple[str, ...]) -> tuple[str, ...]:
        for site in sites:
            if len(site) < 2 or set(site) - set("ACGTRYSWKMBDHVN"):
                raise ValueError(f"sites of at least 2 letters of DNA or IUPAC codes, found {quoted(site)}")
        return sites

    @field_validator("protected")
    @classmethod
    def _positions(cls, ranges: tuple[str, ...]) -> tuple[str, ...]:
        for text in ranges:
            position_range(text)
        return ranges

    @model_validator(mode="after")
    def _goes_together(self) -> DesignConfig:
        if self.gc_min > self.gc_max:
            raise ValueError(f"gc_min of at most gc_max ({self.gc_max:g}), found {self.gc_min:g}")
        return self


def position_range(text: str) -> tuple[int, int]:
    """Return positions such as `10-20` or `15`, counted from 1 and both included, as 0-based half-open (9, 20).

    Raises:
        ValueError: no such range.
    """
    first, dash, last = text.partition("-")
    ends = (first.strip(), last.strip() if dash else first.strip())
    if not all(end.isascii() and end.isdigit() for end in ends) or not 1 <= int(ends[0]) <= int(ends[1]):
        raise ValueError(f"positions such as 10-20 or 15, counted from 1, found {quoted(text)}")
    return int(ends[0]) - 1, int(ends[1])


class Config(Section):
    """Base of a family's configuration; a family adds `data` and `model` and may narrow the others."""

    data: Section
    model: Section
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    perturb: PerturbConfig = PerturbConfig()
    design: DesignConfig = DesignConfig()
    resources: ResourcesConfig = ResourcesConfig()

    def no_effects(self) -> dict[str, str]:
        """Return the kinds of effects that a network of this configuration does not have -> why."""
        return {}

    def require_trainable(self) -> None:
        """Check that the sections go together, before a model is trained or planned; stages read single sections.

        Raises:
            ConfigError: they do not.
        """


C = TypeVar("C", bound=Config)


@dataclass(frozen=True)
class Layer:
    """Nested values and the place a person would look for them."""

    source: str
    values: Mapping[str, Any]


def read_yaml(path: Path) -> Layer:
    """Read one YAML (or JSON) mapping; no tag is ever executed.

    Raises:
        ConfigError: the file is missing, is not YAML, or holds something else than a mapping.
    """
    expected = "a YAML file"
    check_openable(path, expected, error=ConfigError)
    try:
        with Path(path).open("rb") as file:
            values = parse_yaml(file.read(LARGEST_YAML + 1).decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}), expected {expected}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text, expected {expected}") from None
    except YamlError as error:
        where = f", line {error.line}" if error.line else ""
        raise ConfigError(f"{path}{where}: {error.fault}") from None
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: found {type(values).__name__}, expected sections such as `training:`")
    return Layer(str(path), values)


def parse_assignments(assignments: Sequence[str], aliases: Mapping[str, str] | None = None) -> Layer:
    """Turn `section.field=value` (or a published alias, `lr=0.01`) into a layer.

    Raises:
        ConfigError: no `=`, an empty name, or the same field given twice with different values.
    """
    values: dict[str, Any] = {}
    for text in assignments:
        name, equals, raw = text.partition("=")
        source = f"--set {text if len(text) <= QUOTED_LENGTH else quoted(text)}"
        if not equals or not name.strip():
            raise ConfigError(f"{source}: found no `section.field=value`")
        _assign(values, expand_alias(name.strip(), aliases), _value(raw, source), source)
    return Layer("--set", values)


def _value(text: str, source: str) -> Any:
    """Return the value that a text has as YAML, or the text itself where it is none."""
    try:
        return parse_yaml(text)
    except YamlError as error:
        if error.is_syntax:
            return text
        raise ConfigError(f"{source}: {error.fault}") from None


def expand_alias(name: str, aliases: Mapping[str, str] | None) -> str:
    """Return the canonical `section.field` of a published option name, or the name itself."""
    return (aliases or {}).get(name, name)


def _assign(values: dict[str, Any], dotted: str, value: Any, source: str) -> None:
    if dotted.count(".") >= _DEEPEST_FIELD:
        raise ConfigError(f"{source}: names {dotted.count('.') + 1} levels, expected `section.field`")
    *parents, last = dotted.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{source}: {dotted} is set through two different names")
    if last in values and values[last] != value:
        raise ConfigError(f"{source}: {dotted} was already set to {quoted(values[last])}; give it once")
    values[last] = value


def expand_layer_aliases(layer: Layer, aliases: Mapping[str, str]) -> Layer:
    """Replace published option names at the top of a YAML file by their canonical fields.

    Raises:
        ConfigError: a field is given by its alias and by its own name, with different values.
    """
    values: dict[str, Any] = {}
    for name, value in layer.values.items():
        if name in aliases:
            continue
        values[name] = dict(value) if isinstance(value, dict) else value
    for name, value in layer.values.items():
        if name in aliases:
            _assign(values, aliases[name], value, f"{layer.source}: {name}")
    return Layer(layer.source, values)


def resolve(schema: type[C], layers: Sequence[Layer]) -> C:
    """Merge layers, later ones winning field by field, and validate the result.

    Raises:
        ConfigError: an unknown key ("did you mean"), a wrong type, or a value out of range.
    """
    merged: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for layer in layers:
        _merge(merged, layer.values, layer.source, origin, ())
    try:
        return schema.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(config_fault(error, schema, origin)) from None


def _merge(into: dict, values: Mapping, source: str, origin: dict[str, str], path: tuple[str, ...]) -> None:
    for key, value in values.items():
        here = (*path, str(key))
        origin[".".join(here)] = source
        if isinstance(value, Mapping):
            if not isinstance(into.get(key), dict):
                into[key] = {}
            _merge(into[key], value, source, origin, here)
        else:
            into[key] = value


def stage_fields(section: Section, stage: str) -> dict[str, Any]:
    """Keep the fields of a section that a data stage reads, so that others cannot disturb its cache key.

    A field names its stage with `json_schema_extra={"stage": "preprocess"}`; fields without one belong to `tokenize`.
    Where a field says how files are written, and not what a row is, the same mapping holds `"says": "files"`: such a
    field may be set anew when a trained model predicts other files.
    """
    kept = {}
    for name, field in type(section).model_fields.items():
        extra = field.json_schema_extra
        declared = extra.get("stage", "tokenize") if isinstance(extra, dict) else "tokenize"
        if declared == stage:
            kept[name] = getattr(section, name)
    return type(section).model_construct(**kept).model_dump(mode="json", include=set(kept))
