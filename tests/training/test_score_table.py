"""`score` judges any table of predictions as `evaluate` does, and says what is wrong with one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import toy_family

from gxtool.errors import ConfigError, GxtoolError
from gxtool.io.artifact import open_artifact
from gxtool.models.base import Unit
from gxtool.training.evaluate import evaluate
from gxtool.training.options import TrainOptions
from gxtool.training.run import train
from gxtool.training.score_table import score_predictions

# Predictor, seed and noise.
PREDICTORS = (("model", 1, 0.3), ("model", 2, 0.3), ("linear", None, 1), ("k_mers", None, 2))


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    """Three predictors of 40 genes in two cell types, the model with two seeds."""
    random = np.random.default_rng(0)
    parts = []
    for sample in ("K562", "H1"):
        labels = random.normal(size=40)
        for predictor, seed, noise in PREDICTORS:
            parts.append(
                pl.DataFrame(
                    {
                        "sample": sample,
                        "group": [f"ENSG{n:03}" for n in range(40)],
                        "label": labels,
                        "predictor": predictor,
                        "seed": pl.Series([seed] * 40, dtype=pl.Int64),
                        "prediction": labels + noise * random.normal(size=40),
                    }
                )
            )
    return pl.concat(parts)


def test_model_is_judged_against_all_others(table: pl.DataFrame, tmp_path: Path) -> None:
    table.write_parquet(tmp_path / "predictions.parquet")
    found = score_predictions(tmp_path / "predictions.parquet", ["pearson", "mse"])
    judgement = found["overall"]["judgement"]
    assert (judgement["verdict"], judgement["strongest"]) == ("better", "linear")
    own = table.filter((pl.col("predictor") == "model") & (pl.col("sample") == "H1"))
    each = [np.corrcoef(rows["label"], rows["prediction"])[0, 1] for _, rows in own.group_by("seed")]
    (h1,) = (sample for sample in found["samples"] if sample["sample"] == "H1")
    assert h1["model"]["pearson"]["estimate"] == pytest.approx(np.mean(each))
    assert [entry["seed"] for entry in h1["per_seed"]] == [1, 2]


def test_text_and_parquet_say_the_same_and_columns_may_be_left_out(table: pl.DataFrame, tmp_path: Path) -> None:
    one = table.filter((pl.col("sample") == "H1") & ((pl.col("seed") == 1) | pl.col("seed").is_null()))
    plain = one.select("label", "predictor", "prediction")
    plain.write_csv(tmp_path / "predictions.tsv", separator="\t")
    one.write_parquet(tmp_path / "predictions.parquet")
    short, whole = (score_predictions(tmp_path / f"predictions.{ending}") for ending in ("tsv", "parquet"))
    assert [sample["sample"] for sample in short["samples"]] == ["all"]
    assert short["overall"]["model"]["pearson"] == pytest.approx(whole["overall"]["model"]["pearson"])


def test_order_of_rows_changes_nothing(table: pl.DataFrame, tmp_path: Path) -> None:
    table.write_parquet(tmp_path / "a.parquet")
    table.sample(fraction=1, shuffle=True, seed=1).write_parquet(tmp_path / "b.parquet")
    first, second = (score_predictions(tmp_path / f"{name}.parquet") for name in "ab")
    assert first["overall"]["model"]["pearson"] == pytest.approx(second["overall"]["model"]["pearson"])
    assert first["overall"]["judgement"]["verdict"] == second["overall"]["judgement"]["verdict"]


def test_any_predictor_can_be_judged_under_a_metric_of_classes(table: pl.DataFrame, tmp_path: Path) -> None:
    table.with_columns(label=(pl.col("label") > 0).cast(pl.Int8)).write_csv(tmp_path / "p.csv")
    found = score_predictions(tmp_path / "p.csv", model="k_mers")
    assert (found["run"], found["primary"]) == ("k_mers", "auroc")
    assert found["overall"]["judgement"]["verdict"] == "worse"
    assert list(found["samples"][0]["baselines"]) == ["the other model", "linear"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"prediction": None}, r"has no column prediction, found 'sample', 'group', 'label', 'predictor', 'seed'"),
        ({"label": pl.lit("high")}, r"row 1: label is 'high', expected numbers"),
        ({"seed": pl.lit("first")}, r"row 1: seed is 'first', expected whole numbers"),
        ({"sample": pl.lit(None, pl.String)}, r"row 1 has no sample, expected one in every row"),
        (
            {"predictor": pl.when(pl.col("group") == "ENSG007").then(pl.lit("odd")).otherwise("predictor")},
            r"'odd' has 2 rows or labels that differ from the 78 of model",
        ),
    ],
)
def test_what_is_wrong_with_a_table_is_one_sentence(
    table: pl.DataFrame, tmp_path: Path, change: dict, sentence: str
) -> None:
    (name, value) = next(iter(change.items()))
    changed = table.drop(name) if value is None else table.with_columns(value.alias(name))
    changed.write_csv(tmp_path / "p.csv")
    with pytest.raises(GxtoolError, match=sentence):
        score_predictions(tmp_path / "p.csv")


def test_metrics_that_are_unknown_or_of_two_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such metric, did you mean auroc"):
        score_predictions(tmp_path / "p.csv", ["aurok"])
    with pytest.raises(ConfigError, match="are of classes and of values"):
        score_predictions(tmp_path / "p.csv", ["auroc", "pearson"])


def test_an_evaluation_scored_again_says_what_it_said(dataset: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("gxtool.models.registry.families", lambda: {"toy": toy_family.FAMILY})
    train(dataset, tmp_path / "models", toy_family.run(), [Unit("lung", 1), Unit("lung", 2)], TrainOptions())
    evaluate([tmp_path / "models"], dataset, tmp_path / "evaluation")
    said = open_artifact(tmp_path / "evaluation").json("metrics.json")
    again = json.loads(json.dumps(score_predictions(tmp_path / "evaluation")))
    assert again["overall"]["judgement"] == said["overall"]["judgement"]
    assert [sample["model"] for sample in again["samples"]] == [sample["model"] for sample in said["samples"]]


def test_average_over_seeds_is_scored_fold_by_fold(tmp_path: Path) -> None:
    """Each fold's model has an offset of its own, which only a score over all rows would see."""
    random = np.random.default_rng(1)
    labels = random.normal(size=120)
    folds = np.repeat([0, 1], 60)
    noise = [random.normal(scale=0.5, size=120) for _ in range(2)]
    lines = [
        {"sample": "a", "group": f"g{n}", "label": labels[n], "predictor": "model", "seed": seed, "fold": int(folds[n]),
         "prediction": labels[n] + noise[seed][n] + 10 * float(folds[n])}
        for seed in range(2)
        for n in range(120)
    ]  # fmt: skip
    pl.DataFrame(lines).write_parquet(tmp_path / "predictions.parquet")
    found = score_predictions(tmp_path / "predictions.parquet", ("pearson",))
    average = labels + (noise[0] + noise[1]) / 2
    expected = np.mean([np.corrcoef(labels[folds == fold], average[folds == fold])[0, 1] for fold in (0, 1)])
    assert found["samples"][0]["ensemble"]["pearson"] == pytest.approx(expected)
