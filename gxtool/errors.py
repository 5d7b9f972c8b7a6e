"""What can go wrong in a way the user can mend: one sentence and an exit code each. Imports nothing of ours."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

QUOTED_LENGTH = 200
"""Characters of a value that a message shows at most."""
_LONGEST_LIST = 600
_LONGEST_SENTENCE = 2000
_MOST_KNOWN = 1000  # names that are compared with a misspelt one


class GxtoolError(Exception):
    """A failure the user can mend; its message is one sentence, `exit_code` is what the command returns.

    Values are cut where they are put in (`quoted`); that the sentence is one line of at most 2,000 characters holds
    whatever else a path or the words of a library bring in.
    """

    exit_code = 1

    def __init__(self, sentence: str = "") -> None:
        text = str(sentence)
        if not text.isprintable() or len(text) > _LONGEST_SENTENCE:
            text = _one_line(text)
        super().__init__(text)


def _one_line(text: str) -> str:
    """Return text without line ends and other signs that no terminal should get, cut in its middle."""
    if len(text) > _LONGEST_SENTENCE:
        half = _LONGEST_SENTENCE // 2 - 20
        text = f"{text[:half]} ... {text[-half:]}"
    return "".join(sign if sign.isprintable() else " " if sign in "\n\t" else ascii(sign)[1:-1] for sign in text)


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
    try:
        text = _SHORT.repr(value)
    except ValueError:
        # Python writes out no whole number of more than 4,300 digits.
        text = f"a number of {value.bit_length()} bits" if isinstance(value, int) else f"<{type(value).__name__}>"
    return text if len(text) <= QUOTED_LENGTH else f"{text[: QUOTED_LENGTH - 3]}..."


def plain(value: Any, longest: int = QUOTED_LENGTH) -> str:
    """Return a value as it stands in a file or a path; `quoted` where it is long or not printable, or `nothing`."""
    text = value if isinstance(value, str) else str(value) if isinstance(value, Path) else quoted(value)
    if not text:
        return "nothing"
    return text if len(text) <= longest and text.isprintable() else quoted(text)


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return `, did you mean X?` for the nearest known name, else the list of known names."""
    folded = {other.casefold(): other for other in reversed(known[:_MOST_KNOWN])}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6) if len(name) <= QUOTED_LENGTH else []
    if near:
        return f", did you mean {folded[near[0]]}?"
    return f", expected one of {listed(sorted(known))}" if known else ""


def listed(names: Iterable[str]) -> str:
    """Return names with commas between, and only as many of them as a sentence can hold."""
    shown, length = [], 0
    for name in names:
        text = plain(name)
        length += len(text) + 2
        if length > _LONGEST_LIST:
            return f"{', '.join(shown)}, ..."
        shown.append(text)
    return ", ".join(shown)
