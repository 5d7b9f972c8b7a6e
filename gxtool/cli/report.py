"""`gxtool report`: artifacts -> one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gxtool.cli import options


def command(
    sources: Annotated[list[Path] | None, options.reads("Artifacts, or a folder of some; may be repeated.")] = None,
    output: Annotated[Path | None, options.writes("Folder for report.html.")] = None,
    plan: Annotated[Path | None, typer.Option(metavar="FILE", help="plan.json of the run.")] = None,
    title: Annotated[str, typer.Option(metavar="TEXT", help="Title of the page.")] = "Gene expression models",
) -> None:
    """Render everything below the inputs as one self-contained page: artifacts -> report.html."""
    from gxtool import api

    options.need(sources, "--input", "folders that hold evaluations, models and datasets, such as results/")
    options.need(output, "--output", "the folder for report.html")
    typer.echo(str(api.report(sources, output, plan, title)))
