"""Families are found where they are: by their folder beside this file, or by the entry point of their package.

There is no list to keep. A family in a package of its own names its record in the entry point group `gxtool.families`:
`composition = "gxtool_composition:FAMILY"`. No family is imported until it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple

from gxtool.config import Config, Layer, expand_layer_aliases, parse_assignments, read_yaml, resolve
from gxtool.errors import ConfigError, did_you_mean, quoted
from gxtool.models.base import Family, Noun

GROUP = "gxtool.families"
HERE = "gxtool.models."
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,49}")


class Source(NamedTuple):
    """Where a family is: what messages call the place, its package, and the name of the record in it."""

    place: str
    package: str
    attribute: str


class Families(Mapping[str, Family]):
    """Name -> record of every family that is there; a record is imported when it is asked for."""

    def __init__(self, sources: Mapping[str, list[Source]]) -> None:
        self._sources = sources
        self._records: dict[str, Family] = {}

    def __getitem__(self, name: str) -> Family:
        """Return a family's record.

        Raises:
            KeyError: there is none of that name.
            ConfigError: it is offered twice, cannot be imported, or breaks a rule of the record.
        """
        if name not in self._records:
            places = self._sources[name]
            if len(places) > 1:
                several = " and by ".join(source.place for source in places)
                raise ConfigError(f"family {quoted(name)} is offered by {several}, expected one (uninstall the others)")
            self._records[name] = _record(name, places[0])
        return self._records[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


@cache
def families() -> Mapping[str, Family]:
    """Return name -> record of every folder beside this file and of every installed package that offers a family."""
    found: dict[str, list[Source]] = {}
    for folder in Path(__file__).parent.iterdir():
        if (folder / "__init__.py").is_file():
            found[folder.name] = [Source(f"the folder models/{folder.name}", HERE + folder.name, "FAMILY")]
    for point in entry_points(group=GROUP):
        place = f"the package {point.dist.name} {point.dist.version}" if point.dist else f"entry point {point.value}"
        found.setdefault(point.name, []).append(Source(place, point.module, point.attr))
    return Families(dict(sorted(found.items())))


def _record(name: str, source: Source) -> Family:
    """Import a record and check it.

    Raises:
        ConfigError: it cannot be imported, or breaks a rule; the sentence names the folder or the package.
    """
    try:
        record = getattr(import_module(source.package), source.attribute or "FAMILY")
    except Exception as error:  # somebody else's code: whatever it raises, one sentence says whose it is
        reason = quoted(f"{type(error).__name__}: {error}")
        raise ConfigError(f"family {quoted(name)} of {source.place} cannot be imported: {reason}") from error
    if not isinstance(record, Family):
        raise ConfigError(
            f"family {quoted(name)} of {source.place}: {source.attribute} is a {type(record).__name__}, "
            "expected a gxtool.models.base.Family"
        )
    record = replace(record, package=source.package)
    problem = _problem(name, record)
    if problem:
        raise ConfigError(f"family {quoted(name)} of {source.place}: {problem}")
    return record


def _problem(name: str, record: Family) -> str:
    """Say which rule a record breaks, with what was expected; empty when it keeps them all."""
    if record.name != name:
        return f"its record says {quoted(record.name)}, expected the name of its folder or entry point"
    if not _NAME.fullmatch(name):
        return "its name needs small letters, digits, _ and -, a letter first and at most 50 characters"
    if not record.columns or record.columns[0].name != "sample" or not record.columns[0].required:
        first = quoted(record.columns[0].name) if record.columns else "missing"
        return f"its first column is {first}, expected a required column called 'sample', which names results"
    for label in ("group", "sample"):
        if not isinstance(getattr(record, label), Noun):
            return f"{label} is {quoted(getattr(record, label))}, expected a Noun, such as Noun('gene', 'genes')"
    return _presets_problem(record)


def _presets_problem(record: Family) -> str:
    presets = record.presets()
    for preset in presets:
        if preset not in record.parameters:
            return f"preset {preset} ({preset}.yaml) is missing from `parameters`, expected its number of parameters"
    for preset in (*record.parameters, record.default_preset, *(run.get("preset", "") for run in record.demo)):
        if preset and preset not in presets:
            return f"preset {quoted(preset)} has no YAML file in its folder{did_you_mean(preset, list(presets))}"
    return ""


def get_family(name: str) -> Family:
    """Return the family called `name`.

    Raises:
        ConfigError: there is none; the message names those there are.
    """
    known = families()
    if name not in known:
        near = did_you_mean(name, list(known))
        there = "" if near.startswith(", expected") else f" (there are {', '.join(known)})"
        raise ConfigError(f"--model {name}: no such family{near}{there}")
    return known[name]


def resolve_config(
    family: Family, preset: str = "", files: tuple[Path, ...] = (), assignments: tuple[str, ...] = ()
) -> Config:
    """Resolve field defaults <- preset <- user's files <- assignments into the family's configuration.

    Raises:
        ConfigError: an unknown preset, key or value.
    """
    layers = [preset_layer(family, preset), *typed_layers(family, files, assignments)]
    return resolve(family.load(family.config), layers)


def preset_layer(family: Family, preset: str = "") -> Layer:
    """Return what a preset says; empty: the family's default one.

    Raises:
        ConfigError: there is no such preset.
    """
    presets = family.presets()
    preset = preset or family.default_preset
    if preset not in presets:
        near = did_you_mean(preset, list(presets))
        raise ConfigError(f"--preset {preset}: {family.name} has no such preset{near}")
    return read_yaml(presets[preset])


def typed_layers(family: Family, files: tuple[Path, ...], assignments: tuple[str, ...]) -> list[Layer]:
    """Return what a person typed: the user's files, then assignments.

    Raises:
        ConfigError: a file that cannot be read, or an assignment without a value.
    """
    layers = [expand_layer_aliases(read_yaml(file), family.aliases) for file in files]
    return [*layers, parse_assignments(assignments, family.aliases)]
