"""What a baseline needs of the data: said by the baseline itself, asked before anything is trained.

    @needs(column_of("H3K4me3"))
    def sum_h3k4me3(split: Split, seed: int) -> BaselineResult: ...

A baseline without a requirement applies to any data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Requirement = Callable[[Sequence[str]], str]
"""(names of the features) -> why the baseline does not apply to such data, empty where it does."""
Fit = TypeVar("Fit", bound=Callable[..., Any])
_ATTRIBUTE = "requirement"


def needs(requirement: Requirement) -> Callable[[Fit], Fit]:
    """Declare what a baseline needs of the data's features."""

    def declare(fit: Fit) -> Fit:
        setattr(fit, _ATTRIBUTE, requirement)
        return fit

    return declare


def why_not(fit: Callable[..., Any], columns: Sequence[str]) -> str:
    """Return why a baseline does not apply to data with these features, empty where it does."""
    requirement: Requirement | None = getattr(fit, _ATTRIBUTE, None)
    return requirement(columns) if requirement else ""


def track(column: str) -> str:
    """Return the track of a feature's name: what stands before its first colon (`H3K4me3:57`), or all of it."""
    return column.partition(":")[0]


def column_of(name: str, word: str = "feature") -> Requirement:
    """Require a feature called `name`, or features of that track; `word` is what the sentence calls it."""

    def requirement(columns: Sequence[str]) -> str:
        return "" if any(track(column) == name for column in columns) else f"the data have no {word} {name}"

    return requirement
