"""What can go wrong in a way the user can mend: one sentence and an exit code each. Imports nothing of ours."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Sequence
from typing import Any

QUOTED_LENGTH = 200
"""Characters of a value that a message shows at most."""


class GxtoolError(Exception):
    """A failure the user can mend; its message is one sentence, `exit_code` is what the command returns."""

    exit_code = 1


class UsageError(GxtoolError):
    """A command line that asks for something impossible."""

    exit_code = 2


class InputError(GxtoolError):
    """Input data that cannot be used: where, what was found, what was expected."""

    exit_code = 3


class ConfigError(GxtoolError):
    """A configuration key or value that cannot be used."""

    exit_code = 4


class DependencyError(GxtoolError):
    """A package, program or device that is not there."""

    exit_code = 5


_SHORT = reprlib.Repr()
_SHORT.maxlevel = 3
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = QUOTED_LENGTH


def quoted(value: Any) -> str:
    """Return a value as a message shows it: as Python writes it, and cut to 200 characters.

    What is cut is never written out first, so that a value of any size and depth costs nothing.
    """
    text = _SHORT.repr(value)
    return text if len(text) <= QUOTED_LENGTH else f"{text[: QUOTED_LENGTH - 3]}..."


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return `, did you mean X?` for the nearest known name, else the list of known names."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f", did you mean {near[0]}?"
    return f", expected one of {', '.join(sorted(known))}" if known else ""
