"""Options that mean the same in every command, declared once."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gxtool.errors import UsageError
from gxtool.training.options import TrainOptions

if TYPE_CHECKING:
    from gxtool.models.settings import Settings

Model = Annotated[str, typer.Option("--model", "-m", metavar="NAME", help="Family; `gxtool families` lists them.")]
Preset = Annotated[str, typer.Option(metavar="NAME", help="Preset of the family (default: the family's own).")]
ConfigFiles = Annotated[
    list[Path] | None, typer.Option("--config", metavar="FILE", help="YAML with sections; may be repeated.")
]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", metavar="SECTION.FIELD=VALUE", help="Set one field; may be repeated.")
]
OfInput = Annotated[str, typer.Option("--model", "-m", metavar="NAME", help="Family (default: that of the input).")]
OfModels = Annotated[str, typer.Option("--model", "-m", metavar="NAME", help="Family (default: that of the models).")]
PresetOfModels = Annotated[str, typer.Option("--preset", metavar="NAME", help="Preset (default: that of the models).")]


def reads(what: str) -> typer.models.OptionInfo:
    """Return the option `--input` with what a stage reads."""
    return typer.Option("--input", "-i", metavar="PATH", help=what)


def writes(what: str) -> typer.models.OptionInfo:
    """Return the option `--output` with what a stage writes."""
    return typer.Option("--output", "-o", metavar="PATH", help=what)


RawInput = Annotated[Path | None, reads("Samplesheet (`gxtool init` makes one), or a folder of raw data.")]
DatasetInput = Annotated[Path | None, reads("Dataset; `gxtool tokenize` makes it.")]
Checkpoints = Annotated[
    list[Path] | None,
    typer.Option("--checkpoint", metavar="FOLDER", help="Trained model, or a folder of some; may be repeated."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an output of the same kind that exists.")]
Device = Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where to compute.")]
Threads = Annotated[int | None, typer.Option(metavar="N", min=1, help="CPU threads (default: resources.threads).")]
Name = Annotated[str, typer.Option("--name", metavar="RUN", help="Name that results carry (default: the preset).")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]

DEVICES = ("auto", "cpu", "cuda")
PUBLISHED = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Context settings of commands that accept a family's published option names, such as `--lr 0.01`."""


def need(value: object, option: str, sentence: str) -> None:
    """Refuse a command line that lacks an option, saying what it is and which command makes it.

    Raises:
        UsageError: `value` is empty.
    """
    if not value:
        raise UsageError(f"{option} is missing: {sentence}")


def published_options(extra: Sequence[str], aliases: Mapping[str, str]) -> tuple[list[str], dict[str, Path]]:
    """Split leftover arguments into assignments and paths, by the family's published option names.

    `--lr 0.01 --debug` becomes `lr=0.01`, `debug=true`; a name whose alias starts with `--` (`data_dir` is `--input`)
    is returned as a path under that option.

    Raises:
        UsageError: an option that neither the command nor the family knows.
    """
    assignments: list[str] = []
    paths: dict[str, Path] = {}
    waiting = list(extra)
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or name not in aliases:
            near = difflib.get_close_matches(name, list(aliases), n=1)
            raise UsageError(f"{word}: no such option" + (f", did you mean --{near[0]}?" if near else ""))
        if not equals:
            value = waiting.pop(0) if waiting and not waiting[0].startswith("--") else "true"
        if aliases[name].startswith("--"):
            paths[aliases[name]] = Path(value)
        else:
            assignments.append(f"{name}={value}")
    return assignments, paths


def settings(
    model: str, preset: str, config: list[Path] | None, assignments: list[str] | None, name: str = ""
) -> Settings:
    """Return what a stage is told besides its input and output."""
    from gxtool.models.settings import Settings

    return Settings(model, preset, tuple(config or ()), tuple(assignments or ()), name)


def training_options(device: str, threads: int | None, overwrite: bool) -> TrainOptions:
    """Return what the training room is told.

    Raises:
        UsageError: an unknown device.
    """
    if device not in DEVICES:
        raise UsageError(f"--device {device}: expected one of {', '.join(DEVICES)}")
    return TrainOptions(device=device, threads=threads, overwrite=overwrite)


def same(given: Path | None, published: Path | None, option: str) -> Path | None:
    """Return the one path given under either of two names.

    Raises:
        UsageError: both are given and differ.
    """
    if given and published and given != published:
        raise UsageError(f"{option}: given twice, as {given} and as {published}")
    return given or published


def announce(written: Path | Sequence[Path], sentence: str, as_json: bool) -> None:
    """Say for a person, on standard error, what was written; or print its manifest, or those of several, as JSON."""
    if not as_json:
        typer.echo(sentence, err=True)
        return
    import json

    from gxtool.io.artifact import describe

    described = describe(written) if isinstance(written, Path) else [describe(path) for path in written]
    typer.echo(json.dumps(described, indent=1))
