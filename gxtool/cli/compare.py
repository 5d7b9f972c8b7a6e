"""`gxtool compare`: evaluations -> comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gxtool.cli import options


def command(
    sources: Annotated[list[Path] | None, options.reads("Evaluations, or a folder of some; may be repeated.")] = None,
    output: Annotated[Path | None, options.writes("Folder of the comparison.")] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(help="RUN=OTHER: compare two runs. OTHER: compare every run with it. Default: the first run."),
    ] = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Compare runs with the runs they are asked about, on the same test rows: evaluations -> comparison."""
    from gxtool import api
    from gxtool.io.artifact import open_artifact

    options.need(sources, "--input", "evaluations, or a folder of some; `gxtool evaluate` makes them")
    options.need(output, "--output", "the comparison folder to write")
    written = api.compare(sources, output, overwrite, against or ())
    comparison = open_artifact(written, "comparison").json("comparison.json")
    if as_json:
        import json

        typer.echo(json.dumps(comparison, indent=1))
    else:
        typer.echo(comparison["verdict"], err=True)
