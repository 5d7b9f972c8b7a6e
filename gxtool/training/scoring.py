"""Predictions become scores: intervals, curves and tests per sample, and summaries over samples. Numbers only.

Predictions come as a table with one row per predictor, seed and test row: row, sample, group, label, predictor
("model" or a baseline's name), seed and model (null for baselines), fold, prediction. Where several things were
measured of a row, each of them is a sample of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gxtool.measure.curves import calibration_curve, precision_recall_curve, roc_curve
from gxtool.measure.faults import fault_of, has_score
from gxtool.measure.metrics import find_metric, score
from gxtool.measure.statistics import Resampling, bootstrap_interval, compared_rows, distinguishable
from gxtool.measure.thresholds import steps_to_reach
from gxtool.models.base import Reference

MODEL = "model"
# Points of a scatter plot: more cannot be told apart, and would make the page heavy.
MAX_POINTS = 2000


@dataclass(frozen=True)
class Judge:
    """By which metrics, and with which resamples, everything of one evaluation is scored."""

    metrics: tuple[str, ...]
    kind: str
    resampling: Resampling

    @property
    def primary(self) -> str:
        """Return the metric that carries the verdict."""
        return self.metrics[0]


class Predicted(NamedTuple):
    """One predictor's test rows of one sample (n,): labels, test units (None: each row is one), predictions."""

    labels: np.ndarray
    units: np.ndarray | None
    predictions: np.ndarray


def predicted(table: pl.DataFrame, predictor: str) -> Predicted:
    """Average one predictor of one sample over seeds and folds, row by row."""
    rows = (
        table.filter(pl.col("predictor") == predictor)
        .group_by("row")
        .agg(pl.col("label").first(), pl.col("group").first(), pl.col("prediction").mean())
        .sort("row")
    )
    groups = rows["group"]
    units = None if groups.n_unique() == len(groups) else groups.to_physical().rank("dense").to_numpy()
    return Predicted(rows["label"].to_numpy(), units, rows["prediction"].to_numpy())


def sample_entry(
    judge: Judge,
    table: pl.DataFrame,
    models: Sequence[Mapping[str, Any]],
    baselines: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return everything metrics.json says of one sample.

    `models` has facts of each model, in the places that the table's column `model` counts; `baselines` has what was
    chosen for each baseline and on how many rows it was fitted.
    """
    own = predicted(table, MODEL)
    others = {name: predicted(table, name) for name in baselines}
    return {
        "sample": table["sample"][0],
        "fault": fault_of(own.predictions),
        "n": len(own.labels),
        "n_positive": int(own.labels.sum()) if judge.kind == "binary" else None,
        "model": _intervals(judge, own),
        "per_seed": _per_seed(judge, table, models),
        "baselines": {
            name: {"metrics": _intervals(judge, other), "fault": fault_of(other.predictions), **baselines[name]}
            for name, other in others.items()
        },
        "tests": [_test(judge, own, name, other) for name, other in others.items()],
    }


def sample_curves(judge: Judge, table: pl.DataFrame) -> dict[str, Any]:
    """Return the curves of every predictor of one sample; of a regression, predicted against measured values."""
    names = table["predictor"].unique(maintain_order=True).to_list()
    draw = _curves if judge.kind == "binary" else _scatter
    return {name: draw(_finite(predicted(table, name))) for name in names}


def _finite(rows: Predicted) -> Predicted:
    """Return the rows whose predictions can be drawn."""
    drawn = np.isfinite(rows.predictions)
    return Predicted(rows.labels[drawn], None, rows.predictions[drawn])


def overall(judge: Judge, samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Summarise estimates over samples: mean, median, smallest and largest, and the median of each seed."""
    seeds = sorted({entry["seed"] for sample in samples for entry in sample["per_seed"]})
    names = samples[0]["baselines"]

    def over_baselines(name: str, metric: str) -> list[float]:
        return [sample["baselines"][name]["metrics"][metric]["estimate"] for sample in samples]

    def over_seed(seed: int, metric: str) -> float:
        values = [entry[metric] for sample in samples for entry in sample["per_seed"] if entry["seed"] == seed]
        return float(np.median(values))

    return {
        "model": {metric: _spread([s["model"][metric]["estimate"] for s in samples]) for metric in judge.metrics},
        "baselines": {
            name: {metric: _spread(over_baselines(name, metric)) for metric in judge.metrics} for name in names
        },
        "per_seed": [{"seed": seed} | {metric: over_seed(seed, metric) for metric in judge.metrics} for seed in seeds],
    }


def passed(
    reference: Reference, sample: str | None, seed: int | None, history: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Say at which epoch and step of a training a published score was first reached on validation rows."""
    reached = steps_to_reach(history, f"val_{reference.metric}", reference.value)
    return {
        "reference": reference.name,
        "metric": reference.metric,
        "value": reference.value,
        "sample": sample,
        "seed": seed,
        "epoch": reached.epoch if reached else None,
        "step": reached.step if reached else None,
    }


def _per_seed(judge: Judge, table: pl.DataFrame, models: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    own = table.filter(pl.col("predictor") == MODEL)
    entries = []
    for (place,), rows in own.group_by("model", maintain_order=True):
        predictions = rows["prediction"].to_numpy()
        scores = score(judge.metrics, rows["label"].to_numpy(), predictions)
        entries.append({**models[place], "fault": fault_of(predictions), **scores})
    return sorted(entries, key=lambda entry: (entry["seed"], entry["fold"]))


def _intervals(judge: Judge, rows: Predicted) -> dict[str, Any]:
    """Score predictions by every metric, each with the interval that resampled test units give it.

    Predictions with NaN or infinity among them have no score.
    """
    if not has_score(rows.predictions):
        return {name: {"estimate": np.nan, "low": np.nan, "high": np.nan} for name in judge.metrics}
    found = {}
    for name in judge.metrics:
        interval = bootstrap_interval(
            find_metric(name).function, rows.labels, rows.predictions, groups=rows.units, resampling=judge.resampling
        )
        found[name] = {"estimate": interval.estimate, "low": interval.low, "high": interval.high}
    return found


def _test(judge: Judge, own: Predicted, name: str, other: Predicted) -> dict[str, Any]:
    """Test the model against one baseline on the primary metric: a paired bootstrap over test units."""
    result = compared_rows(
        find_metric(judge.primary).function,
        own.labels,
        own.predictions,
        other.predictions,
        groups=own.units,
        resampling=judge.resampling,
    )
    return {
        "baseline": name,
        "metric": judge.primary,
        "difference": result.difference,
        "low": result.low,
        "high": result.high,
        "p_value": result.p_value,
        "method": result.method,
        "n_units": result.n_units,
        "distinguishable": distinguishable(result, 1 - judge.resampling.level),
    }


def _curves(rows: Predicted) -> dict[str, Any]:
    if not len(rows.labels):
        return {"roc": {}, "precision_recall": {}, "calibration": {}}
    roc = roc_curve(rows.labels, rows.predictions)
    recall = precision_recall_curve(rows.labels, rows.predictions)
    calibration = calibration_curve(rows.labels, rows.predictions)
    return {
        "roc": {"fpr": roc.fpr, "tpr": roc.tpr},
        "precision_recall": {"recall": recall.recall, "precision": recall.precision},
        "calibration": calibration._asdict(),
    }


def _scatter(rows: Predicted) -> dict[str, Any]:
    """Return measured and predicted values, a seeded choice of rows where there are more than can be drawn."""
    chosen = np.arange(len(rows.labels))
    if len(chosen) > MAX_POINTS:
        chosen = np.sort(np.random.default_rng(0).choice(chosen, MAX_POINTS, replace=False))
    return {
        "scatter": {
            "target": np.round(rows.labels[chosen], 4).tolist(),
            "prediction": np.round(rows.predictions[chosen], 4).tolist(),
            "n": len(rows.labels),
        }
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "mean": float(np.mean(values)),
        "median": float(np.median(values)),
        "min": float(np.min(values)),
        "max": float(np.max(values)),
    }
