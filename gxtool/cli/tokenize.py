"""`gxtool tokenize`: examples -> dataset."""

from __future__ import annotations

import typer

from gxtool.cli import options


def command(
    model: options.Model = "",
    sources: options.Inputs = None,
    output: options.Output = None,
    preset: options.Preset = "",
    config: options.ConfigFiles = None,
    assignments: options.Assignments = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Encode examples and assign splits: examples -> dataset."""
    from gxtool import api

    options.need(model, "--model", "the family to run; `gxtool families` lists them")
    options.need(sources, "--input", "one or more folders of examples; `gxtool preprocess` makes them")
    options.need(output, "--output", "the dataset folder to write")
    settings = options.settings(model, preset, config, assignments)
    typer.echo(f"{api.tokenize(sources, output, settings, overwrite)}: dataset written", err=True)
