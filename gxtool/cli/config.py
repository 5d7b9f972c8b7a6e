"""`gxtool config`: what a run will do, resolved and checked before anything is spent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gxtool.cli import options
from gxtool.errors import UsageError

SEEDS = "5"


def command(
    context: typer.Context,
    model: options.Model = "",
    preset: options.Preset = "",
    source: options.RawInput = None,
    output: Annotated[Path | None, options.writes("Plan to write (plan.json).")] = None,
    config: options.ConfigFiles = None,
    assignments: options.Assignments = None,
    runs: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Runs file: each run names its family, preset and seeds.")
    ] = None,
    seeds: Annotated[
        str, typer.Option(metavar="N|A,B", help="Number of seeds, or the seeds.", show_default=SEEDS)
    ] = "",
    task: Annotated[str, typer.Option(metavar="train|predict", help="What the run is for.", show_default="train")] = "",
    init: Annotated[
        str, typer.Option("--from", metavar="RUN|FOLDER", help="Models to start from or predict with.")
    ] = "",
    judge: Annotated[
        str,
        typer.Option("--judge", metavar="RUN|PRESET|FOLDER", help="Models that judge what all other runs design."),
    ] = "",
    typed: Annotated[str, typer.Option("--command", metavar="TEXT", help="What was typed, for the report.")] = "",
    base_dir: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Folder that relative paths of the samplesheet belong to.")
    ] = None,
) -> None:
    """Resolve, validate and write the plan of a run (plan.json).

    Without --output the resolved configuration is printed as YAML.
    """
    from dataclasses import replace

    from gxtool.models.plan import override, read_runs

    if runs:
        each = {
            "--model": model,
            "--preset": preset,
            "--from": init,
            "--seeds": seeds,
            "--task": task,
            "--judge": judge,
        }
        for option, value in each.items():
            if value:
                raise UsageError(f"--runs names what each run is, expected no {option} beside it")
        requests = [
            replace(request, files=tuple(config or ()), assignments=override(request.assignments, assignments or ()))
            for request in read_runs(runs, source, base_dir)
        ]
    else:
        options.need(model, "--model", "the family to run; `gxtool families` lists them")
        requests = _requests(context, locals())
    if not output:
        _print_resolved(requests)
        return
    from gxtool import api

    plan = api.plan(requests, output, typed)
    count = len({item["run"] for item in [*plan["train"], *plan["predict"]]})
    for note in plan["notes"]:
        typer.echo(note, err=True)
    typer.echo(f"{output}: {_many(count, 'run')}, {_many(len(plan['preprocess']), 'input')}", err=True)


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _requests(context: typer.Context, given: dict) -> list:
    """Return one request per preset named."""
    from gxtool.models.plan import TASKS, RunRequest, parse_seeds
    from gxtool.models.registry import get_family

    family = get_family(given["model"])
    extra, paths = options.published_options(context.args, family.aliases)
    source = options.same(given["source"], paths.get("--input"), "--input")
    if given["output"]:
        options.need(source, "--input", "a samplesheet (make one with `gxtool init`) or a folder of raw data")
    presets = [preset.strip() for preset in (given["preset"] or family.default_preset).split(",")]
    if not all(presets):
        few = ", ".join(family.presets())
        raise UsageError(f"--preset {given['preset']}: has no name beside a comma, expected presets such as {few}")
    # The judge is a run like the others, but for not being judged itself; alone it would have nobody to judge.
    judged = {preset: "" if preset == given["judge"] and len(presets) > 1 else given["judge"] for preset in presets}
    task = given["task"] or TASKS[0]
    if task not in TASKS:
        raise UsageError(f"--task {task}: expected one of {', '.join(TASKS)}")
    return [
        RunRequest(
            model=given["model"],
            preset=preset,
            input=source or Path(),
            task=task,
            init=given["init"],
            judge=judged[preset],
            files=tuple(given["config"] or ()),
            assignments=(*(given["assignments"] or ()), *extra),
            seeds=parse_seeds(given["seeds"] or SEEDS),
            base=given["base_dir"],
        )
        for preset in presets
    ]


def _print_resolved(requests: list) -> None:
    import yaml

    from gxtool.models.registry import get_family, resolve_config

    for request in requests:
        config = resolve_config(get_family(request.model), request.preset, request.files, request.assignments)
        typer.echo(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False), nl=False)
