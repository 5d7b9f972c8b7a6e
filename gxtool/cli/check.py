"""`gxtool check`: look at inputs before anything is spent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gxtool.cli import options


def command(
    sheet: Annotated[Path, typer.Argument(metavar="SHEET", help="Samplesheet, or a folder of raw data.")],
    model: options.Model = "",
    preset: options.Preset = "",
    config: options.ConfigFiles = None,
    assignments: options.Assignments = None,
    as_json: options.Json = False,
) -> None:
    """Say in seconds what is recognised in the inputs, what would end a run or looks wrong, and what a run will cost.

    The exit code is that of the run: 0, or 3 and 4 where bad input or a bad configuration would end it.
    """
    from dataclasses import asdict

    from gxtool import api

    options.need(model, "--model", "the family the inputs are for; `gxtool families` lists them")
    found = api.check(sheet, options.settings(model, preset, config, assignments))
    if as_json:
        import json

        typer.echo(json.dumps(asdict(found), indent=1))
    else:
        from gxtool.cli.tables import print_check

        print_check(found)
    raise typer.Exit(found.exit_code)
