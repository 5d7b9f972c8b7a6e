"""Settings that only make sense for some families or data, checked where a run is planned and where it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from gxtool.config import DesignConfig, TrainingConfig
from gxtool.errors import ConfigError, did_you_mean
from gxtool.models.base import Family

LOSS = "loss"


def monitored_metric(family: Family, config: TrainingConfig) -> str:
    """Return the metric that picks the weights.

    Raises:
        ConfigError: one that the family is not validated by.
    """
    metric, known = config.monitor or family.primary_metric, (*family.metrics, LOSS)
    if metric not in known:
        raise ConfigError(f"training.monitor is {metric!r}, no metric of {family.name}{did_you_mean(metric, known)}")
    return metric


NOTHING: Mapping[str, str] = MappingProxyType({})


def check_kinds(family: Family, asked: Sequence[str], lacking: Mapping[str, str] = NOTHING) -> None:
    """Check that the family has the perturbations asked for, and that nothing they need is `lacking` (kind -> what).

    Raises:
        ConfigError: it has not, or something is.
    """
    known = family.effect_kinds
    for kind in () if tuple(asked) == ("all",) else asked:
        if kind not in known:
            raise ConfigError(f"perturb.kinds: {kind} is no perturbation of {family.name}{did_you_mean(kind, known)}")
        if kind in lacking:
            raise ConfigError(f"perturb.kinds: {kind} is asked for, but {lacking[kind]}; expected others, or all")


def design_targets(names: Sequence[str], config: DesignConfig, where: str) -> list[int]:
    """Return the places of the targets that are designed for, of those of the data (`names`; none: there is one).

    Raises:
        ConfigError: a target that is not there, or one value for several of them.
    """
    if config.target and config.target not in names:
        there = did_you_mean(config.target, names) if names else ", expected no name, as there is one target"
        raise ConfigError(f"design.target: {config.target} is no target of {where}{there}")
    if config.target:
        return [list(names).index(config.target)]
    if config.goal == "value" and len(names) > 1:
        raise ConfigError(
            f"design.value: is {config.value:g} with {len(names)} targets ({', '.join(names)}), expected design.target "
            "to say which of them it is for"
        )
    return list(range(max(1, len(names))))
