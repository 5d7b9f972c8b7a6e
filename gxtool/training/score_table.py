"""`score`: predictions that are there already, from an evaluation or any table, under the one verdict layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from gxtool.errors import ConfigError, InputError, did_you_mean, listed, quoted
from gxtool.io.artifact import is_artifact, open_artifact
from gxtool.io.prediction_table import read_prediction_table
from gxtool.measure.answers import MODEL
from gxtool.measure.compare import Evaluation
from gxtool.measure.metrics import METRICS
from gxtool.measure.scales import across_scales
from gxtool.measure.sentences import Words
from gxtool.measure.verdict import QUESTION, Question
from gxtool.training.scoring import Judge, scores

# What a predictor called `model` is called where another one is judged.
OTHER_MODEL = "the other model"
WORDS = {"group": "group", "groups": "groups", "sample": "sample", "samples": "samples"}


def score_predictions(
    source: Path, metrics: Sequence[str] = (), model: str = "", level: float | None = None, new_samples: bool = False
) -> dict[str, Any]:
    """Score the predictions of an evaluation, or of a table, and judge one predictor against all others.

    The first metric carries the verdict; without any, those of the evaluation, of a table AUROC for labels 0 and 1 and
    Pearson's r for others. `model` is the predictor of a table that is judged: `model`, or the first there is.

    Raises:
        InputError: no such table or predictor, or labels that the metric does not know.
        ConfigError: no such metric, or several of different kinds.
    """
    for name in metrics:
        if name not in METRICS:
            raise ConfigError(f"--metric {quoted(name)}: no such metric{did_you_mean(name, list(METRICS))}")
    if len({METRICS[name].kind for name in metrics}) > 1:
        raise ConfigError(f"--metric: {', '.join(metrics)} are of classes and of values, expected those of one kind")
    if is_artifact(Path(source)):
        return _of_evaluation(Path(source), metrics, level, new_samples)
    table = read_prediction_table(Path(source))
    if table.is_empty():
        raise InputError(f"{source}: has no rows, expected predictions")
    names = table["predictor"].unique(maintain_order=True).to_list()
    judged = model or (MODEL if MODEL in names else names[0])
    if judged not in names:
        raise InputError(f"{source}: has no predictor {quoted(judged)}, expected one of {listed(names)}")
    own = pl.col("predictor").replace({MODEL: OTHER_MODEL} | {judged: MODEL})
    chosen = tuple(metrics) or (("auroc",) if table["label"].is_in([0.0, 1.0]).all() else ("pearson",))
    question = Question(level or QUESTION.level, new_samples)
    judge = Judge(chosen, METRICS[chosen[0]].kind, question, Words.of(WORDS))
    return _scored(table.with_columns(predictor=own), judge, judged, str(source)) | {"scheme": "", "words": WORDS}


def _of_evaluation(folder: Path, metrics: Sequence[str], level: float | None, new_samples: bool) -> dict[str, Any]:
    evaluation = Evaluation.open(open_artifact(folder, "evaluation").checked())
    facts, asked = evaluation.metrics, evaluation.question
    question = Question(level or asked.level, new_samples or asked.new_samples)
    _require_one_scale(metrics, facts, folder)
    judge = Judge(tuple(metrics or facts["metrics"]), facts["kind"], question, Words.of(facts["words"]))
    found = _scored(evaluation.artifact.table("predictions.parquet"), judge, evaluation.run, str(folder))
    return found | {"scheme": facts["scheme"], "words": facts["words"]}


def _require_one_scale(metrics: Sequence[str], facts: Mapping[str, Any], folder: Path) -> None:
    """Check that no metric compares predictions with labels on another scale.

    Raises:
        ConfigError: one does.
    """
    other = facts.get("other_scale")
    wrong = [name for name in metrics if METRICS[name].needs_one_scale]
    if other and wrong:
        raise ConfigError(
            f"--metric {wrong[0]}: needs predictions and labels on one scale, but {folder} has test labels of "
            f"{listed(other['samples'])} on another; expected one of {', '.join(across_scales(facts['metrics']))}"
        )


def _scored(table: pl.DataFrame, judge: Judge, run: str, where: str) -> dict[str, Any]:
    """Return `samples` and `overall` of metrics.json, and what they are of."""
    # A model is a seed of a fold: a table says no more of it.
    models = table.filter(pl.col("predictor") == MODEL).select(pl.col("seed").fill_null(0), "fold").unique()
    models = models.sort("seed", "fold").with_row_index("model")
    numbered = table.with_columns(pl.col("seed").fill_null(0).alias("of"), row=pl.int_range(pl.len())).join(
        models, left_on=["of", "fold"], right_on=["seed", "fold"], how="left", maintain_order="left"
    )
    facts = models.select("seed", "fold").to_dicts()
    chosen: dict[str, Any] = {str(sample): {} for sample in table["sample"].unique()}
    return {
        "run": run,
        "primary": judge.primary,
        "metrics": list(judge.metrics),
        "kind": judge.kind,
        "level": judge.question.level,
        "role": "test",
        **scores(judge, numbered, run, facts, chosen, where),
    }
