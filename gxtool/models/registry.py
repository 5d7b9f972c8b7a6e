"""Families are found by their folders: no list to keep, nothing to register."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from gxtool.config import Config, Layer, expand_layer_aliases, parse_assignments, read_yaml, resolve
from gxtool.errors import ConfigError, did_you_mean, quoted
from gxtool.models.base import Family


@cache
def families() -> dict[str, Family]:
    """Return name -> record of every folder beside this file whose package defines FAMILY."""
    found = {}
    for folder in sorted(Path(__file__).parent.iterdir()):
        if (folder / "__init__.py").is_file():
            record = getattr(import_module(f"gxtool.models.{folder.name}"), "FAMILY", None)
            if isinstance(record, Family):
                if record.name != folder.name:
                    raise ConfigError(
                        f"models/{folder.name}: its record says {quoted(record.name)}, expected the folder's name"
                    )
                found[record.name] = record
    return found


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
