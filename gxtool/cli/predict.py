"""`gxtool predict`: models + new inputs -> predictions."""

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
    """Predict new inputs with trained models: models + dataset, samplesheet or folder -> predictions."""
    from gxtool import api

    options.need(checkpoints, "--checkpoint", "trained models; `gxtool train` makes them")
    options.need(source, "--input", "a dataset, or a samplesheet or folder of raw data as in training")
    options.need(output, "--output", "the folder of predictions to write")
    settings = options.settings(model or api.family_of(checkpoints), preset, config, assignments)
    written = api.predict(checkpoints, source, output, settings, options.training_options(device, threads, overwrite))
    typer.echo(f"{written}: predictions written", err=True)
