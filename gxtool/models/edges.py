"""How runs hang together: models to start from, models that judge designs, and the runs they are compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gxtool.errors import ConfigError, did_you_mean, quoted
from gxtool.models.base import Family


class Planned(NamedTuple):
    """What a plan knows of one run when its edges are drawn; `init`, `judge` and `against` as they were asked for."""

    name: str
    family: Family
    preset: str
    task: str
    init: str
    judge: str
    against: tuple[str, ...] = ()


def settled(models: str) -> str:
    """Return a folder of models as an absolute path, which tells it from the name of a run."""
    return str(Path(models).absolute()) if models and Path(models).is_dir() else models


def beside(path: Path, models: str) -> str:
    """Return where models lie that a runs file names by a folder relative to itself; a run's name stays as it is."""
    folder = Path(path).absolute().parent / models
    return str(folder) if models and folder.is_dir() else models


def judge_of(run: Planned, runs: Sequence[Planned]) -> str:
    """Return the run of the plan, or the folder, whose models judge what a run designs.

    A judge is asked for by the name of a run, by a preset that one run of the plan has, or by a folder of models.

    Raises:
        ConfigError: a judge that is not there, the run itself, of another family, or without models of its own; a run
            or a family that designs nothing.
    """
    where = f"run {run.name}: judge {run.judge}"
    if not run.family.design:
        raise ConfigError(f"{where}, but family {run.family.name} designs no sequences, expected no judge")
    if run.task != "train":
        raise ConfigError(f"{where} with task {run.task}, expected task train")
    named = [other for other in runs if other.name == run.judge]
    found = named or [other for other in runs if other.preset == run.judge]
    if len(found) > 1:
        raise ConfigError(
            f"{where} is the preset of {len(found)} runs ({', '.join(other.name for other in found)}), expected the "
            "name of one"
        )
    # Where tasks run in containers, an absolute path is one that this process may not see.
    if not found and (Path(run.judge).is_absolute() or Path(run.judge).is_dir()):
        return settled(run.judge)
    if not found:
        near = did_you_mean(run.judge, sorted({word for other in runs for word in (other.name, other.preset)}))
        raise ConfigError(f"{where} is neither a run of this plan nor a folder{near}")
    (judge,) = found
    if judge.name == run.name:
        raise ConfigError(f"{where} is the run itself, expected another")
    if judge.family.name != run.family.name:
        raise ConfigError(f"{where} is of family {judge.family.name}, expected {run.family.name} as the run")
    if judge.task != "train":
        raise ConfigError(f"{where} has task {judge.task} and so no models of its own, expected task train")
    if run.init == judge.name or judge.init == run.name:
        raise ConfigError(f"{where} and the run start one from the other, expected models trained apart")
    return judge.name


def check_starts(edges: Mapping[str, str]) -> None:
    """Check that `from` (run -> what it starts from) names a run of the plan or a folder, and that none waits for ever.

    Raises:
        ConfigError: neither a run nor a folder, a cycle, or a chain of more than one step.
    """
    for name, init in edges.items():
        if init and init not in edges and not Path(init).is_dir():
            near = did_you_mean(init, list(edges))
            raise ConfigError(f"run {name}: from {init} is neither a run of this plan nor a folder{near}")
        seen, here = [name], init
        while here in edges:
            if here in seen:
                raise ConfigError(f"runs {' -> '.join([*seen, here])} wait for each other, expected no cycle")
            seen.append(here)
            here = edges[here]
        if len(seen) > 2:
            raise ConfigError(
                f"runs {' <- '.join(reversed(seen))}: start from each other in a chain, expected one step"
            )


def comparisons(runs: Sequence[Planned]) -> list[str]:
    """Return `RUN=OTHER` for every comparison that was asked for.

    Raises:
        ConfigError: a run that is not in the plan, itself, of another family, or one that is not evaluated.
    """
    by_name = {run.name: run for run in runs}
    pairs = []
    for run in runs:
        for name in run.against:
            where = f"run {run.name}: against {quoted(name)}"
            other = by_name.get(name)
            if other is None:
                raise ConfigError(f"{where} is no run of this plan{did_you_mean(name, list(by_name))}")
            if other is run:
                raise ConfigError(f"{where} is the run itself, expected another")
            if other.family.name != run.family.name:
                raise ConfigError(f"{where} is of family {other.family.name}, expected {run.family.name} as the run")
            for one in (run, other):
                if one.task != "train":
                    raise ConfigError(f"{where}: run {one.name} has task {one.task}, expected task train")
            pairs.append(f"{run.name}={name}")
    return pairs
