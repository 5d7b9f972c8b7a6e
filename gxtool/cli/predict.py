"""`gxtool predict`: models + new inputs -> predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from gxtool.cli import options


def command(
    checkpoints: options.Checkpoints = None,
    source: Annotated[Path | None, options.reads("Dataset, or samplesheet or folder of raw data.")] = None,
    output: Annotated[Path | None, options.writes("Folder of predictions.")] = None,
    model: options.OfModels = "",
    preset: options.PresetOfModels = "",
    config: options.ConfigFiles = None,
    assignments: options.Assignments = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Predict new inputs with trained models: models + dataset, samplesheet or folder -> predictions.

    Raw data is prepared as the models' training data was; --set may only say how new files are written.
    """
    from gxtool import api

    options.need(checkpoints, "--checkpoint", "trained models; `gxtool train` makes them")
    options.need(source, "--input", "a dataset, or a samplesheet or folder of raw data as in training")
    options.need(output, "--output", "the folder of predictions to write")
    settings = options.settings(model, preset, config, assignments)
    written = api.predict(checkpoints, source, output, settings, options.training_options(device, threads, overwrite))
    options.announce(written, f"{written}: predictions written", as_json)
