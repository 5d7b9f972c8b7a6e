"""The contract between a family and everything that is not the family.

Axis letters used in shapes everywhere: B batch, L bases, T tokens, N bins, C tracks, D hidden, G genes, V vocabulary,
H heads.

A `Family` is a record without torch: it names its code by dotted path (`"model:HistoneModel"` is relative to the
family's folder, `"gxtool.measure.baselines:ridge"` is absolute), so that listing families, checking a samplesheet and
encoding never import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np


GRADIENTS = "integrated_gradients"
"""Kind of effect that every family has which says along which way its input grows (`path`)."""


class Noun(NamedTuple):
    """What something is called: one of it, and several."""

    one: str
    many: str


GENE, SAMPLE = Noun("gene", "genes"), Noun("sample", "samples")


@dataclass(frozen=True)
class Column:
    """One column of a family's samplesheet; a `path` column names a file or folder.

    A family's first column is called `sample` and is required: rows, models and results are named by it. The name `*`
    stands for every column that is not declared: its name is data, such as the mark of a track.
    """

    name: str
    description: str
    path: bool = False
    required: bool = True


@dataclass(frozen=True)
class Reference:
    """A published score, shown beside scores on its `benchmark` alone; `source` says where it is printed."""

    name: str
    metric: str
    value: float
    source: str
    benchmark: str


@dataclass(frozen=True)
class Target:
    """What differs in a family when it predicts something else; the fields are those of `Family`."""

    kind: Literal["binary", "regression"]
    metrics: tuple[str, ...]
    baselines: Mapping[str, str]
    predict: str
    predictions: Mapping[str, str] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Trace:
    """One series of a figure. `low` and `high` are the ends of an interval around y, not distances."""

    name: str
    x: tuple[Any, ...]
    y: tuple[float | None, ...]
    kind: Literal["line", "points", "bars"] = "line"
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    text: tuple[str, ...] = ()
    dashed: bool = False


@dataclass(frozen=True)
class ReferenceLine:
    """A labelled straight line at a value of one axis."""

    label: str
    value: float
    axis: Literal["x", "y"] = "y"


@dataclass(frozen=True)
class Figure:
    """A chart as data: the report draws it, and offers it as SVG and its numbers as CSV.

    `description` is what a screen reader says: the finding, not the axes. Traces whose names agree before the first
    comma share a colour; neighbouring figures with the same trace names stand side by side under one legend.
    """

    title: str
    description: str
    x_title: str
    y_title: str
    traces: tuple[Trace, ...]
    lines: tuple[ReferenceLine, ...] = ()
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    square: bool = False


@dataclass(frozen=True)
class Heatmap:
    """A matrix as an image; `z[i][j]` belongs to `y[i]` and `x[j]`; `diverging` centres the colours on 0."""

    title: str
    description: str
    x_title: str
    y_title: str
    x: tuple[Any, ...]
    y: tuple[Any, ...]
    z: tuple[tuple[float | None, ...], ...]
    z_title: str = ""
    diverging: bool = False


@dataclass(frozen=True)
class Logo:
    """A sequence drawn as letters: at position `x[i]`, letter `letters[j]` is `heights[i][j]` high, upwards or down."""

    title: str
    description: str
    x_title: str
    y_title: str
    x: tuple[int, ...]
    letters: tuple[str, ...]
    heights: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Table:
    """A sortable table; numbers stay numbers (the report formats them), None is shown as a dash."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class ReportSection:
    """One part of the report: a heading, a paragraph of plain text, figures and tables in reading order.

    A mapping holds views of one figure by the names that a menu offers; `picker` is what the menu is called, empty: as
    the family calls a sample.
    """

    title: str
    text: str
    items: tuple[Figure | Heatmap | Logo | Table | Mapping[str, Figure | Heatmap | Logo], ...] = ()
    picker: str = ""


CONCERNED = "concerned"
"""Among changed arrays: (n,) bool, False where the change does nothing to a row, which then has no effect."""


@dataclass(frozen=True)
class Probe:
    """Inputs that are no test rows, as they are and changed: `before` and `after` are arrays named as in a dataset.

    units: what each row is about (n); change: what was done to all of them. `after` may hold CONCERNED.
    """

    units: Sequence[str]
    change: str
    before: Mapping[str, np.ndarray]
    after: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class DesignSpace:
    """Sequences that `design` starts from, and what they stand between.

    name: what holds tokens: array of a dataset, and argument of forward that takes shares (n, L, 5) of A, C, G, T and
    N in their place. units: what each start is called (n). tokens (n, L) uint8: A, C, G, T, N as 0 to 4. bounds (n, 2):
    first position of each sequence and the one behind its last; padding is around it. flanks: the constant bases in
    front of every sequence and behind it, which `tokens` leave out. substitutions: (Model, tokens (m, L)) ->
    predictions of its target (m, L, 4) with each base at each position, NaN where it is there already: what a network
    may find faster than by reading that many sequences.
    """

    name: str
    units: Sequence[str]
    tokens: np.ndarray
    bounds: np.ndarray
    flanks: tuple[str, str]
    substitutions: Callable[[Any, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Family:
    """Everything the toolkit knows of a family. Dotted names are resolved by `load`.

    config          pydantic class with the sections `data`, `model` and those of `gxtool.config.Config`
    model           PreTrainedModel class; its `config_class` is the PreTrainedConfig
    expand          (folder) -> samplesheet rows, when --input is a folder of raw data
    check           (sheet rows, data section, `look.Look`) -> `look.InputFacts`: what was recognised, in seconds,
                    without torch, and the rows of the dataset; what would end a run is collected by the look
    preprocess      (sheet rows, data section, ArtifactWriter) -> None: raw files -> `examples`
    encode          (list of examples, data section, ArtifactWriter) -> None: `examples` -> `dataset`
    from_memory     (values of a notebook, such as sequences as text; data section; folder) -> (table of them, a
                    samplesheet written into the folder, the data section it is read with): `examples` made of it have a
                    column `number`, the place of each row in that table; empty: arrays and files alone are predicted
    collate         (arrays of some rows, resources) -> arrays named as forward's arguments
    fit             (Dataset, train row indices, model section) -> further arguments of the model's config:
                    sizes read off the data, and scalers fitted on these rows alone
    predict         (logits) -> one prediction per row (a probability, or a value in the target's unit); of several
                    `targets` of a dataset one for each (B, T)
    features        (arrays of some rows, Dataset) -> (matrix (n, F) float32, F column names) for baselines
    baselines       name -> (measure.baselines.Split, seed) -> BaselineResult
    perturbations   name -> (arrays of some rows, Dataset with the splits of one fold, perturb section) -> iterator of
                    (change, changed arrays, with CONCERNED where rows are left as they were)
    maps            perturbations that try every place of the input, on `perturb.map_rows` rows
    path            (arrays of some rows, Dataset, t) -> (input's name, values at t in 0..1, their derivative): the
                    way from no signal to the signal, along which integrated gradients are summed
    places          (attributions of some rows (n, ...), Dataset) -> iterator of (change, values (n,)): their names
    readouts        name -> (outputs of the network as arrays, Dataset) -> iterator of (change, values (n,)): what a
                    network says of itself, such as attention; nothing from a network that says none
    probes          name -> (Dataset of one sample and fold, perturb section) -> iterator of `Probe`: changes of inputs
                    that the test rows do not hold, such as the two alleles of a variant
    derived         name -> (kind of effect that it is read off, dotted name of: (change -> values (n,), arrays of the
                    rows, Dataset, perturb section) -> iterator of (change, values (n,), NaN where nothing can be said))
    portraits       kind of effect -> (change -> values (n,), predictions without it (n,), arrays of the rows, Dataset)
                    -> JSON: single rows that the report draws; here and in `derived` arrays hold `unit` and `labels`
    direct          perturbation -> (Model, arrays of some rows, Dataset, perturb section) -> iterator of (change,
                    predictions with it (n,) or of several targets (n, T), NaN where it changes nothing): by a way that
                    is faster than predicting every changed input whole; or None where the network has no such way
    readings        name -> fields of the model's config: other ways to read a row, scored beside the model's own
    details         (scored test rows of samples whose predictions are finite, and `other_scale`; Dataset) -> JSON: what
                    this family's evaluation says beside the metrics
    design          (Dataset of one sample and fold, design section) -> DesignSpace: where `design` starts to search
    predictions     file name -> (rows.parquet with prediction; path) -> None: customary formats
    sections        each (ReportContext) -> list of ReportSection
    simulate        (folder, size, seed) -> None: raw files in the true format, samplesheet.csv, truth.json; so do
                    `simulations` of further layouts
    targets         what else the family can predict, by the `target` that a dataset names
    benchmark       (scored rows of rows.parquet, their split) -> name of the published benchmark whose whole test set
                    they are, or "": a published score stands beside its own benchmark alone
    demo            the runs of the demo, as a runs file has them but for model and input; each quick on two cores
    reads           the formats that people have, in words: for the table of families
    group, sample   what is kept on one side of a split, and what a row of the samplesheet is, is called
    package         dotted name of the family's package; the registry fills it in
    """

    name: str
    title: str
    summary: str
    kind: Literal["binary", "regression"]
    default_preset: str
    parameters: Mapping[str, int]
    columns: tuple[Column, ...]
    metrics: tuple[str, ...]
    config: str
    model: str
    expand: str
    check: str
    preprocess: str
    encode: str
    collate: str
    fit: str
    predict: str
    features: str
    baselines: Mapping[str, str]
    sections: tuple[str, ...]
    simulate: str
    perturbations: Mapping[str, str] = field(default_factory=dict)
    maps: tuple[str, ...] = ()
    path: str = ""
    places: str = ""
    readouts: Mapping[str, str] = field(default_factory=dict)
    simulations: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, Target] = field(default_factory=dict)
    probes: Mapping[str, str] = field(default_factory=dict)
    derived: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    portraits: Mapping[str, str] = field(default_factory=dict)
    direct: Mapping[str, str] = field(default_factory=dict)
    readings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    from_memory: str = ""
    details: str = ""
    design: str = ""
    predictions: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    benchmark: str = ""
    demo: tuple[Mapping[str, Any], ...] = ({"preset": "tiny"},)
    reads: str = ""
    group: Noun = GENE
    sample: Noun = SAMPLE
    package: str = ""

    @property
    def primary_metric(self) -> str:
        """Return the metric that picks weights and carries the verdict: the first one named."""
        return self.metrics[0]

    @property
    def effect_kinds(self) -> tuple[str, ...]:
        """Return every kind of effect that the family can have, what others are derived from first."""
        gradients = [GRADIENTS] if self.path else []
        return (*self.perturbations, *gradients, *self.readouts, *self.probes, *self.derived)

    def words(self, targets: Sequence[str]) -> dict[str, str]:
        """Return what a group and what is scored by itself are called: a sample, or each of several targets."""
        scored = Noun("target", "targets") if targets else self.sample
        return {"group": self.group.one, "groups": self.group.many, "sample": scored.one, "samples": scored.many}

    def for_target(self, target: str | None) -> Family:
        """Return the record as it is for rows that say what is to be predicted (None or another: as it stands)."""
        changes = self.targets.get(target or "")
        return replace(self, **vars(changes)) if changes else self

    def load(self, dotted: str) -> Any:
        """Import what a dotted name of this record points to."""
        module, _, attribute = dotted.partition(":")
        prefix = "" if module.startswith("gxtool.") else f"{self.package}."
        return getattr(import_module(prefix + module), attribute)

    def presets(self) -> dict[str, Path]:
        """Return preset name -> YAML file, in alphabetical order; they are the YAML files of the folder."""
        folder = Path(import_module(self.package).__file__).parent
        return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


@dataclass(frozen=True)
class Run:
    """One configuration of one family under the name its results are published by."""

    family: Family
    preset: str
    config: Any
    name: str


@dataclass(frozen=True)
class Unit:
    """One model to train: the sample it sees (None: all of them), its seed and its fold."""

    sample: str | None
    seed: int
    fold: int = 0

    @property
    def name(self) -> str:
        """Return the folder name of the unit's model."""
        return f"{self.sample or 'all'}-seed{self.seed}-fold{self.fold}"


@dataclass(frozen=True)
class CheckReport:
    """What `check` says before anything is spent: facts in reading order, warnings, costs, and what would end a run.

    memory_gb, disk_gb and minutes are estimates for the whole sheet on this machine. unchecked: files that were not
    looked at, and why. problems: sentences; exit_code is that of the first of them, 0 without any.
    """

    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    memory_gb: float
    disk_gb: float
    minutes: float
    unchecked: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    exit_code: int = 0


@dataclass(frozen=True)
class ReportContext:
    """What a family's report sections may look at: JSON contents, already read, and never a statistic to compute.

    evaluations: metrics.json of every run of this family; curves: run -> curves.json; histories: run -> model
    folder name -> lines of metrics.jsonl; layers: run -> layers.json; summaries: summary.json of every dataset;
    comparison: comparison.json; effects: summary.json of every effects artifact; details: run -> details.json;
    designs: summary.json of every artifact of designs.
    """

    family: Family
    evaluations: tuple[Mapping[str, Any], ...]
    curves: Mapping[str, Mapping[str, Any]]
    histories: Mapping[str, Mapping[str, tuple[Mapping[str, Any], ...]]]
    layers: Mapping[str, Any]
    summaries: tuple[Mapping[str, Any], ...]
    comparison: Mapping[str, Any]
    effects: tuple[Mapping[str, Any], ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    designs: tuple[Mapping[str, Any], ...] = ()
