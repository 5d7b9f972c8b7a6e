"""`gxtool simulate`: raw files in the true formats, with a planted signal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gxtool.cli import options
from gxtool.errors import UsageError


def command(
    model: options.Model = "",
    output: Annotated[Path | None, options.writes("Folder for the files.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every family there is, with a runs file for the demo.")] = False,
    size: Annotated[str, typer.Option(metavar="demo|full", help="How much to make.")] = "demo",
    layout: Annotated[
        str, typer.Option(metavar="NAME", help="Another layout of the family's inputs, such as tracks.")
    ] = "",
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed; the same seed makes the same files.")] = 1,
) -> None:
    """Make raw input files with a planted, known signal (never real data)."""
    from gxtool import api

    options.need(output, "--output", "the folder to write")
    if not every:
        options.need(model, "--model", "a family, or --all for every one")
    if every and layout:
        raise UsageError("--layout: is one family's, expected --model instead of --all beside it")
    typer.echo(f"{api.simulate(output, '' if every else model, size, seed, layout)}: simulated", err=True)
