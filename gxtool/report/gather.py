"""Read every artifact below some folders into one record that the rest of the report looks at."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gxtool.data.splits import SCHEMES
from gxtool.errors import ConfigError, InputError
from gxtool.files import check_openable
from gxtool.io.artifact import Artifact, find_artifacts
from gxtool.measure.sentences import Words
from gxtool.models.base import Family, Noun, ReportContext, Unit
from gxtool.models.registry import get_family
from gxtool.report import formats


@dataclass(frozen=True)
class Scored:
    """One evaluation: the name its run is shown by, metrics.json and curves.json."""

    run: str
    metrics: Mapping[str, Any]
    curves: Mapping[str, Any]
    artifact: Artifact

    @property
    def samples(self) -> list[Mapping[str, Any]]:
        """Return what metrics.json says of each sample."""
        return self.metrics.get("samples", [])

    @property
    def judgement(self) -> Mapping[str, Any]:
        """Return how the model stands to its baselines, on average over samples: verdict, tests and sentence."""
        return (self.metrics.get("overall") or {}).get("judgement") or {}


@dataclass(frozen=True)
class Trained:
    """One model: what it was trained on, its learning history (one mapping per epoch), and its run.yaml as text.

    `epoch_seconds` are seconds from the start of training to the end of each epoch, empty where nobody knows.
    """

    run: str
    sample: str | None
    seed: int | None
    fold: int
    name: str
    history: tuple[Mapping[str, Any], ...]
    configuration: str
    epoch_seconds: tuple[float, ...]
    artifact: Artifact

    @property
    def info(self) -> Mapping[str, Any]:
        """Return the facts its manifest states."""
        return self.artifact.manifest.info


@dataclass(frozen=True)
class FamilyMaterial:
    """Everything of one family that is judged by one metric: scores by different metrics are never compared.

    Evaluations stand in the order of `SCHEMES`, easier splits first.
    `record` is None when this installation does not know the family; `target` says what is predicted where a family
    stands on the page more than once, and is empty else.
    """

    name: str
    target: str
    record: Family | None
    artifacts: tuple[Artifact, ...]
    scored: tuple[Scored, ...]
    trained: tuple[Trained, ...]
    context: ReportContext | None
    layers: Mapping[str, Any]

    @property
    def title(self) -> str:
        """Return the family's title, or its name, with what is predicted where that differs."""
        title = self.record.title if self.record else self.name
        return f"{title}: {self.target}" if self.target else title

    @property
    def key(self) -> str:
        """Return a name that no other entry of the page has."""
        return f"{self.name} {self.target}" if self.target else self.name

    def owns(self, run: str | None) -> bool:
        """Say whether a run of that name was judged here; without any evaluation every run may have been."""
        return not self.scored or any(one.metrics.get("run") == run for one in self.scored)

    @property
    def unit(self) -> str:
        """Return what one test row is called, such as `gene`."""
        return self.unit_noun.one

    @property
    def units(self) -> str:
        """Return what several test rows are called, such as `genes`."""
        return self.unit_noun.many

    @property
    def unit_noun(self) -> Noun:
        """Return both."""
        return self.record.group if self.record else Noun("row", "rows")

    @property
    def words(self) -> Words:
        """Return what verdicts call units and samples."""
        return Words(self.unit, self.units, self.sample_word, self.sample_words)

    @property
    def has_targets(self) -> bool:
        """Say whether what was scored are several targets, each with a unit of its own."""
        return any(len(one.metrics.get("targets", ())) > 1 for one in self.scored)

    @property
    def trained_word(self) -> str:
        """Return what a sample is called that a model is trained on, such as `cell type`."""
        return self._trained_noun.one

    @property
    def trained_words(self) -> str:
        """Return what several of them are called."""
        return self._trained_noun.many

    @property
    def _trained_noun(self) -> Noun:
        return self.record.sample if self.record else Noun("sample", "samples")

    @property
    def sample_word(self) -> str:
        """Return what is scored by itself: evaluations say so; a sample, or of several targets of a sample each."""
        return self.sample_noun.one

    @property
    def sample_words(self) -> str:
        """Return what several of them are called."""
        return self.sample_noun.many

    @property
    def sample_noun(self) -> Noun:
        """Return both."""
        return _scored_noun(self._trained_noun, self.scored)

    @property
    def metric(self) -> str:
        """Return the metric that carries the verdict."""
        return self.scored[0].metrics["primary"] if self.scored else (self.record.primary_metric if self.record else "")


def _scored_noun(trained: Noun, scored: Sequence[Scored]) -> Noun:
    words = [one.metrics.get("words") or {} for one in scored]
    nouns = {Noun(entry["sample"], entry["samples"]) for entry in words if "samples" in entry}
    return nouns.pop() if len(nouns) == 1 else trained


@dataclass(frozen=True)
class Material:
    """All artifacts and what was read from them; `runtimes` (runtime.json) and `names` are keyed by artifact id."""

    artifacts: tuple[Artifact, ...]
    families: tuple[FamilyMaterial, ...]
    comparisons: tuple[Mapping[str, Any], ...]
    runtimes: Mapping[str, Mapping[str, Any]]
    names: Mapping[str, str]
    plan: Mapping[str, Any]

    def of_kind(self, kind: str) -> list[Artifact]:
        """Return the artifacts of one kind."""
        return [artifact for artifact in self.artifacts if artifact.manifest.kind == kind]


def gather(inputs: Sequence[Path], plan: Path | None = None) -> Material:
    """Find and read all artifacts at or below `inputs`; the same artifact found twice counts once.

    Raises:
        InputError: no artifact there, a file missing from one, or a plan that is not JSON.
    """
    unique = {artifact.id: artifact for artifact in find_artifacts([Path(path) for path in inputs])}
    if not unique:
        raise InputError(f"{', '.join(map(str, inputs))}: no artifact found at or below, expected results to report")
    artifacts = tuple(unique.values())
    comparisons = tuple(_json(a, "comparison.json") for a in artifacts if a.manifest.kind == "comparison")
    runtimes = {artifact.id: _runtime(artifact) for artifact in artifacts}
    families = _families(artifacts, comparisons)
    return Material(artifacts, families, comparisons, runtimes, _names(artifacts, families), _plan(plan))


def _names(artifacts: Sequence[Artifact], families: Sequence[FamilyMaterial]) -> dict[str, str]:
    """Name artifacts by what they are about; folders say little where a pipeline has staged them."""
    names = {}
    for artifact in artifacts:
        samples = [str(sample) for sample in artifact.manifest.info.get("samples") or ()]
        few = ", ".join(samples) if len(samples) <= 3 else f"{len(samples):,} samples"
        names[artifact.id] = few or str(artifact.manifest.info.get("run") or artifact.path.name)
    for family in families:
        names |= {one.artifact.id: one.run for one in family.scored}
        names |= {model.artifact.id: f"{model.run}, {model.name}" for model in family.trained}
    return names


def _families(artifacts: Sequence[Artifact], comparisons: Sequence[Mapping]) -> tuple[FamilyMaterial, ...]:
    names = dict.fromkeys(a.manifest.family for a in artifacts if a.manifest.family)
    first = [a.manifest.family for kind in ("evaluation", "model") for a in artifacts if a.manifest.kind == kind]
    ordered = dict.fromkeys([*first, *names])
    return tuple(
        entry
        for name in ordered
        for entry in _entries(name, [a for a in artifacts if a.manifest.family == name], comparisons)
    )


def _entries(name: str, artifacts: Sequence[Artifact], comparisons: Sequence[Mapping]) -> Iterator[FamilyMaterial]:
    """Yield one entry for each metric that evaluations of this family are judged by."""
    scored: list[Scored] = []
    for artifact in artifacts:
        if artifact.manifest.kind == "evaluation":
            scored.append(_read_evaluation(artifact, scored))
    scored.sort(key=lambda one: _place(one.metrics.get("scheme")))
    judged = {_id(parent): one.run for one in scored for parent in one.artifact.manifest.parents}
    models = [_read_model(a, judged.get(a.id, "")) for a in artifacts if a.manifest.kind == "model"]
    shares = _shares(artifacts, scored)
    for own_scored, own in shares:
        ids = {artifact.id for artifact in own}
        trained = [model for model in models if model.artifact.id in ids]
        target = _target(own_scored, own) if len(shares) > 1 else ""
        yield _entry(name, target, own, own_scored, trained, comparisons)


def _place(scheme: str | None) -> int:
    return list(SCHEMES).index(scheme) if scheme in SCHEMES else len(SCHEMES)


def _shares(artifacts: Sequence[Artifact], scored: Sequence[Scored]) -> list[tuple[list[Scored], list[Artifact]]]:
    """Divide evaluations by the metric that judges them, each with the artifacts they were made from and beside.

    What belongs to no evaluation stays with the first of them.
    """
    metrics = list(dict.fromkeys(one.metrics["primary"] for one in scored))
    if len(metrics) < 2:
        return [(list(scored), list(artifacts))]
    groups = [[one for one in scored if one.metrics["primary"] == metric] for metric in metrics]
    known = [_relatives(group, artifacts) for group in groups]
    known[0] |= {artifact.id for artifact in artifacts} - set().union(*known)
    return [
        (group, [artifact for artifact in artifacts if artifact.id in ids])
        for group, ids in zip(groups, known, strict=True)
    ]


def _relatives(group: Sequence[Scored], artifacts: Sequence[Artifact]) -> set[str]:
    """Return ids of evaluations, their parents, what else those made, and the examples behind them."""
    ids = {one.artifact.id for one in group} | {_id(p) for one in group for p in one.artifact.manifest.parents}
    for artifact in artifacts:
        if artifact.manifest.kind in ("model", "effects", "designs") and ids & set(map(_id, artifact.manifest.parents)):
            ids.add(artifact.id)
    return ids | {_id(p) for a in artifacts if a.id in ids for p in a.manifest.parents}


def _id(parent: Mapping[str, Any]) -> str:
    return str(parent.get("id"))


def _target(scored: Sequence[Scored], artifacts: Sequence[Artifact]) -> str:
    """Say what is predicted, as the dataset names it, and by what it is judged."""
    label = f"judged by {formats.metric_label(scored[0].metrics['primary'])}"
    named = [a.manifest.info.get("target") for a in artifacts if a.manifest.kind == "dataset"]
    word = next(("classes" if name == "label" else str(name).replace("_", " ") for name in named if name), "")
    return f"{word}, {label}" if word else label


def _entry(
    name: str,
    target: str,
    artifacts: Sequence[Artifact],
    scored: Sequence[Scored],
    trained: Sequence[Trained],
    comparisons: Sequence[Mapping],
) -> FamilyMaterial:
    record = _record(name, artifacts)
    histories: dict[str, dict[str, tuple]] = {}
    layers: dict[str, Any] = {}
    for model in trained:
        histories.setdefault(model.run, {})[model.name] = model.history
        if model.run not in layers and "layers.json" in model.artifact.manifest.files:
            layers[model.run] = _json(model.artifact, "layers.json")
    context = None
    if record:
        context = ReportContext(
            family=replace(record, sample=_scored_noun(record.sample, scored)),
            evaluations=tuple(one.metrics for one in scored),
            curves={one.run: one.curves for one in scored},
            histories=histories,
            layers=layers,
            summaries=_summaries(artifacts, "dataset"),
            comparison=next((c for c in comparisons if _concerns(c, name)), {}),
            effects=_summaries(artifacts, "effects"),
            designs=_summaries(artifacts, "designs"),
            details={
                one.run: _json(one.artifact, "details.json")
                for one in scored
                if "details.json" in one.artifact.manifest.files
            },
        )
    return FamilyMaterial(name, target, record, tuple(artifacts), tuple(scored), tuple(trained), context, layers)


def _record(name: str, artifacts: Sequence[Artifact]) -> Family | None:
    """Return the family's record as it is for what these datasets predict; None when the family is not known here."""
    named = [a.manifest.info.get("target") for a in artifacts if a.manifest.kind == "dataset"]
    try:
        return get_family(name).for_target(next(filter(None, named), None))
    except ConfigError:
        return None


def _concerns(comparison: Mapping, family: str) -> bool:
    return any(run.get("family") == family for run in comparison.get("runs", []))


def _summaries(artifacts: Sequence[Artifact], kind: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        _json(artifact, "summary.json")
        for artifact in artifacts
        if artifact.manifest.kind == kind and "summary.json" in artifact.manifest.files
    )


def _read_evaluation(artifact: Artifact, before: Sequence[Scored]) -> Scored:
    """Read an evaluation; a run name that was there already gets a number, so that no result hides another."""
    metrics = _json(artifact, "metrics.json")
    name = str(metrics.get("run") or artifact.path.name)
    same = sum(one.metrics.get("run") == metrics.get("run") for one in before)
    curves = _json(artifact, "curves.json") if "curves.json" in artifact.manifest.files else {}
    return Scored(f"{name} ({same + 1})" if same else name, metrics, curves, artifact)


def _read_model(artifact: Artifact, run: str) -> Trained:
    """Read a model; `run` is the name of the evaluation that judged it, empty when none did."""
    info, seed = artifact.manifest.info, artifact.manifest.seed
    lines = _text(artifact, "metrics.jsonl").splitlines()
    return Trained(
        run=run or str(info.get("run") or artifact.manifest.preset or artifact.path.name),
        sample=info.get("sample"),
        seed=seed,
        fold=info.get("fold") or 0,
        name=Unit(info.get("sample"), 0 if seed is None else seed, info.get("fold") or 0).name,
        history=tuple(json.loads(line) for line in lines if line.strip()),
        configuration=_text(artifact, "run.yaml").strip(),
        epoch_seconds=tuple(_runtime(artifact).get("epoch_seconds") or ()),
        artifact=artifact,
    )


def _text(artifact: Artifact, name: str) -> str:
    """Return a text file of an artifact, empty when its manifest does not list it."""
    return artifact.text(name) if name in artifact.manifest.files else ""


def _json(artifact: Artifact, name: str) -> Any:
    """Read a JSON file of an artifact.

    Raises:
        InputError: the file is missing or is not JSON.
    """
    try:
        return artifact.json(name)
    except ValueError:
        raise InputError(f"{artifact.path / name}: is not JSON, expected what its manifest lists") from None


def _runtime(artifact: Artifact) -> Mapping[str, Any]:
    """Return runtime.json, which no manifest lists and which may be absent."""
    try:
        content = json.loads((artifact.path / "runtime.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _plan(path: Path | None) -> Mapping[str, Any]:
    if path is None:
        return {}
    check_openable(path, "a plan.json")
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}), expected a plan.json") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: is not JSON, expected a plan.json") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds {type(content).__name__}, expected a plan.json")
    return content
