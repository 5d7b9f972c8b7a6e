"""`gxtool init`: a samplesheet and a configuration to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gxtool.cli import options


def command(
    model: options.Model = "",
    output: Annotated[Path | None, options.writes("Folder for both files (default: this one).")] = None,
    preset: options.Preset = "",
) -> None:
    """Write samplesheet.csv and config.yaml for a family, every field commented."""
    from gxtool import api

    options.need(model, "--model", "the family to start with; `gxtool families` lists them")
    for path in api.init(output or Path(), api.Settings(model, preset)):
        typer.echo(f"{path}: written", err=True)
