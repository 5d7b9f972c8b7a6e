"""`gxtool perturb`: models + dataset -> effects."""

from __future__ import annotations

import typer

from gxtool.cli import options


def command(
    checkpoints: options.Checkpoints = None,
    source: options.Input = None,
    output: options.Output = None,
    model: options.Model = "",
    preset: options.Preset = "",
    config: options.ConfigFiles = None,
    assignments: options.Assignments = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Change the input of trained models and read the change of the output: models + dataset -> effects."""
    from gxtool import api

    options.need(checkpoints, "--checkpoint", "trained models; `gxtool train` makes them")
    options.need(source, "--input", "the dataset whose test rows are changed; `gxtool tokenize` makes it")
    options.need(output, "--output", "the folder of effects to write")
    settings = options.settings(model or api.family_of(checkpoints), preset, config, assignments)
    chosen = options.training_options(device, threads, overwrite)
    typer.echo(f"{api.perturb(checkpoints, source, output, settings, chosen)}: effects written", err=True)
