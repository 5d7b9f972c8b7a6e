"""Predictions that say nothing are named, have the scores they have, and stop no other predictor."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from gxtool.measure.faults import CONSTANT, INFINITE, NAN, fault_of, fault_sentences, listing
from gxtool.measure.metrics import METRICS, score
from gxtool.measure.sentences import Words
from gxtool.measure.verdict import Question
from gxtool.training.scoring import Judge, sample_curves, scores

WORDS = {"group": "gene", "groups": "genes", "sample": "cell type", "samples": "cell types"}


def judge_of(*metrics: str, kind: str = "regression") -> Judge:
    return Judge(metrics, kind, Question(), Words.of(WORDS))


@pytest.mark.parametrize(
    ("predictions", "fault"),
    [
        ([0.1, 0.2], ""),
        ([0.1] * 3, CONSTANT),
        ([0.1], ""),
        ([0.1, math.nan, 0.1], NAN),
        ([math.nan, math.inf], NAN),
        ([0.1, -math.inf], INFINITE),
        ([], ""),
    ],
)
def test_faults(predictions: list[float], fault: str) -> None:
    assert fault_of(predictions) == fault


def test_predictions_that_are_not_finite_have_no_score() -> None:
    names = [name for name, metric in METRICS.items() if metric.kind == "binary"]
    found = score(names, [0, 1, 1], [0.1, math.nan, 0.3])
    assert list(found) == names
    assert all(map(math.isnan, found.values()))


def test_a_constant_scores_what_a_constant_scores() -> None:
    found = score(["auroc", "auprc", "brier"], [0, 1, 1, 0], [0.5] * 4)
    assert found == {"auroc": 0.5, "auprc": 0.5, "brier": 0.25}
    found = score(["pearson", "r2_score", "mse"], [0.0, 2.0], [1.0, 1.0])
    assert math.isnan(found["pearson"])
    assert (found["r2_score"], found["mse"]) == (0.0, 1.0)


def test_listing_reads_as_a_sentence() -> None:
    assert listing([]) == ""
    assert listing(["a"]) == "a"
    assert listing([1, 2, 3]) == "1, 2 and 3"


def table(predictions: dict[int, list[float]]) -> pl.DataFrame:
    """Return test rows of one sample with the predictions of each seed, and of a baseline that is right."""
    labels = [0.0, 1.0, 2.0, 4.0]
    parts = [("model", seed, place, values) for place, (seed, values) in enumerate(predictions.items())]
    parts.append(("line", None, None, labels))
    return pl.concat(
        pl.DataFrame(
            {
                **{"row": range(4), "sample": "K562", "group": list("abcd"), "label": labels, "predictor": predictor},
                **{"seed": seed, "fold": 0, "model": place, "prediction": values},
            },
            schema_overrides={"seed": pl.Int64, "model": pl.Int64, "prediction": pl.Float64},
        )
        for predictor, seed, place, values in parts
    )


def metrics_of(predictions: dict[int, list[float]]) -> dict:
    models = [{"seed": seed, "fold": 0} for seed in predictions]
    found = scores(judge_of("pearson", "mse"), table(predictions), "tiny", models, {"K562": {"line": {"n_fit": 4}}})
    return {"run": "tiny", "words": WORDS, **found}


GOOD = [0.1, 1.2, 1.9, 4.4]


@pytest.mark.parametrize(
    ("predictions", "sentences"),
    [
        ({1: GOOD, 2: GOOD}, []),
        ({1: [3.0] * 4, 2: [5.0] * 4}, ["tiny predicts the same value for every row of K562."]),
        ({1: GOOD, 2: [5.0] * 4}, ["tiny predicts the same value for every row of K562 with seed 2."]),
        ({1: GOOD, 7: [math.nan, *GOOD[1:]]}, ["tiny predicts NaN for some rows of K562 with seed 7."]),
        ({1: [math.inf, *GOOD[1:]]}, ["tiny predicts infinite values for some rows of K562."]),
    ],
)
def test_runs_are_named_with_the_seeds_that_fail(predictions: dict, sentences: list[str]) -> None:
    assert fault_sentences(metrics_of(predictions)) == sentences


def test_many_samples_are_counted_in_the_familys_words() -> None:
    metrics = metrics_of({1: [3.0] * 4})
    metrics["samples"] = [{**metrics["samples"][0], "sample": f"s{i}"} for i in range(6)]
    assert fault_sentences(metrics) == ["tiny predicts the same value for every row of 6 cell types."]


def test_the_baseline_beside_it_is_scored_all_the_same() -> None:
    metrics = metrics_of({1: [math.nan] * 4})
    (entry,) = metrics["samples"]
    assert (entry["fault"], entry["baselines"]["line"]["fault"]) == (NAN, "")
    assert entry["model"]["mse"] == {"estimate": None, "low": None, "high": None}
    assert entry["baselines"]["line"]["metrics"]["mse"]["estimate"] == 0
    assert entry["tests"][0]["p_value"] is None
    assert metrics["overall"]["model"]["mse"]["mean"] is None
    curves = sample_curves(judge_of("pearson", "mse"), table({1: [math.nan, *GOOD[1:]]}))
    assert curves["model"]["scatter"]["prediction"] == GOOD[1:]


def test_curves_of_classes_that_cannot_be_drawn_are_empty() -> None:
    rows = table({1: [math.nan] * 4}).with_columns((pl.col("label") > 1).cast(pl.Float64).alias("label"))
    rows = rows.with_columns(
        pl.when(pl.col("predictor") == "line").then("label").otherwise("prediction").alias("prediction")
    )
    curves = sample_curves(judge_of("auroc", kind="binary"), rows)
    assert curves["model"] == {"roc": {}, "precision_recall": {}, "calibration": {}}
    assert np.asarray(curves["line"]["roc"]["tpr"]).max() == 1
