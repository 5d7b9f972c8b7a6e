"""What a person says of a family and its configuration, on a command line or in a notebook."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from gxtool.config import Config
from gxtool.errors import UsageError
from gxtool.models.base import Family
from gxtool.models.registry import get_family, resolve_config

Place = str | PathLike[str]
Places = Place | Sequence[Place]
Fields = Mapping[str, Any] | Sequence[str]
"""Fields of the configuration: `{"training.epochs": 5}`, or `("training.epochs=5",)`."""


@dataclass(frozen=True)
class Settings:
    """Which family in which configuration: what every stage is told besides its input and output.

    model   family; empty: that of the artifacts that a stage reads
    config  YAML files, later ones win
    set     single fields, which win over all files
    name    name that results carry; empty: the preset's
    """

    model: str = ""
    preset: str = ""
    config: Places = ()
    set: Fields = ()
    name: str = ""

    @property
    def family(self) -> Family:
        """Return the family's record.

        Raises:
            UsageError: no family is named.
        """
        if not self.model:
            raise UsageError("model is missing: the family to work with; gxtool.families() lists them")
        return get_family(self.model)

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the YAML files as paths."""
        return tuple(paths(self.config))

    @property
    def assignments(self) -> tuple[str, ...]:
        """Return the single fields as `section.field=value`."""
        if isinstance(self.set, Mapping):
            return tuple(f"{name}={json.dumps(value)}" for name, value in self.set.items())
        return tuple(self.set)

    def resolve(self) -> Config:
        """Return the validated configuration of a stage that reads raw files."""
        return resolve_config(self.family, self.preset, self.files, self.assignments)


def paths(places: Places) -> list[Path]:
    """Return one path, or several, as a list."""
    return [Path(places)] if isinstance(places, (str, PathLike)) else [Path(place) for place in places]
