"""`gxtool score`: predictions → scores with intervals, and how a model stands to the other predictors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gxtool.cli import options


def command(
    source: Annotated[
        Path | None, options.reads("A table of predictions (Parquet, CSV or TSV; docs/output.md), or an evaluation.")
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metric", help="Metric; may be repeated, the first carries the verdict. Default: AUROC or r."),
    ] = None,
    predictor: Annotated[str, typer.Option(help="Predictor that is judged against all others. Default: model.")] = "",
    new_samples: Annotated[
        bool,
        typer.Option("--new-samples", help="Ask about samples that are not in the table (six or more are needed)."),
    ] = False,
    level: Annotated[
        float | None, typer.Option(min=0.5, max=0.999, help="Confidence level of intervals. Default: 0.95.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Score predictions that are there already, and judge a model against the other predictors."""
    from gxtool import api

    options.need(source, "--input", "a table of predictions, or an evaluation")
    metrics_json = api.score(source, metrics or (), predictor=predictor, new_samples=new_samples, level=level)
    if as_json:
        import json

        typer.echo(json.dumps(metrics_json, indent=1))
        return
    from gxtool.cli.tables import print_scores

    print_scores(metrics_json)
