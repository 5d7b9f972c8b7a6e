"""Everything that a plan would meet, as far as headers and tables say it: nothing that they say fails after training.

A family's `check` looks at the inputs and returns what their dataset will hold; here, the same for every family, the
runs are gone through with it: names, splits, folds, classes, baselines, settings, and the models they start from. Which
settings are wrong is asked of the code that would refuse them later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gxtool.config import Config
from gxtool.data.splits import ROLES
from gxtool.errors import ConfigError, GxtoolError, InputError
from gxtool.io.artifact import find_artifacts
from gxtool.models.base import CheckReport, Family
from gxtool.models.baseline_choice import choose_baselines
from gxtool.models.look import InputFacts, Look
from gxtool.models.plan import RunRequest, name_runs
from gxtool.models.registry import get_family, resolve_config
from gxtool.models.seen_before import count_seen_before
from gxtool.models.settings_checks import check_kinds, design_targets, monitored_metric
from gxtool.models.stages import read_rows
from gxtool.names import check_samples, check_units

# With fewer test rows of a class, a ranking score is mostly chance.
FEW = 10
_SUSPECT = r"[\p{C}\p{Zl}\p{Zp}]"
_MOST_UNIT = 200


@dataclass(frozen=True)
class PlannedRun:
    """One run as the dry run sees it: its resolved configuration, the rows of its sheet, and what it asks for.

    init and judge: a run of the same plan, a folder of models, or nothing; source: what messages call the sheet.
    """

    name: str
    family: Family
    config: Config
    sheet: Sequence[Mapping[str, str]]
    source: str
    task: str = "train"
    folds: tuple[int, ...] = (0,)
    init: str = ""
    judge: str = ""


@dataclass(frozen=True)
class Findings:
    """What a dry run found of one run: failures that it would meet, warnings, and facts in reading order."""

    run: PlannedRun
    inputs: InputFacts
    problems: tuple[GxtoolError, ...]
    warnings: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    unchecked: Mapping[str, str]
    left_out: Mapping[str, str]


def dry_run(runs: Sequence[PlannedRun], whole: bool = False) -> list[Findings]:
    """Go through runs without spending anything; inputs that they share are looked at once."""
    looked: dict[str, tuple[InputFacts, Look]] = {}
    seen: list[tuple[PlannedRun, InputFacts, Look]] = []
    for run in runs:
        key = repr((run.family.name, run.config.data.model_dump(mode="json"), [dict(row) for row in run.sheet]))
        if key not in looked:
            looked[key] = _inputs(run, whole)
        seen.append((run, *looked[key]))
    infos = {run.name: (run.family.name, inputs.info) for run, inputs, _ in seen}
    found = [_go_through(run, inputs, look, infos) for run, inputs, look in seen]
    by_name = {one.run.name: one for one in found}
    return [_with_seen(one, by_name.get(one.run.init)) for one in found]


def _with_seen(found: Findings, start: Findings | None) -> Findings:
    """Add what becomes of test rows that the run which a run starts from has seen: left out, which may leave none."""
    if not start or found.run.task != "train" or not (_has_groups(found.inputs) and _has_groups(start.inputs)):
        return found
    by_sample = start.run.config.training.per_sample
    counts = [count_seen_before(found.inputs, start.inputs, fold, by_sample) for fold in found.run.folds]
    seen, tested = (sum(column) for column in zip(*counts, strict=True))
    if not seen:
        return found
    sentence = (
        f"run {found.run.name}: {start.run.name}, which it starts from, is trained or chosen on "
        f"{f'all {tested:,}' if seen == tested else f'{seen:,} of {tested:,}'} of its test rows"
    )
    if seen < tested:
        return replace(found, warnings=(*found.warnings, f"{sentence}: they are left out of its scores"))
    problem = InputError(f"{sentence}, expected some that are new to it (the same split for both)")
    return replace(found, problems=(*found.problems, problem))


def _has_groups(inputs: InputFacts) -> bool:
    return inputs.splits is not None and inputs.rows is not None and "group" in inputs.rows.columns


def _inputs(run: PlannedRun, whole: bool) -> tuple[InputFacts, Look]:
    look = Look(whole)
    inputs = InputFacts(())
    with look.collect():
        check_samples((row["sample"] for row in run.sheet if "sample" in row), run.source)
    with look.collect():
        inputs = run.family.load(run.family.check)(run.sheet, run.config.data, look)
    return inputs, look


def _go_through(
    run: PlannedRun, inputs: InputFacts, look: Look, infos: Mapping[str, tuple[str, Mapping[str, Any]]]
) -> Findings:
    checks = Look(look.whole)
    checks.problems += look.problems
    family = run.family.for_target(inputs.info.get("target"))
    facts: list[tuple[str, str]] = []
    warnings, left_out = list(inputs.warnings), {}
    if inputs.splits is not None and inputs.labels is not None:
        facts.append(("roles", _roles(run, inputs)))
    if run.task == "train":
        for problem in (*_setting_problems(run, family, inputs), *_row_problems(run, family, inputs)):
            with checks.collect():
                raise problem
        with checks.collect():
            names, left_out = choose_baselines(family, run.config.evaluation, inputs.columns)
            if inputs.columns is not None:
                reasons = "".join(f"; left out: {name} ({why})" for name, why in left_out.items())
                facts.append(("baselines", (", ".join(names) or "none") + reasons))
        warnings += _small_classes(run, family, inputs)
    for other, word in ((run.init, "from"), (run.judge, "judge")):
        if other:
            with checks.collect():
                check_fits(run, inputs.info, other, word, infos)
    if run.judge and inputs.info:
        with checks.collect():
            design_targets(list(inputs.info.get("targets", [])), run.config.design, run.source)
    memory = run.config.resources.memory_gb
    if inputs.memory_gb > memory:
        warnings.append(
            f"a run needs about {inputs.memory_gb:.1f} GB of memory and resources.memory_gb is {memory:g}: give it more"
        )
    return Findings(run, inputs, tuple(checks.problems), tuple(warnings), tuple(facts), look.unchecked, left_out)


def _setting_problems(run: PlannedRun, family: Family, inputs: InputFacts) -> Iterator[GxtoolError]:
    """Yield what is wrong with the settings themselves, and what they ask of the data in vain."""
    settings = (
        run.config.require_trainable,
        lambda: monitored_metric(family, run.config.training),
        lambda: check_kinds(family, run.config.perturb.kinds, {**run.config.no_effects(), **inputs.no_effects}),
    )
    for check in settings:
        try:
            check()
        except GxtoolError as error:
            yield error


def check_fits(
    run: PlannedRun,
    info: Mapping[str, Any],
    other: str,
    word: str,
    infos: Mapping[str, tuple[str, Mapping[str, Any]]],
) -> None:
    """Check that the models a run starts from, predicts with or is judged by take the rows it has.

    Raises:
        ConfigError: another family, or rows that say something else of themselves, such as other marks.
        InputError: a folder whose models cannot be read.
    """
    for family, theirs in _theirs(other, infos):
        if family != run.family.name:
            raise ConfigError(f"run {run.name}: {word} {other} is of family {family}, expected {run.family.name}")
        for key in sorted(info.keys() & theirs.keys()):
            if _plain(theirs[key]) != _plain(info[key]):
                raise ConfigError(
                    f"run {run.name}: {word} {other} has {key} {_shown(theirs[key])}, expected {_shown(info[key])} as "
                    "this run"
                )


def _theirs(other: str, infos: Mapping[str, tuple[str, Mapping[str, Any]]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if other in infos:
        yield infos[other]
    elif Path(other).is_dir():
        for model in find_artifacts([Path(other)], "model"):
            yield model.manifest.family, model.manifest.info.get("data", {})


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _row_problems(run: PlannedRun, family: Family, inputs: InputFacts) -> Iterator[GxtoolError]:
    """Yield what the rows lack for the split, the folds asked for, and classes to learn and to judge."""
    if inputs.labelled is False:
        yield InputError(f"{run.source}: the samples have no values to learn from, expected labelled data")
        return
    if inputs.splits is None or inputs.rows is None:
        return
    where = f"run {run.name}: data.split={getattr(run.config.data, 'split', inputs.splits['scheme'][0])}"
    there = sorted(inputs.splits["fold"].unique().to_list())
    for fold in run.folds:
        if fold not in there:
            listed = ", ".join(map(str, there))
            yield ConfigError(f"{where} has no fold {fold}, expected {'one of ' if len(there) > 1 else ''}{listed}")
    if inputs.labels is None:
        return
    if "group" in inputs.rows.columns:
        yield from _name_problems(inputs.rows["group"], run)
    empty = {(fold, role) for fold in there for role in ROLES if not len(_chosen(inputs, fold, role))}
    for fold, role in sorted(empty):
        yield InputError(f"{run.source}: fold {fold} has no {role} rows, expected some in train, val and test")
    for fold in (fold for fold in run.folds if fold in there):
        for sample in _units(run, inputs):
            for role in (role for role in ROLES if (fold, role) not in empty):
                yield from _label_problems(run, family, inputs, (fold, sample, role))


def _units(run: PlannedRun, inputs: InputFacts) -> list[str | None]:
    """Return the samples that have a model each, or one None for a model of all of them."""
    if not run.config.training.per_sample:
        return [None]
    return inputs.rows["sample"].unique(maintain_order=True).to_list()


def _label_problems(
    run: PlannedRun, family: Family, inputs: InputFacts, part: tuple[int, str | None, str]
) -> Iterator[GxtoolError]:
    fold, sample, role = part
    whose = f"{run.source}: sample {sample}" if sample is not None else run.source
    chosen = _chosen(inputs, fold, role, sample)
    if not len(chosen):
        yield InputError(f"{whose}: fold {fold} has no {role} rows, expected some")
        return
    labels = inputs.labels[chosen]
    for place in range(labels.shape[1] if labels.ndim > 1 else 1):
        own = labels[:, place] if labels.ndim > 1 else labels
        if own.min() != own.max() or (family.kind != "binary" and role != "train"):
            continue
        what = "labels" if family.kind == "binary" else "values"
        expected = "both classes" if family.kind == "binary" else "values that differ"
        targets = inputs.info.get("targets", ())
        of = f" of {targets[place]}" if place < len(targets) else ""
        yield InputError(
            f"{whose}: fold {fold}: all {len(own):,} {role} {what}{of} are {own.flat[0]:g}, expected {expected}"
        )


def _name_problems(groups: pl.Series, run: PlannedRun) -> Iterator[GxtoolError]:
    suspects = groups.filter(groups.str.contains(_SUSPECT) | (groups.str.len_chars() > _MOST_UNIT))
    try:
        check_units(suspects.unique(maintain_order=True).to_list(), run.source, run.family.group)
    except InputError as error:
        yield error


def _small_classes(run: PlannedRun, family: Family, inputs: InputFacts) -> list[str]:
    """Warn of a class with few rows to judge by, the smallest one of all samples and folds."""
    if family.kind != "binary" or inputs.labels is None or inputs.splits is None or inputs.rows is None:
        return []
    counts = [
        (count, sample, fold, value)
        for fold in set(run.folds) & set(inputs.splits["fold"].unique().to_list())
        for sample in _units(run, inputs)
        for value, count in _class_sizes(inputs.labels[_chosen(inputs, fold, "test", sample)])
    ]
    few = [entry for entry in counts if entry[0] < FEW]
    if not few:
        return []
    count, sample, fold, value = min(few, key=lambda entry: entry[0])
    whose = f"{sample}: " if sample is not None else ""
    rows = "row has" if count == 1 else "rows have"
    return [
        f"{whose}only {count} test {rows} label {value} in fold {fold}: scores will be mostly chance (at least {FEW} "
        "are better)"
    ]


def _class_sizes(labels: np.ndarray) -> list[tuple[Any, int]]:
    values, counts = np.unique(labels, return_counts=True)
    return list(zip(values.tolist(), counts.tolist(), strict=True))


def _roles(run: PlannedRun, inputs: InputFacts) -> str:
    """Say how many rows train, validate and test, in the first of the folds asked for."""
    there = sorted(inputs.splits["fold"].unique().to_list())
    fold = next((fold for fold in run.folds if fold in there), there[0])
    sizes = ", ".join(f"{len(_chosen(inputs, fold, role)):,} {role}" for role in ROLES)
    return f"{sizes} rows" + (f" (fold {fold} of {len(there)})" if len(there) > 1 else "")


def _chosen(inputs: InputFacts, fold: int, role: str, sample: str | None = None) -> np.ndarray:
    """Return the places of rows with a role in a fold."""
    rows = inputs.splits.filter(pl.col("fold") == fold, pl.col("role") == role)["row"].to_numpy()
    if sample is None:
        return rows
    own = (inputs.rows["sample"] == sample).to_numpy()
    return rows[own[rows]]


def first_problem(findings: Iterable[Findings]) -> GxtoolError | None:
    """Return the first failure that any run would meet."""
    return next((problem for found in findings for problem in found.problems), None)


def notes(findings: Sequence[Findings]) -> list[str]:
    """Return what a person should know of runs that can be done: what is left out, not looked at, or looks wrong."""
    said: dict[str, None] = {}
    for found in findings:
        said |= dict.fromkeys(
            f"run {found.run.name}: baseline {name} is left out: {why}" for name, why in found.left_out.items()
        )
        said |= dict.fromkeys(f"warning: {warning}" for warning in found.warnings)
    unchecked: dict[str, str] = {}
    for found in findings:
        unchecked |= found.unchecked
    return [*said, *(f"not checked: {sentence}" for sentence in _unchecked(unchecked))]


def report_of(found: Findings) -> CheckReport:
    """Return what `check` says of one run."""
    inputs, problems = found.inputs, found.problems
    return CheckReport(
        facts=(*inputs.facts, *found.facts),
        warnings=found.warnings,
        memory_gb=inputs.memory_gb,
        disk_gb=inputs.disk_gb,
        minutes=inputs.minutes,
        unchecked=tuple(_unchecked(found.unchecked)),
        problems=tuple(map(str, problems)),
        exit_code=problems[0].exit_code if problems else 0,
    )


def _unchecked(files: Mapping[str, str]) -> list[str]:
    """Return a sentence for each reason, with the first of its files."""
    by_reason: dict[str, list[str]] = {}
    for file, reason in files.items():
        by_reason.setdefault(reason, []).append(file)
    return [
        f"{names[0]}{f' and {len(names) - 1:,} more' if len(names) > 1 else ''} {reason}"
        for reason, names in by_reason.items()
    ]


def planned_runs(requests: Sequence[RunRequest]) -> list[PlannedRun]:
    """Return what the dry run needs of the runs that are asked for, under the names that their results will have."""
    sheets: dict[tuple[str, Path, str | None], list[dict[str, str]]] = {}
    runs = []
    for name, request in zip(name_runs(requests), requests, strict=True):
        family = get_family(request.model)
        sheet = (family.name, request.input, request.base)
        if sheet not in sheets:
            sheets[sheet] = read_rows(family, request.input, request.base)
        runs.append(
            PlannedRun(
                name=name,
                family=family,
                config=resolve_config(family, request.preset, request.files, request.assignments),
                sheet=sheets[sheet],
                source=str(request.input),
                task=request.task,
                folds=request.folds,
                init=request.init,
                judge=request.judge,
            )
        )
    return runs
