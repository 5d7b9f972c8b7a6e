"""`gxtool perturb`: models + dataset -> effects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from gxtool.cli import options


def command(
    checkpoints: options.Checkpoints = None,
    source: options.DatasetInput = None,
    output: Annotated[Path | None, options.writes("Folder of effects.")] = None,
    model: options.OfModels = "",
    preset: options.PresetOfModels = "",
    config: options.ConfigFiles = None,
    assignments: options.Assignments = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Change the input of trained models and read the change of the output: models + dataset -> effects.

    `data`, `model` and `training` are those of the models; --set perturb.FIELD=VALUE changes what is tried.
    """
    from gxtool import api

    options.need(checkpoints, "--checkpoint", "trained models; `gxtool train` makes them")
    options.need(source, "--input", "the dataset whose test rows are changed; `gxtool tokenize` makes it")
    options.need(output, "--output", "the folder of effects to write")
    settings = options.settings(model, preset, config, assignments)
    chosen = options.training_options(device, threads, overwrite)
    written = api.perturb(checkpoints, source, output, settings, chosen)
    options.announce(written, f"{written}: effects written", as_json)
