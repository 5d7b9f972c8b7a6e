"""`gxtool design`: models + models that judge + dataset -> designs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gxtool.cli import options


def command(
    checkpoints: options.Checkpoints = None,
    judges: Annotated[
        list[Path] | None,
        typer.Option("--judge", metavar="FOLDER", help="Models of another run, for a second opinion; may be repeated."),
    ] = None,
    source: options.DatasetInput = None,
    output: Annotated[Path | None, options.writes("Folder of designs.")] = None,
    model: options.OfModels = "",
    preset: options.PresetOfModels = "",
    config: options.ConfigFiles = None,
    assignments: options.Assignments = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Edit sequences towards a design goal, judged by other models: models + dataset -> designs.

    `data`, `model` and `training` are those of the models; --set design.FIELD=VALUE sets goal, search and constraints.
    """
    from gxtool import api
    from gxtool.io.artifact import open_artifact

    options.need(checkpoints, "--checkpoint", "trained models, which the search asks; `gxtool train` makes them")
    options.need(judges, "--judge", "trained models of another run, of another kind of network at best")
    options.need(source, "--input", "the dataset that they were trained on; `gxtool tokenize` makes it")
    options.need(output, "--output", "the folder of designs to write")
    settings = options.settings(model, preset, config, assignments)
    chosen = options.training_options(device, threads, overwrite)
    written = api.design(checkpoints, judges, source, output, settings, chosen)
    manifest = open_artifact(written, "designs").manifest
    dropped = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in manifest.dropped.items() if count)
    without = f" ({dropped})" if dropped else ""
    options.announce(written, f"{written}: {manifest.rows['proposals']} sequences proposed{without}", as_json)
