"""`gxtool evaluate`: models + dataset -> evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gxtool.cli import options


def command(
    checkpoints: options.Checkpoints = None,
    source: options.DatasetInput = None,
    output: Annotated[Path | None, options.writes("Folder of the evaluation.")] = None,
    model: options.OfModels = "",
    preset: options.PresetOfModels = "",
    config: options.ConfigFiles = None,
    assignments: options.Assignments = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Score trained models and their baselines on the test rows: models + dataset -> evaluation.

    `data`, `model` and `training` are those of the models; --set evaluation.FIELD=VALUE changes how they are scored.
    """
    from gxtool import api
    from gxtool.io.artifact import open_artifact

    options.need(checkpoints, "--checkpoint", "trained models; `gxtool train` makes them")
    options.need(source, "--input", "the dataset they were trained on; `gxtool tokenize` makes it")
    options.need(output, "--output", "the evaluation folder to write")
    settings = options.settings(model, preset, config, assignments)
    written = api.evaluate(checkpoints, source, output, settings, options.training_options(device, threads, overwrite))
    metrics = open_artifact(written, "evaluation").json("metrics.json")
    if as_json:
        import json

        typer.echo(json.dumps(metrics, indent=1))
        return
    from gxtool.cli.tables import print_scores

    print_scores(metrics)
