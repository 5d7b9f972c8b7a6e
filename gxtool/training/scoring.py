"""Predictions become scores, curves and verdicts: what metrics.json and curves.json say of them. Numbers only.

Predictions come as the table that `measure/answers.py` describes, with two columns more: the dataset's `row`, and the
`model`'s place among those that were scored (null for baselines). Where several things were measured of a row, each of
them is a sample of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gxtool.measure import verdict
from gxtool.measure.answers import MODEL, Answers, read_answers
from gxtool.measure.curves import calibration_curve, precision_recall_curve, roc_curve
from gxtool.measure.evidence import Predictions, Scored, scored
from gxtool.measure.faults import fault_of
from gxtool.measure.metrics import score
from gxtool.measure.sentences import Words, judgement_sentence
from gxtool.measure.thresholds import steps_to_reach
from gxtool.measure.verdict import Difference, Judgement, Question, Score, score_of
from gxtool.models.base import Reference

# Points of a scatter plot: more cannot be told apart, and would make the page heavy.
MAX_POINTS = 2000


@dataclass(frozen=True)
class Judge:
    """By which metrics everything of one evaluation is scored, how sure its verdicts are, and the words for them."""

    metrics: tuple[str, ...]
    kind: str
    question: Question
    words: Words

    @property
    def primary(self) -> str:
        """Return the metric that carries the verdict."""
        return self.metrics[0]


class Measured(NamedTuple):
    """One predictor under every metric: metric -> scores and what they rest on, and its predictions."""

    predictions: Predictions
    by_metric: Mapping[str, Scored]


def scores(
    judge: Judge,
    table: pl.DataFrame,
    run: str,
    models: Sequence[Mapping[str, Any]],
    chosen: Mapping[str, Mapping[str, Mapping[str, Any]]],
    where: str = "predictions",
) -> dict[str, Any]:
    """Return `samples` and `overall` of metrics.json; `where` names the table in messages.

    `models` has facts of each model, in the places that the table's column `model` counts; `chosen` has for each sample
    and baseline what was chosen for it and on how many rows it was fitted.
    """
    answers = read_answers(table, run, where)
    model, *baselines = (_measured(judge, answers, one) for one in answers.predictions.values())
    judgement = verdict.judge(
        model.by_metric[judge.primary], [one.by_metric[judge.primary] for one in baselines], judge.question
    )
    judged = {one.model.sample: one for one in judgement.by_sample}
    samples = []
    for (name,), rows in table.group_by("sample", maintain_order=True):
        entry = _sample(judge, answers, str(name), model, baselines)
        entry["per_seed"] = _per_seed(judge, rows, models)
        for baseline, facts in chosen[str(name)].items():
            entry["baselines"][baseline] |= facts
        samples.append(entry | _judged(judged.get(str(name), judgement)))
    return {"samples": samples, "overall": _overall(judge, samples, [model, *baselines]) | _sentence(judge, judgement)}


def _measured(judge: Judge, answers: Answers, predictions: Predictions) -> Measured:
    return Measured(predictions, {name: scored(answers.rows, predictions, name) for name in judge.metrics})


def _sample(
    judge: Judge, answers: Answers, name: str, model: Measured, baselines: Sequence[Measured]
) -> dict[str, Any]:
    """Return what metrics.json says of one sample, without its verdict and its single seeds."""
    places = answers.places(name)
    labels = answers.table["label"].to_numpy()[places]
    return {
        "sample": name,
        "fault": fault_of(model.predictions.values[:, places].mean(0)),
        "n": len(labels),
        "n_positive": int(labels.sum()) if judge.kind == "binary" else None,
        "model": _estimates(judge, model, name),
        "ensemble": _ensemble(model, name, places),
        "baselines": {
            one.predictions.name: {
                "metrics": _estimates(judge, one, name),
                "fault": fault_of(one.predictions.values[0, places]),
            }
            for one in baselines
        },
    }


def _estimates(judge: Judge, one: Measured, sample: str) -> dict[str, Any]:
    """Return metric -> estimate (mean over seeds), low and high of one sample; None where there is none."""
    asked = judge.question._replace(new_samples=False)
    found = {}
    for name, measured in one.by_metric.items():
        given = score_of(measured, asked, sample) if sample in measured.samples else None
        found[name] = {end: getattr(given, end, None) for end in ("estimate", "low", "high")}
    return found


def _ensemble(model: Measured, sample: str, places: np.ndarray) -> dict[str, float | None] | None:
    """Score the average over seeds, a predictor of its own, fold by fold.

    None for one seed, or where a prediction is no number.
    """
    values = model.predictions.values
    if len(values) < 2 or not np.isfinite(values[:, places]).all():
        return None
    average = values.mean(0)
    found: dict[str, float | None] = {}
    for metric, measured in model.by_metric.items():
        facts = measured.facts
        blocks = facts.blocks[facts.samples.index(sample)] if sample in facts.samples else ()
        by_fold = [score((metric,), block.labels, average[block.rows])[metric] for block in blocks]
        found[metric] = float(np.mean(by_fold)) if by_fold else None
    return found


def _judged(judgement: Judgement) -> dict[str, Any]:
    return {
        "verdict": judgement.verdict,
        "strongest": judgement.strongest,
        "has_skill": judgement.has_skill,
        "tests": [_test(one) for one in judgement.differences],
    }


def _test(difference: Difference) -> dict[str, Any]:
    """Return a test against a baseline as metrics.json has it."""
    content = asdict(difference)
    return {"baseline": content.pop("b"), **{key: content[key] for key in content if key not in ("a", "sample")}}


def _overall(judge: Judge, samples: Sequence[Mapping[str, Any]], measured: Sequence[Measured]) -> dict[str, Any]:
    """Summarise over samples: the mean with its interval, the smallest and the largest; and the mean of each seed.

    measured: the model, then its baselines.
    """
    model, *baselines = measured
    seeds = sorted({entry["seed"] for sample in samples for entry in sample["per_seed"]})

    def over_seed(seed: int, metric: str) -> float | None:
        values = [entry[metric] for sample in samples for entry in sample["per_seed"] if entry["seed"] == seed]
        return None if any(value is None or not np.isfinite(value) for value in values) else float(np.mean(values))

    return {
        "model": _spread(judge, model, [sample["model"] for sample in samples]),
        "baselines": {
            name: _spread(judge, one, [sample["baselines"][name]["metrics"] for sample in samples])
            for one in baselines
            for name in (one.predictions.name,)
        },
        "per_seed": [{"seed": seed} | {metric: over_seed(seed, metric) for metric in judge.metrics} for seed in seeds],
    }


def _spread(judge: Judge, one: Measured, samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = {}
    for name, measured in one.by_metric.items():
        mean: Score = score_of(measured, judge.question)
        values = [sample[name]["estimate"] for sample in samples]
        known = [value for value in values if value is not None]
        whole = len(known) == len(values)
        found[name] = {
            "mean": mean.estimate if whole else None,
            "low": mean.low if whole else None,
            "high": mean.high if whole else None,
            "min": min(known, default=None),
            "max": max(known, default=None),
        }
    return found


def _sentence(judge: Judge, judgement: Judgement) -> dict[str, Any]:
    sentence = judgement_sentence(judgement, judge.words, judge.question.level)
    return {"judgement": _judged(judgement) | {"recipe": judgement.recipe, "sentence": sentence}}


class Predicted(NamedTuple):
    """One predictor's test rows of one sample (n,): labels and predictions, averaged over seeds and folds."""

    labels: np.ndarray
    predictions: np.ndarray


def predicted(table: pl.DataFrame, predictor: str) -> Predicted:
    """Average one predictor of one sample over seeds and folds, row by row."""
    rows = (
        table.filter(pl.col("predictor") == predictor)
        .group_by("row")
        .agg(pl.col("label").first(), pl.col("prediction").mean())
        .sort("row")
    )
    return Predicted(rows["label"].to_numpy(), rows["prediction"].to_numpy())


def mean_scores(metrics: Sequence[str], table: pl.DataFrame) -> dict[str, float | None]:
    """Return the mean over seeds and folds of a model's scores of one sample; None where one is undefined."""
    own = table.filter(pl.col("predictor") == MODEL)
    each = [
        score(metrics, rows["label"].to_numpy(), rows["prediction"].to_numpy()) for _, rows in own.group_by("model")
    ]
    means = {name: float(np.mean([one[name] for one in each])) for name in metrics}
    return {name: value if np.isfinite(value) else None for name, value in means.items()}


def sample_curves(judge: Judge, table: pl.DataFrame) -> dict[str, Any]:
    """Return the curves of every predictor of one sample; of a regression, predicted against measured values."""
    names = table["predictor"].unique(maintain_order=True).to_list()
    draw = _curves if judge.kind == "binary" else _scatter
    return {name: draw(_finite(predicted(table, name))) for name in names}


def _finite(rows: Predicted) -> Predicted:
    """Return the rows whose predictions can be drawn."""
    drawn = np.isfinite(rows.predictions)
    return Predicted(rows.labels[drawn], rows.predictions[drawn])


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
        found = score(judge.metrics, rows["label"].to_numpy(), predictions)
        entries.append({**models[place], "fault": fault_of(predictions), **found})
    return sorted(entries, key=lambda entry: (entry["seed"], entry["fold"]))


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
