"""`compare`: paired on the same test rows, baselines included, and plain about what cannot be told apart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gxtool.errors import InputError
from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.measure.compare import compare
from gxtool.measure.faults import fault_of
from gxtool.measure.metrics import auroc

LABELS = np.array([0, 1] * 20)
GOOD = LABELS * 0.6 + np.linspace(0, 0.3, 40)
POOR = np.linspace(0, 1, 40)


def evaluation(
    folder: Path, run: str, predictions: dict[str, np.ndarray], baseline: float = 0.6, **facts: object
) -> None:
    """Write an evaluation of one seed per sample with one baseline, `linear`; `facts` replace those of metrics.json."""
    records, samples = [], []
    for sample, values in predictions.items():
        for gene, (label, value) in enumerate(zip(LABELS, values, strict=True)):
            records.append((sample, f"{gene:06}", int(label), "model", 1, 0, float(value)))
        score = auroc(LABELS, values) if np.isfinite(values).all() else float("nan")
        interval = {"estimate": score, "low": score - 0.1, "high": score + 0.1}
        theirs = {"estimate": baseline, "low": baseline - 0.1, "high": baseline + 0.1}
        test = {"difference": score - baseline, "low": -0.1, "high": 0.3, "p_value": 0.4, "n_units": 40}
        samples.append(
            {
                "sample": sample,
                "fault": fault_of(values),
                "n": 40,
                "n_positive": 20,
                "model": {"auroc": interval},
                "per_seed": [{"seed": 1, "fold": 0, "fault": fault_of(values), "auroc": score}],
                "baselines": {"linear": {"metrics": {"auroc": theirs}, "chosen": {}, "n_train": 100}},
                "tests": [{"baseline": "linear", "metric": "auroc", "method": "by hand", **test}],
            }
        )
    scores = [entry["model"]["auroc"]["estimate"] for entry in samples]
    metrics = {
        "run": run,
        "family": "toy",
        "preset": run,
        "primary": "auroc",
        "level": 0.95,
        "scheme": "file",
        "words": {"group": "gene", "groups": "genes", "sample": "cell type", "samples": "cell types"},
        "dataset_id": "d",
        "samples": samples,
        "overall": {
            "model": {"auroc": {"mean": float(np.mean(scores)), "median": float(np.median(scores))}},
            "baselines": {"linear": {"auroc": {"mean": baseline, "median": baseline}}},
        },
    }
    metrics = json.loads(json.dumps(metrics).replace('"auroc"', f'"{facts.get("primary", "auroc")}"')) | facts
    schema = ["sample", "group", "label", "predictor", "seed", "fold", "prediction"]
    with ArtifactWriter(folder / run, "evaluation", family="toy") as writer:
        writer.write_table("predictions.parquet", pl.DataFrame(records, schema=schema, orient="row"))
        writer.write_json("metrics.json", metrics)


def pairs(folder: Path) -> dict:
    content = open_artifact(compare([folder / "in"], folder / "out"), "comparison").json("comparison.json")
    return {(pair["a"], pair["b"]): pair for pair in content["pairs"]} | {"all": content}


def test_two_runs_on_one_sample_are_paired_over_its_genes(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "good", {"E123": GOOD})
    evaluation(tmp_path / "in", "poor", {"E123": POOR})
    pair = pairs(tmp_path)["good", "poor"]
    assert pair["difference"] == pytest.approx(auroc(LABELS, GOOD) - auroc(LABELS, POOR))
    assert (pair["unit"], pair["n_units"], pair["sample"], pair["verdict"]) == ("group", 40, "E123", "better")
    assert pair["p_holm"] >= pair["p_value"]


def test_claims_of_different_kinds_are_not_compared(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "genes", {"E123": GOOD}, scheme="chromosome")
    evaluation(tmp_path / "in", "genes-too", {"E123": POOR}, scheme="file")
    evaluation(tmp_path / "in", "cells", {"E123": POOR}, scheme="sample")
    evaluation(tmp_path / "in", "both", {"E123": POOR}, scheme="group_and_sample")
    runs = {pair for pair in pairs(tmp_path) if pair[0] != "a" and "linear" not in pair}
    assert runs - {"all"} == {("genes", "genes-too")}


def test_a_run_against_itself_is_not_distinguishable(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "a", {"E123": GOOD})
    evaluation(tmp_path / "in", "b", {"E123": GOOD})
    pair = pairs(tmp_path)["a", "b"]
    assert (pair["difference"], pair["verdict"]) == (0, "not distinguishable")


def test_a_baseline_that_wins_is_said_to_be_not_distinguishable_or_better(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "good", {"E123": GOOD}, baseline=0.99)
    found = pairs(tmp_path)
    assert found["good", "linear"]["verdict"] == "not distinguishable"
    assert found["good", "linear"]["kind"] == "baseline"
    assert found["all"]["verdict"] == (
        f"good reaches AUROC {auroc(LABELS, GOOD):.3f} on E123: "
        "not distinguishable from its strongest baseline, linear (0.990)."
    )


def test_six_samples_are_tested_over_samples(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    samples = {f"E{n:03}": GOOD + rng.normal(0, 0.05, 40) for n in range(7)}
    evaluation(tmp_path / "in", "good", samples)
    evaluation(tmp_path / "in", "poor", dict.fromkeys(samples, POOR))
    found = pairs(tmp_path)
    pair = found["good", "poor"]
    assert (pair["unit"], pair["n_units"], pair["sample"]) == ("sample", 7, None)
    # Seven of seven in favour: the exact two-sided p-value is 2 / 2**7.
    assert pair["p_value"] == pytest.approx(2 / 2**7)
    assert "on average over 7 cell types" in found["all"]["verdict"]


def test_runs_without_a_common_sample_are_not_compared(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "a", {"E003": GOOD})
    evaluation(tmp_path / "in", "b", {"E123": GOOD})
    assert ("a", "b") not in pairs(tmp_path)


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
    found = pairs(tmp_path)
    assert found["good", "poor"]["verdict"] == "better"
    assert {found[pair]["verdict"] for pair in found if "broken" in pair} == {"undefined"}
    assert found["all"]["verdict"].startswith("broken predicts NaN for some rows of E123. good reaches AUROC ")
    (entry,) = (run for run in found["all"]["runs"] if run["run"] == "broken")
    assert entry["mean"] is None


def test_a_run_that_failed_on_one_of_seven_samples_is_not_tested_on_the_other_six(tmp_path: Path) -> None:
    samples = [f"E{n:03}" for n in range(7)]
    evaluation(tmp_path / "in", "broken", {name: BROKEN if name == "E003" else GOOD for name in samples})
    evaluation(tmp_path / "in", "poor", dict.fromkeys(samples, POOR))
    found = pairs(tmp_path)
    pair = found["broken", "poor"]
    assert (pair["p_value"], pair["difference"], pair["verdict"]) == (None, None, "undefined")
    assert found["all"]["verdict"].startswith("broken predicts NaN for some rows of E003. poor reaches AUROC")


def test_when_no_run_has_a_score_the_verdict_says_so(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "broken", {"E123": BROKEN})
    assert (
        pairs(tmp_path)["all"]["verdict"] == "broken predicts NaN for some rows of E123. AUROC of broken is undefined."
    )


def test_a_constant_run_is_named_beside_its_score(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "flat", {"E123": np.full(40, 0.3)})
    verdict = pairs(tmp_path)["all"]["verdict"]
    assert verdict.startswith("flat predicts the same value for every row of E123. flat reaches AUROC 0.500 on E123")


def test_baselines_without_a_score_are_said_to_have_none(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "good", {"E123": GOOD}, baseline=float("nan"))
    assert pairs(tmp_path)["all"]["verdict"].endswith("on E123; AUROC of its baselines is undefined.")


def test_a_model_that_guesses_is_said_to_show_no_skill(tmp_path: Path) -> None:
    # Its interval is 0.1 around an AUROC of about one half.
    evaluation(tmp_path / "in", "guess", {"E003": POOR})
    verdict = pairs(tmp_path)["all"]["verdict"]
    assert verdict.startswith("guess reaches AUROC 0.5")
    assert "and shows no skill (guessing reaches 0.5)" in verdict


def test_other_splits_get_sentences_of_their_own(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "easy", {"E003": GOOD})
    evaluation(tmp_path / "in", "hard", {"E123": POOR}, scheme="group_and_sample")
    verdict = pairs(tmp_path)["all"]["verdict"]
    assert verdict.startswith("Judged on published files: easy reaches")
    assert "Judged on new genes in new cell types: hard reaches" in verdict


def test_runs_judged_by_other_metrics_are_never_compared(tmp_path: Path) -> None:
    evaluation(tmp_path / "in", "classes", {"E003": GOOD})
    evaluation(tmp_path / "in", "values", {"E003": GOOD}, primary="auprc")
    assert set(pairs(tmp_path)) == {("classes", "linear"), ("values", "linear"), "all"}
