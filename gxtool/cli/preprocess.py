"""`gxtool preprocess`: raw public files -> examples."""

from __future__ import annotations

import typer

from gxtool.cli import options


def command(
    model: options.Model = "",
    source: options.Input = None,
    output: options.Output = None,
    preset: options.Preset = "",
    config: options.ConfigFiles = None,
    assignments: options.Assignments = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Read and check raw public files: a samplesheet or a folder -> examples."""
    from gxtool import api

    options.need(model, "--model", "the family to run; `gxtool families` lists them")
    options.need(source, "--input", "a samplesheet (make one with `gxtool init`) or a folder of raw data")
    options.need(output, "--output", "the folder of examples to write")
    settings = options.settings(model, preset, config, assignments)
    typer.echo(f"{api.preprocess(source, output, settings, overwrite)}: examples written", err=True)
