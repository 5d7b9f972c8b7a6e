"""`gxtool preprocess`: raw public files -> examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from gxtool.cli import options


def command(
    model: options.Model = "",
    source: options.RawInput = None,
    output: Annotated[Path | None, options.writes("Folder of examples.")] = None,
    preset: options.Preset = "",
    config: options.ConfigFiles = None,
    assignments: options.Assignments = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Read and check raw public files: a samplesheet or a folder -> examples."""
    from gxtool import api

    options.need(model, "--model", "the family to run; `gxtool families` lists them")
    options.need(source, "--input", "a samplesheet (make one with `gxtool init`) or a folder of raw data")
    options.need(output, "--output", "the folder of examples to write")
    settings = options.settings(model, preset, config, assignments)
    written = api.preprocess(source, output, settings, overwrite)
    options.announce(written, f"{written}: examples written", as_json)
