"""Names that people type or files contain: checked once, at the door, and never pasted into anything (DESIGN 13).

Samples become parts of folder names, marks columns of tables, runs folders; units and groups only ever stand in tables.
This module is a leaf: it imports nothing of ours but the errors, and every room may import it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from gxtool.errors import ConfigError, InputError, quoted

SAMPLE_LENGTH = 100
SAMPLE_BYTES = 200  # a folder's name may have 255, and a model's says seed and fold behind the sample
UNIT_LENGTH = 200
RESERVED_RUNS = ("runs", "comparison", "multiqc", "pipeline_info", "results")
_SAMPLE_SIGNS = frozenset(" _.+-()=@#")
_RUN = re.compile(r"[A-Za-z0-9_+][A-Za-z0-9_.+-]*")


def check_samples(names: Iterable[str], where: str) -> None:
    """Check names of samples: letters and digits of any script, space and `_ . + - ( ) = @ #`, unique.

    They must be NFC, at most 100 characters (200 bytes as UTF-8), not start with `-`, `.` or a space nor end with a
    space, and differ also when case is ignored.

    Raises:
        InputError: the first name that breaks a rule, said with `where`.
    """
    problem = names_problem(names, "sample")
    if problem:
        raise InputError(f"{where}: {problem}")


def names_problem(names: Iterable[str], word: str, reserved: Iterable[str] = ()) -> str:
    """Say which name breaks the rules of samples' names, or is a reserved word in any case; empty: none does.

    `word` is what the names are of: such as sample, or mark.
    """
    seen: dict[str, str] = {}
    taken = {name.casefold() for name in reserved}
    for name in names:
        problem = _sample_problem(name)
        if not problem and name.casefold() in taken:
            problem = "is taken by a column of gxtool's tables, expected another one"
        if problem:
            return f"the {word} name {quoted(name)} {problem}"
        folded = unicodedata.normalize("NFC", name.casefold())
        if folded in seen:
            same = "stands there twice" if seen[folded] == name else f"differs from {quoted(seen[folded])} by case only"
            return f"the {word} name {quoted(name)} {same}, expected every {word} once"
        seen[folded] = name
    return ""


def check_sample(name: str, where: str) -> None:
    """Check one sample's name, as `check_samples` does."""
    check_samples([name], where)


def _sample_problem(name: object) -> str:
    if not isinstance(name, str) or not name:
        return "is no text, expected letters and digits"
    if len(name) > SAMPLE_LENGTH:
        return f"has {len(name)} characters, expected at most {SAMPLE_LENGTH}"
    if len(name.encode("utf-8", "replace")) > SAMPLE_BYTES:
        return f"has {len(name.encode('utf-8', 'replace'))} bytes as UTF-8, expected at most {SAMPLE_BYTES}"
    if name[0] in "-. ":
        return f"starts with {name[0]!r}, expected a letter, a digit or one of _ + ( ) = @ #"
    if name[-1] == " ":
        return "ends with a space, expected none there"
    for sign in name:
        # Marks belong to the letters of many scripts.
        if sign not in _SAMPLE_SIGNS and unicodedata.category(sign)[0] not in "LNM":
            return f"holds {quoted(sign)}, expected letters, digits, space and _ . + - ( ) = @ # only"
    if unicodedata.normalize("NFC", name) != name:
        return "is not in Unicode's composed form (NFC), expected that"
    return ""


def check_run(name: str, where: str = "run") -> None:
    """Check that a run's name can be a folder: ASCII letters, digits and `_ . + -`, and no reserved word.

    Raises:
        ConfigError: it cannot.
    """
    if not isinstance(name, str) or not _RUN.fullmatch(name) or len(name) > SAMPLE_LENGTH:
        raise ConfigError(
            f"{where} {quoted(name)}: expected a name of up to {SAMPLE_LENGTH} ASCII letters, digits and _ . + -, "
            "which starts with none of . and -"
        )
    if name.lower() in RESERVED_RUNS:
        raise ConfigError(f"{where} {quoted(name)}: the name is taken by gxtool's own results, expected another one")


def check_units(names: Iterable[str], where: str, word: str = "unit") -> None:
    """Check names of units and groups: text without control characters, 1 to 200 long.

    Raises:
        InputError: the first name that breaks a rule.
    """
    for name in names:
        if not isinstance(name, str) or not 0 < len(name) <= UNIT_LENGTH:
            raise InputError(f"{where}: the {word} {quoted(name)} is not text of 1 to {UNIT_LENGTH} characters")
        if any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in name):
            raise InputError(f"{where}: the {word} {quoted(name)} holds a control character, expected none")


def inside(folder: Path, *parts: str) -> Path:
    """Join parts to a folder and prove that the result lies inside it, by its text alone.

    Raises:
        InputError: a part is absolute, climbs out with `..`, is empty, or holds a null byte.
    """
    folder = Path(folder)
    for part in parts:
        pieces = Path(part).parts
        if not pieces or Path(part).is_absolute() or ".." in pieces or "\0" in str(part):
            raise InputError(f"{folder}: {quoted(str(part))} leads out of this folder, expected a name inside it")
    return folder.joinpath(*parts)
