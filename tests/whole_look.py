"""A family's check as `gxtool check` makes it: of whole files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gxtool.models.look import InputFacts, Look


def look_at(check: Callable[..., InputFacts], sheet: Sequence[Mapping[str, str]], data: Any) -> InputFacts:
    """Look at whole files and raise the first problem."""
    look = Look()
    found = check(sheet, data, look)
    if look.problems:
        raise look.problems[0]
    return found
