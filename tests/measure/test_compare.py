"""`compare`: runs against those they are asked about, on the same test rows; plain about what cannot be told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gxtool.errors import InputError
from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.measure.compare import compare
from gxtool.measure.metrics import auroc
from gxtool.measure.sentences import Words
from gxtool.measure.verdict import Question
from gxtool.training.scoring import Judge, scores

LABELS = np.array([0, 1] * 20)
GOOD = LABELS * 0.6 + np.linspace(0, 0.3, 40)
POOR = np.linspace(0, 1, 40)
# Two genes in three are ordered rightly.
LINEAR = LABELS * 0.2 + np.linspace(0, 1, 40)[::-1] * 0.6
WORDS = {"group": "gene", "groups": "genes", "sample": "cell type", "samples": "cell types"}


def evaluation(
    folder: Path, run: str, predictions: dict[str, np.ndarray], baseline: np.ndarray = LINEAR, **facts: object
) -> None:
    """Write an evaluation of seeds (rows of the predictions) beside the baseline `linear`; `facts` are metrics."""
    records = []
    for sample, values in predictions.items():
        for seed, own in enumerate(np.atleast_2d(values), 1):
            records += [(sample, f"{g:06}", int(y), "model", seed, 0, v, g, seed - 1) for g, y, v in _genes(own)]
        records += [(sample, f"{g:06}", int(y), "linear", None, 0, v, g, None) for g, y, v in _genes(baseline)]
    schema = ["sample", "group", "label", "predictor", "seed", "fold", "prediction", "row", "model"]
    table = pl.DataFrame(records, schema=schema, orient="row", infer_schema_length=None)
    metric = str(facts.get("primary", "auroc"))
    models = [{"seed": seed, "fold": 0} for seed in table["seed"].drop_nulls().unique().sort()]
    judge = Judge((metric,), "binary", Question(float(str(facts.get("level", 0.95)))), Words.of(WORDS))
    chosen = {sample: {"linear": {"chosen": {}, "n_train": 100}} for sample in predictions}
    metrics = {
        "run": run,
        "family": "toy",
        "preset": run,
        "primary": metric,
        "level": 0.95,
        "scheme": "file",
        "words": WORDS,
        "dataset_id": "d",
        **scores(judge, table, run, models, chosen),
    } | facts
    with ArtifactWriter(folder / run, "evaluation", family="toy") as writer:
        writer.write_table("predictions.parquet", table.drop("row", "model"))
        writer.write_json("metrics.json", metrics)


def _genes(values: np.ndarray) -> list[tuple[int, int, float]]:
    return [(gene, label, float(value)) for gene, (label, value) in enumerate(zip(LABELS, values, strict=True))]


def comparison(folder: Path, *against: str) -> dict:
    written = compare([folder / "in"], folder / "out", overwrite=True, against=against)
    return open_artifact(written, "comparison").json("comparison.json")


def pairs(folder: Path, *against: str) -> dict:
    content = comparison(folder, *against)
    return {(p["a"], p["b"]): p for p in content["pairs"] if p["sample"] is None} | {"all": content}


def test_two_runs_on_one_sample_are_paired_over_its_genes(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "good", {"E123": GOOD})
    evaluation(tmp_path / "in", "poor", {"E123": POOR})
    found = pairs(tmp_path)
    pair = found["poor", "good"]
    assert pair["difference"] == pytest.approx(auroc(LABELS, POOR) - auroc(LABELS, GOOD))
    assert (pair["n_units"], pair["n_samples"], pair["verdict"]) == (40, 1, "worse")
    assert found["all"]["verdict"].startswith(f"good reaches AUROC {auroc(LABELS, GOOD):.3f}")
    assert "poor is worse than good (AUROC " in found["all"]["verdict"]


def test_claims_of_different_kinds_are_not_compared(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "genes", {"E123": GOOD}, scheme="chromosome")
    evaluation(tmp_path / "in", "genes-too", {"E123": POOR}, scheme="chromosome")
    evaluation(tmp_path / "in", "cells", {"E123": POOR}, scheme="sample")
    evaluation(tmp_path / "in", "both", {"E123": POOR}, scheme="group_and_sample")
    assert set(pairs(tmp_path)) == {("genes-too", "genes"), "all"}


def test_a_run_against_itself_shows_no_difference(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "a", {"E123": GOOD})
    evaluation(tmp_path / "in", "b", {"E123": GOOD})
    pair = pairs(tmp_path)["b", "a"]
    assert (pair["difference"], pair["p_value"], pair["verdict"]) == (0, 1, "no clear difference")


def test_a_better_baseline_is_said_to_be_better(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "poor", {"E123": POOR}, baseline=GOOD)
    verdict = pairs(tmp_path)["all"]["verdict"]
    assert verdict.endswith("shows no skill (guessing reaches 0.5): these trained models are worse than linear.")


def test_samples_that_share_genes_are_judged_together_and_one_by_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    samples = {f"E{n:03}": GOOD + rng.normal(0, 0.05, 40) for n in range(7)}
    evaluation(tmp_path / "in", "good", samples)
    evaluation(tmp_path / "in", "poor", dict.fromkeys(samples, POOR))
    content = comparison(tmp_path)
    whole, *each = content["pairs"]
    assert (whole["sample"], whole["n_units"], whole["n_samples"], whole["n_comparisons"]) == (None, 40, 7, 1)
    assert [pair["sample"] for pair in each] == sorted(samples)
    assert {pair["n_comparisons"] for pair in each} == {7}
    assert "on average over 7 cell types" in content["verdict"]
    assert "Cell types one by one, poor against good: worse in all 7 cell types." in content["verdict"]


def test_default_is_every_run_against_the_first_and_against_asks_for_others(tmp_path: Path) -> None:
    for run, values in (("a", GOOD), ("b", POOR), ("c", LINEAR)):
        evaluation(tmp_path / "in", run, {"E123": values})
    assert set(pairs(tmp_path)) == {("b", "a"), ("c", "a"), "all"}
    assert set(pairs(tmp_path, "b=c")) == {("b", "c"), "all"}
    found = pairs(tmp_path, "c", "a=b")
    assert set(found) == {("a", "c"), ("b", "c"), ("a", "b"), "all"}
    assert found["a", "b"]["n_comparisons"] == 3


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("d", "no run 'd' among the evaluations, expected one of a, b"),
        ("a=a", "is the run itself"),
        ("a=classes", "a: toy, auroc, file; classes: toy, auprc, file"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_refused(tmp_path: Path, asked: str, sentence: str) -> None:
    evaluation(tmp_path / "in", "a", {"E123": GOOD})
    evaluation(tmp_path / "in", "b", {"E123": POOR})
    evaluation(tmp_path / "in", "classes", {"E123": POOR}, primary="auprc")
    with pytest.raises(InputError, match=sentence):
        compare([tmp_path / "in"], tmp_path / "out", against=[asked])
    assert not (tmp_path / "out").exists()


def test_many_runs_are_summed_up_in_two_sentences(tmp_path: Path) -> None:
    for n in range(6):
        evaluation(tmp_path / "in", f"run{n}", {"E123": GOOD if n else POOR})
    verdict = comparison(tmp_path)["verdict"]
    assert verdict.startswith("6 runs against their baselines: better: run1, run2, run3, run4 and run5; ")
    assert verdict.endswith("5 runs compared with run0: better: run1, run2, run3, run4 and run5.")
    asked = (*(f"run{n}=run0" for n in range(2, 6)), "run0=run1")
    assert comparison(tmp_path, *asked)["verdict"].endswith("1 run compared with run1: worse: run0.")


def test_seeds_are_averaged_as_scores_and_not_as_predictions(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "one", {"E123": GOOD})
    evaluation(tmp_path / "in", "three", {"E123": np.stack([GOOD, POOR, LINEAR])})
    mean = np.mean([auroc(LABELS, own) for own in (GOOD, POOR, LINEAR)])
    assert pairs(tmp_path)["three", "one"]["difference"] == pytest.approx(mean - auroc(LABELS, GOOD))


def test_runs_without_a_common_sample_are_not_compared(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "a", {"E003": GOOD})
    evaluation(tmp_path / "in", "b", {"E123": GOOD})
    assert set(pairs(tmp_path)) == {"all"}


def test_nothing_to_compare_and_a_run_twice_are_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="no artifact of kind evaluation"):
        compare([tmp_path / "in"], tmp_path / "out")
    evaluation(tmp_path / "in" / "x", "a", {"E123": GOOD})
    evaluation(tmp_path / "in" / "y", "a", {"E123": GOOD})
    with pytest.raises(InputError, match="run a: evaluated twice"):
        compare([tmp_path / "in"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


BROKEN = np.where(np.arange(40) == 7, np.nan, GOOD)


def test_a_run_of_nan_predictions_is_named_and_the_others_are_compared(tmp_path: Path) -> None:
    for run, values in (("broken", BROKEN), ("good", GOOD), ("poor", POOR)):
        evaluation(tmp_path / "in", run, {"E123": values})
    found = pairs(tmp_path, "good", "poor=broken")
    assert found["poor", "good"]["verdict"] == "worse"
    assert {found[pair]["verdict"] for pair in found if "broken" in pair} == {"none"}
    assert found["all"]["verdict"].startswith(
        "broken predicts NaN for some rows of E123. broken is not compared: NaN predictions for 1 of 40 rows. good "
    )
    (entry,) = (run for run in found["all"]["runs"] if run["run"] == "broken")
    assert (entry["mean"], entry["verdict"]) == (None, "none")


def test_a_run_that_failed_on_one_of_seven_samples_is_compared_on_each_of_the_other_six(tmp_path: Path) -> None:
    samples = [f"E{n:03}" for n in range(7)]
    evaluation(tmp_path / "in", "broken", {name: BROKEN if name == "E003" else GOOD for name in samples})
    evaluation(tmp_path / "in", "poor", dict.fromkeys(samples, POOR))
    whole, *each = comparison(tmp_path)["pairs"]
    assert (whole["p_value"], whole["difference"], whole["verdict"]) == (None, None, "none")
    assert [pair["verdict"] for pair in each] == ["worse"] * 3 + ["none"] + ["worse"] * 3
    metrics = open_artifact(tmp_path / "in" / "broken").json("metrics.json")
    estimates = [sample["model"]["auroc"]["estimate"] for sample in metrics["samples"]]
    assert [value is None for value in estimates] == [name == "E003" for name in samples]
    assert metrics["overall"]["model"]["auroc"]["mean"] is None


def test_a_constant_run_is_named_beside_its_score(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "flat", {"E123": np.full(40, 0.3)})
    assert comparison(tmp_path)["verdict"] == (
        "flat predicts the same value for every row of E123. "
        "flat reaches AUROC 0.500 and is not compared: constant predictions."
    )


def test_baselines_without_a_score_are_not_compared(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "good", {"E123": GOOD}, baseline=np.full(40, np.nan))
    assert comparison(tmp_path)["verdict"].endswith(
        ": no baseline was compared (linear: NaN predictions for 40 of 40 rows)."
    )


def test_other_splits_get_sentences_of_their_own(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "easy", {"E003": GOOD})
    evaluation(tmp_path / "in", "hard", {"E003": POOR}, scheme="group_and_sample")
    found = pairs(tmp_path)
    assert set(found) == {"all"}
    verdict = found["all"]["verdict"]
    assert verdict.startswith("Judged on published files: easy reaches")
    assert "Judged on new genes in new cell types: hard reaches" in verdict


def test_runs_judged_by_other_metrics_are_never_compared(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "classes", {"E003": GOOD})
    evaluation(tmp_path / "in", "values", {"E003": GOOD}, primary="auprc")
    assert set(pairs(tmp_path)) == {"all"}


def test_intervals_of_two_levels_are_refused(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "a", {"E003": GOOD})
    evaluation(tmp_path / "in", "b", {"E003": GOOD}, level=0.9)
    with pytest.raises(InputError, match=r"run b: has intervals of level 0.9, expected 0.95 as the others"):
        compare([tmp_path / "in"], tmp_path / "out")
