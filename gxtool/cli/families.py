"""`gxtool families`: what can be trained."""

from __future__ import annotations

import typer

from gxtool.cli import options


def command(as_json: options.Json = False) -> None:
    """List every family with its presets, parameter counts, inputs and metrics."""
    from gxtool import api

    listed = api.families()
    if as_json:
        import json

        typer.echo(json.dumps(listed, indent=1))
        return
    from gxtool.cli.tables import print_families

    print_families(listed)
