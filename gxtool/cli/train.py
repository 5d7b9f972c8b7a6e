"""`gxtool train`: dataset -> trained models."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gxtool.cli import options
from gxtool.training.options import DEFAULT_OPTIONS


def command(
    context: typer.Context,
    model: options.OfInput = "",
    source: options.DatasetInput = None,
    output: Annotated[Path | None, options.writes("Folder of the models; each has one of its own in it.")] = None,
    preset: options.Preset = "",
    config: options.ConfigFiles = None,
    assignments: options.Assignments = None,
    seeds: Annotated[str, typer.Option(metavar="N|A,B", help="Number of seeds, or the seeds.")] = "1",
    samples: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A sample to train a model for; may be repeated (default: all)."),
    ] = None,
    folds: Annotated[str, typer.Option(metavar="A,B", help="Folds of the split scheme.")] = "0",
    init: Annotated[Path | None, typer.Option("--from", metavar="FOLDER", help="Trained model to start from.")] = None,
    name: options.Name = "",
    checkpoint_dir: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where progress is kept (default: beside the output).")
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for a process that trains the same model.")
    ] = DEFAULT_OPTIONS.wait_seconds,
    device: options.Device = "auto",
    threads: options.Threads = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Train one model per sample and seed: dataset -> models. Killed and run again, it goes on exactly.

    `data` is the dataset's; --set model.FIELD=VALUE and training.FIELD=VALUE change the rest.
    """
    from gxtool import api
    from gxtool.names import check_run

    if name:
        check_run(name, "--name")
    extra, paths = options.published_options(context.args, _aliases(model, source))
    source = options.same(source, paths.get("--input"), "--input")
    output = options.same(output, paths.get("--output"), "--output")
    made = f"`gxtool preprocess --model {model or 'NAME'}` and then `gxtool tokenize` make it"
    options.need(source, "--input", f"the dataset to train on; {made}")
    options.need(output, "--output", "the folder for the trained models")
    settings = options.settings(model, preset, config, [*(assignments or ()), *extra], name)
    units = api.parse_units(samples or (), seeds, folds)
    from gxtool.cli.progress import TrainingProgress

    with TrainingProgress() as progress:
        chosen = options.training_options(device, threads, overwrite)
        chosen = replace(chosen, checkpoint_dir=checkpoint_dir, init=init, wait_seconds=wait)
        chosen = replace(chosen, on_progress=progress.update)
        written = api.train(source, output, settings, units, chosen)
    if os.environ.get("RANK", "0") == "0":  # under torchrun, one process speaks for all
        options.announce(written, f"{output}: {len(written)} model(s) trained", as_json)


def _aliases(model: str, source: Path | None) -> Mapping[str, str]:
    """Return the published option names of the family that is named, or else of the dataset's."""
    from gxtool.io.artifact import open_artifact
    from gxtool.models.registry import get_family

    name = model or (open_artifact(source, "dataset").manifest.family if source else "")
    return get_family(name).aliases if name else {}
