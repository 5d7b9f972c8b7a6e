"""`--item`: what a stage is told by an item of a plan, beside what it reads and writes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from typer.core import TyperCommand

from gxtool.models.item import read_item

# Field of an item -> the option that says the same; lists are given as options that are repeated.
_OPTIONS = {"family": "--model", "run": "--name", "samples": "--samples", "seeds": "--seeds", "folds": "--folds"}
_NUMBERS = ("seeds", "folds")
_NO_YAML = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


EPILOG = "--item FILE, or --item plan.json#ID: an item of a plan stands for options; those that are typed win."


class StageCommand(TyperCommand):
    """A process of the pipeline: it takes options also from an item of a plan (`EPILOG`)."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the options that an item stands for before those that are typed."""
        reference, typed = _without_item(args)
        if reference is None:
            return super().parse_args(ctx, args)
        known = {option for parameter in self.params for option in parameter.opts}
        return super().parse_args(ctx, [*item_options(reference, str(self.name), known), *typed])


def _without_item(args: Sequence[str]) -> tuple[str | None, list[str]]:
    """Return what `--item` names, and all other words."""
    for place, word in enumerate(args):
        if word == "--item" and place + 1 < len(args):
            return args[place + 1], [*args[:place], *args[place + 2 :]]
        if word.startswith("--item="):
            return word.removeprefix("--item="), [*args[:place], *args[place + 1 :]]
    return None, list(args)


def item_options(reference: str, stage: str, known: Iterable[str]) -> list[str]:
    """Return the options that an item stands for, as words of a command line, as far as a command knows them.

    `options` of an item are options by their own names, as the first process of the pipeline gets them.

    Raises:
        InputError: there is no such item.
    """
    item = read_item(reference, stage)
    given: dict[str, Any] = {option: _value(field, item[field]) for field, option in _OPTIONS.items() if field in item}
    if stage == "train":
        given["--preset"] = item.get("preset", "")
    if stage == "preprocess":
        given["--input"] = reference
    given["--threads"] = item.get("resources", {}).get("cpus", "")
    given["--checkpoint-dir"] = item.get("checkpoint_dir", "")
    given["--set"] = _assignments(json.loads(item.get("section") or "{}"))
    given |= item.get("options") or {}
    known = set(known)
    return [word for option, value in given.items() if option in known for word in _words(option, value)]


def _value(field: str, value: Any) -> Any:
    if field not in _NUMBERS or not isinstance(value, list):
        return value
    # A comma behind each seed: a lone number would be a number of seeds.
    return "".join(f"{number}," for number in value) if field == "seeds" else ",".join(map(str, value))


def _words(option: str, value: Any) -> list[str]:
    if value is True:
        return [option]
    values = value if isinstance(value, list) else [value]
    return [f"{option}={one}" for one in values if one not in ("", None, False)]


def _assignments(sections: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [
        # JSON as YAML reads it: it takes no surrogate pairs, and such characters only as escapes.
        f"{section}.{field}={_NO_YAML.sub(_escape, json.dumps(value, ensure_ascii=False))}"
        for section, fields in sections.items()
        for field, value in fields.items()
    ]


def _escape(sign: re.Match[str]) -> str:
    return f"\\u{ord(sign[0]):04x}"
