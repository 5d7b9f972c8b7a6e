"""Which baselines a run is compared with: those asked for, less those that do not apply to its data. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gxtool.config import EvaluationConfig
from gxtool.errors import ConfigError, did_you_mean
from gxtool.measure.requirements import why_not
from gxtool.models.base import Family

ALL = "all"


class BaselineChoice(NamedTuple):
    """Names of the baselines to fit, and those left out with the reason why they do not apply."""

    names: tuple[str, ...]
    left_out: dict[str, str]


def choose_baselines(family: Family, config: EvaluationConfig, columns: Sequence[str] | None = None) -> BaselineChoice:
    """Return which baselines to fit on data whose features have these names (None: not known, all of them apply).

    `all` leaves out what does not apply; a baseline asked for by its name must apply.

    Raises:
        ConfigError: a baseline that the family does not have, or one asked for by name that does not apply.
    """
    for name in config.baselines:
        if name not in (ALL, *family.baselines):
            raise ConfigError(
                f"evaluation.baselines: {family.name} has none called {name}"
                f"{did_you_mean(name, list(family.baselines))}"
            )
    everyone = ALL in config.baselines
    names = family.baselines if everyone else dict.fromkeys(config.baselines)
    reasons = {} if columns is None else {n: why_not(family.load(family.baselines[n]), columns) for n in names}
    left_out = {name: reason for name, reason in reasons.items() if reason}
    for name in config.baselines:
        if name in left_out:
            raise ConfigError(f"evaluation.baselines: {name} does not apply, {left_out[name]}; expected others, or all")
    return BaselineChoice(tuple(name for name in names if name not in left_out), left_out)
