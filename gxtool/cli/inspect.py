"""`gxtool inspect`: what an artifact is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gxtool.cli import options
from gxtool.errors import InputError


def command(
    path: Annotated[Path, typer.Argument(metavar="FOLDER", help="An artifact.")],
    verify: Annotated[bool, typer.Option("--verify", help="Hash the content again and compare.")] = False,
    as_json: options.Json = False,
) -> None:
    """Show what an artifact holds and where it came from; --verify re-hashes its content."""
    from gxtool.io import artifact

    opened = artifact.open_artifact(path)
    if as_json:
        import json

        typer.echo(json.dumps(artifact.describe(path), indent=1))
    else:
        from gxtool.cli.tables import print_manifest

        print_manifest(opened)
    if verify:
        problems = artifact.verify(opened)
        if problems:
            raise InputError(f"{path}: {'; '.join(problems)}")
        typer.echo(f"{path}: content is as the manifest says", err=True)
