"""`gxtool doctor`: what this machine has."""

from __future__ import annotations

import typer

from gxtool.cli import options


def command(as_json: options.Json = False) -> None:
    """Say what this machine has and lacks: packages, devices, memory, disk. Exit 5 when a stage cannot run."""
    from gxtool import api

    findings = api.doctor()
    if as_json:
        import json

        typer.echo(json.dumps(findings, indent=1))
    else:
        from gxtool.cli.tables import print_doctor

        print_doctor(findings)
    if not all(finding["ok"] for finding in findings):
        raise typer.Exit(5)
