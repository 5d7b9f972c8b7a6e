"""`gxtool tokenize`: examples -> dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from gxtool.cli import options


def command(
    model: options.OfInput = "",
    sources: Annotated[list[Path] | None, options.reads("Examples (`gxtool preprocess`); may be repeated.")] = None,
    output: Annotated[Path | None, options.writes("Folder of the dataset.")] = None,
    preset: options.Preset = "",
    config: options.ConfigFiles = None,
    assignments: options.Assignments = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Encode examples and assign splits: examples -> dataset.

    How files were read is taken from the examples; --set data.FIELD=VALUE sets target and split.
    """
    from gxtool import api

    options.need(sources, "--input", "one or more folders of examples; `gxtool preprocess` makes them")
    options.need(output, "--output", "the dataset folder to write")
    settings = options.settings(model, preset, config, assignments)
    written = api.tokenize(sources, output, settings, overwrite)
    options.announce(written, f"{written}: dataset written", as_json)
