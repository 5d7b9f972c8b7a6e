"""What can go wrong in a way the user can mend: one sentence and an exit code each. Imports nothing of ours."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Sequence
from typing import Any

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
QUOTED_LENGTH = 200
"""Characters of a value that a message shows at most."""


class GxtoolError(Exception):
    """A failure the user can mend; its message is one line, `exit_code` is what the command returns."""

    exit_code = 1

    def __str__(self) -> str:
        """Return the sentence; control characters of what it quotes, such as line ends, are written as escapes."""
        return _CONTROL.sub(lambda sign: ascii(sign[0])[1:-1], super().__str__())


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
