"""Models and baselines are judged on the same test rows; what must not be judged is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import toy_family

from gxtool.errors import ConfigError, InputError
from gxtool.io.artifact import ArtifactWriter, open_artifact, verify
from gxtool.io.dataset import Dataset
from gxtool.measure.baselines import BaselineResult, Split
from gxtool.measure.compare import compare
from gxtool.measure.faults import fault_sentences
from gxtool.measure.metrics import auroc
from gxtool.measure.requirements import column_of, needs
from gxtool.models.base import Unit
from gxtool.training.evaluate import evaluate
from gxtool.training.run import TrainOptions, train

UNITS = [Unit("liver", 1), Unit("liver", 2), Unit("lung", 1), Unit("lung", 2)]


@pytest.fixture(scope="module")
def models(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("judged") / "models"
    train(dataset, output, toy_family.run(), UNITS, TrainOptions())
    return output


@pytest.fixture(scope="module")
def evaluation(models: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gxtool.models.registry.families", lambda: {"toy": toy_family.FAMILY})
        return evaluate([models], dataset, tmp_path_factory.mktemp("judged") / "evaluation")


def changed(dataset: Path, path: Path, **new: Any) -> Path:
    """Write the dataset again with other arrays, rows, splits, scheme or names of its numbers."""
    opened = Dataset.open(dataset)
    info = dict(opened.artifact.manifest.info) | new.pop("info", {})
    with ArtifactWriter(path, "dataset", family=new.pop("family", "toy")) as writer:
        for name, array in {**opened.arrays, **new.pop("arrays", {})}.items():
            writer.write_array(f"{name}.npy", np.asarray(array))
        writer.write_table("rows.parquet", new.pop("rows", opened.rows))
        writer.write_table("splits.parquet", new.pop("splits", opened.splits))
        writer.describe(info=info)
    return path


def test_metrics_say_what_was_judged_and_how(evaluation: Path, dataset: Path, models: Path) -> None:
    artifact = open_artifact(evaluation, "evaluation", "toy")
    content = artifact.json("metrics.json")
    assert verify(artifact) == []
    wanted = {
        "run": "toy-run",
        "family": "toy",
        "preset": "small",
        "kind": "binary",
        "primary": "auroc",
        "metrics": ["auroc", "accuracy", "brier"],
        "scheme": "file",
        "role": "test",
        "level": 0.9,
        "dataset_id": open_artifact(dataset).id,
    }
    assert {key: content[key] for key in wanted} == wanted
    ids = sorted(open_artifact(models / unit.name).id for unit in UNITS)
    assert content["looks"] == [{"role": "test", "dataset_id": wanted["dataset_id"], "model_ids": ids}]
    assert len(artifact.manifest.parents) == 5


def test_every_sample_is_scored_over_seeds_and_for_each_seed(evaluation: Path, models: Path) -> None:
    content = json.loads((evaluation / "metrics.json").read_text())
    table = pl.read_parquet(evaluation / "predictions.parquet")
    assert [(sample["sample"], sample["n"]) for sample in content["samples"]] == [("liver", 23), ("lung", 15)]
    for sample in content["samples"]:
        own = table.filter((pl.col("sample") == sample["sample"]) & (pl.col("predictor") == "model"))
        mean = own.group_by("group").agg(pl.col("label").first(), pl.col("prediction").mean())
        score = sample["model"]["auroc"]
        assert score["estimate"] == pytest.approx(np.mean([entry["auroc"] for entry in sample["per_seed"]]))
        assert sample["ensemble"]["auroc"] == pytest.approx(auroc(mean["label"], mean["prediction"]))
        assert (score["low"] is None) == (min(sample["n_positive"], sample["n"] - sample["n_positive"]) < 10)
        assert sample["n_positive"] == mean["label"].sum()
        for entry in sample["per_seed"]:
            rows = own.filter(pl.col("seed") == entry["seed"])
            assert entry["auroc"] == pytest.approx(auroc(rows["label"], rows["prediction"]))
            folder = models / f"{sample['sample']}-seed{entry['seed']}-fold0"
            assert (entry["model_id"], entry["n_parameters"], entry["fold"]) == (open_artifact(folder).id, 32, 0)
        assert [entry["seed"] for entry in sample["per_seed"]] == [1, 2]


def test_baselines_stand_beside_the_model_with_a_paired_test(evaluation: Path) -> None:
    liver = json.loads((evaluation / "metrics.json").read_text())["samples"][0]
    assert list(liver["baselines"]) == ["first_number", "train_mean"]
    assert liver["baselines"]["first_number"]["chosen"] == {"feature": "x"}
    assert liver["baselines"]["first_number"]["n_train"] == 47
    assert liver["baselines"]["train_mean"]["metrics"]["auroc"]["estimate"] == 0.5
    assert (liver["baselines"]["train_mean"]["fault"], liver["strongest"]) == ("constant", "first_number")
    test = next(test for test in liver["tests"] if test["baseline"] == "train_mean")
    # A constant has a score, and is no predictor that a model is compared with.
    assert (test["metric"], test["verdict"], test["p_value"]) == ("auroc", "none", None)
    assert test["remark"] == "train_mean: constant predictions"


def test_overall_summarises_samples_and_seeds(evaluation: Path) -> None:
    content = json.loads((evaluation / "metrics.json").read_text())
    values = [sample["model"]["auroc"]["estimate"] for sample in content["samples"]]
    overall = content["overall"]["model"]["auroc"]
    expected = {"mean": sum(values) / 2, "min": min(values), "max": max(values)}
    assert {name: overall[name] for name in expected} == pytest.approx(expected)
    judgement = content["overall"]["judgement"]
    assert judgement["sentence"].startswith(f"toy-run reaches AUROC {overall['mean']:.3f}")
    assert [test["baseline"] for test in judgement["tests"]] == ["first_number", "train_mean"]
    assert content["overall"]["baselines"]["train_mean"]["auroc"]["max"] == 0.5
    assert [entry["seed"] for entry in content["overall"]["per_seed"]] == [1, 2]


def test_references_are_passed_at_an_epoch_or_never(evaluation: Path, models: Path) -> None:
    content = json.loads((evaluation / "metrics.json").read_text())
    assert [reference["name"] for reference in content["references"]] == ["easy", "never"]
    assert len(content["passed"]) == 2 * len(UNITS)
    first = json.loads((models / "liver-seed1-fold0" / "metrics.jsonl").read_text().splitlines()[0])
    easy = next(entry for entry in content["passed"] if (entry["reference"], entry["seed"]) == ("easy", 1))
    assert first["val_auroc"] > 0.51
    assert (easy["sample"], easy["fold"], easy["epoch"], easy["step"]) == ("liver", 0, 1, 5)
    never = [entry for entry in content["passed"] if entry["reference"] == "never"]
    assert {entry["epoch"] for entry in never} == {None}


def test_published_scores_stand_beside_their_own_benchmark_alone(
    evaluation: Path, models: Path, dataset: Path, tmp_path: Path
) -> None:
    content = json.loads((evaluation / "metrics.json").read_text())
    assert content["benchmark"] == "toy benchmark"
    assert {reference["benchmark"] for reference in content["references"]} == {"toy benchmark"}
    splits = Dataset.open(dataset).splits
    last = splits.filter(pl.col("role") == "test")["row"].max()
    others = {
        "a test row less": {"splits": splits.filter(pl.col("row") != last)},
        "simulated": {"info": {"simulated": True}},
    }
    for name, change in others.items():
        other = changed(dataset, tmp_path / name, **change)
        scored = evaluate([models], other, tmp_path / f"{name}, scored")
        content = json.loads((scored / "metrics.json").read_text())
        assert (content["benchmark"], content["references"], content["passed"]) == ("", [], [])


def test_curves_and_predictions_cover_every_predictor(evaluation: Path) -> None:
    curves = json.loads((evaluation / "curves.json").read_text())
    assert {sample: sorted(names) for sample, names in curves.items()} == {
        sample: ["first_number", "model", "train_mean"] for sample in ("liver", "lung")
    }
    liver = curves["liver"]["model"]
    assert list(liver["roc"]) == ["fpr", "tpr"]
    assert liver["roc"]["fpr"][0] == 0
    assert liver["roc"]["tpr"][-1] == 1
    assert sorted(liver["precision_recall"]) == ["precision", "recall"]
    assert sorted(liver["calibration"]) == ["count", "fraction_positive", "high", "low", "mean_predicted"]
    table = pl.read_parquet(evaluation / "predictions.parquet")
    assert table.columns == ["sample", "group", "label", "predictor", "seed", "fold", "prediction"]
    counts = table.group_by("predictor").len().sort("predictor")
    assert counts.rows() == [("first_number", 38), ("model", 2 * 38), ("train_mean", 38)]
    assert table.filter(pl.col("predictor") != "model")["seed"].null_count() == 2 * 38


def test_model_of_all_samples_is_judged_on_each_and_baselines_are_pooled(
    pooled: Path, dataset: Path, tmp_path: Path
) -> None:
    evaluate([pooled], dataset, tmp_path / "e")
    content = json.loads((tmp_path / "e" / "metrics.json").read_text())
    assert [sample["sample"] for sample in content["samples"]] == ["liver", "lung"]
    assert [sample["n"] for sample in content["samples"]] == [23, 15]
    assert {sample["baselines"]["first_number"]["n_train"] for sample in content["samples"]} == {78}


def test_baselines_can_be_chosen_and_limited(models: Path, dataset: Path, tmp_path: Path) -> None:
    config = toy_family.run().config
    section = config.evaluation.model_copy(update={"baselines": ("train_mean",), "baseline_max_rows": 12})
    limited = config.model_copy(update={"evaluation": section})
    evaluate([models / "liver-seed1-fold0"], dataset, tmp_path / "e", limited)
    (sample,) = json.loads((tmp_path / "e" / "metrics.json").read_text())["samples"]
    assert {name: entry["n_train"] for name, entry in sample["baselines"].items()} == {"train_mean": 12}
    section = section.model_copy(update={"baselines": ("train_man",)})
    with pytest.raises(ConfigError, match="toy has none called train_man, did you mean train_mean?"):
        evaluate([models], dataset, tmp_path / "x", config.model_copy(update={"evaluation": section}))


def test_another_look_needs_overwrite_and_is_added(models: Path, dataset: Path, tmp_path: Path) -> None:
    one = [models / "liver-seed1-fold0"]
    evaluate(one, dataset, tmp_path / "e")
    with pytest.raises(InputError, match="e: exists already"):
        evaluate(one, dataset, tmp_path / "e")
    evaluate([models], dataset, tmp_path / "e", options=TrainOptions(overwrite=True))
    looks = json.loads((tmp_path / "e" / "metrics.json").read_text())["looks"]
    assert [len(look["model_ids"]) for look in looks] == [1, 4]


def test_dataset_of_another_family_is_refused(models: Path, dataset: Path, tmp_path: Path) -> None:
    other = changed(dataset, tmp_path / "d", family="bear")
    with pytest.raises(InputError, match="d: belongs to family bear, expected toy"):
        evaluate([models], other, tmp_path / "e")


def test_rows_of_another_kind_are_refused_by_name(models: Path, dataset: Path, tmp_path: Path) -> None:
    swapped = changed(dataset, tmp_path / "swapped", info={"names": ["y", "x", "z"]})
    with pytest.raises(InputError, match=r"names is \['y', 'x', 'z'\], expected \['x', 'y', 'z'\] as the model"):
        evaluate([models], swapped, tmp_path / "e")
    wide = np.zeros((155, 4), np.float32)
    wider = changed(dataset, tmp_path / "wider", arrays={"numbers": wide})
    with pytest.raises(InputError, match=r"shapes is \{'numbers': \[4\]\}, expected \{'numbers': \[3\]\}"):
        evaluate([models], wider, tmp_path / "e")


def test_missing_and_uniform_labels_are_refused(models: Path, dataset: Path, tmp_path: Path) -> None:
    unlabelled = toy_family.write_dataset(tmp_path / "unlabelled", labelled=False)
    with pytest.raises(InputError, match="has no labels.npy, expected a dataset with labels"):
        evaluate([models], unlabelled, tmp_path / "e")
    labels = np.asarray(Dataset.open(dataset).arrays["labels"]).copy()
    labels[Dataset.open(dataset).indices("test", 0, "lung")] = 1
    uniform = changed(dataset, tmp_path / "uniform", arrays={"labels": labels})
    with pytest.raises(InputError, match="test rows of sample lung: all 15 labels are 1, expected both classes"):
        evaluate([models], uniform, tmp_path / "e")


def test_group_on_both_sides_of_the_split_is_refused(models: Path, pooled: Path, dataset: Path, tmp_path: Path) -> None:
    rows = Dataset.open(dataset).rows
    # Row 3 of liver is tested, row 0 of liver and row 94 of lung are trained on.
    same_sample = rows.with_columns(pl.when(pl.col("row") == 3).then(pl.lit("g0000")).otherwise("group").alias("group"))
    leaking = changed(dataset, tmp_path / "leaking", rows=same_sample)
    with pytest.raises(InputError, match="1 groups such as g0000 have train and test rows in fold 0"):
        evaluate([models], leaking, tmp_path / "e")
    across = rows.with_columns(pl.when(pl.col("row") == 3).then(pl.lit("g0094")).otherwise("group").alias("group"))
    shared = changed(dataset, tmp_path / "shared", rows=across)
    evaluate([models], shared, tmp_path / "fine")
    with pytest.raises(InputError, match="1 groups such as g0094 have train and test rows in fold 0"):
        evaluate([pooled], shared, tmp_path / "e")


def test_only_random_rows_may_share_groups_between_train_and_val(models: Path, dataset: Path, tmp_path: Path) -> None:
    rows = Dataset.open(dataset).rows
    # Row 1 validates, row 0 is trained on.
    rows = rows.with_columns(pl.when(pl.col("row") == 1).then(pl.lit("g0000")).otherwise("group").alias("group"))
    with pytest.raises(InputError, match="1 groups such as g0000 have train and val rows"):
        evaluate([models], changed(dataset, tmp_path / "file", rows=rows), tmp_path / "e")
    published = changed(dataset, tmp_path / "random", rows=rows, info={"scheme": "random_rows"})
    evaluate([models], published, tmp_path / "e")


def test_left_out_samples_may_share_groups_and_no_sample(tmp_path: Path) -> None:
    three = toy_family.write_dataset(tmp_path / "three", {"liver": 40, "brain": 20, "lung": 30})
    opened = Dataset.open(three)
    roles = opened.rows["sample"].replace_strict({"liver": "train", "brain": "val", "lung": "test"}).alias("role")
    splits = opened.splits.with_columns(roles)
    # Row 0 is liver's, row 60 lung's: the same group in two samples.
    rows = opened.rows.with_columns(
        pl.when(pl.col("row") == 60).then(pl.lit("g0000")).otherwise("group").alias("group")
    )
    left_out = changed(three, tmp_path / "left-out", rows=rows, splits=splits, info={"scheme": "sample"})
    pooled = tmp_path / "pooled"
    train(left_out, pooled, toy_family.run(), [Unit(None, 5)], TrainOptions())
    evaluate([pooled], left_out, tmp_path / "fine")
    assert json.loads((tmp_path / "fine/metrics.json").read_text())["scheme"] == "sample"
    both_new = changed(three, tmp_path / "both", rows=rows, splits=splits, info={"scheme": "group_and_sample"})
    with pytest.raises(InputError, match="1 groups such as g0000 have train and test rows in fold 0"):
        evaluate([pooled], both_new, tmp_path / "e")
    torn = splits.with_columns(pl.when(pl.col("row") == 60).then(pl.lit("train")).otherwise("role").alias("role"))
    mixed = changed(three, tmp_path / "mixed", splits=torn, info={"scheme": "sample"})
    with pytest.raises(InputError, match="1 samples such as lung have train and test rows in fold 0"):
        evaluate([pooled], mixed, tmp_path / "e")


def test_models_of_two_runs_are_not_mixed(models: Path, dataset: Path, tmp_path: Path) -> None:
    train(dataset, tmp_path / "other", toy_family.run(name="other", epochs=1), [Unit("liver", 9)], TrainOptions())
    with pytest.raises(InputError, match="is a model of run other, expected toy-run as .*; evaluate one run at a time"):
        evaluate([models, tmp_path / "other"], dataset, tmp_path / "e")
    with pytest.raises(InputError, match="is the same model as"):
        evaluate([models, models / "liver-seed1-fold0"], dataset, tmp_path / "e")
    assert not (tmp_path / "e").exists()


def test_a_baseline_that_does_not_apply_is_left_out_and_said_so(
    models: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picky = needs(column_of("w", "number"))(lambda split, seed: pytest.fail("was fitted"))
    monkeypatch.setattr(toy_family, "picky", picky, raising=False)
    family = replace(toy_family.FAMILY, baselines={**toy_family.FAMILY.baselines, "picky": "toy:picky"})
    monkeypatch.setattr("gxtool.models.registry.families", lambda: {"toy": family})
    content = json.loads((evaluate([models], dataset, tmp_path / "all") / "metrics.json").read_text())
    assert content["baselines_left_out"] == {"picky": "the data have no number w"}
    assert set(content["samples"][0]["baselines"]) == {"first_number", "train_mean"}
    config = toy_family.run().config
    named = config.model_copy(update={"evaluation": config.evaluation.model_copy(update={"baselines": ("picky",)})})
    with pytest.raises(ConfigError, match="picky does not apply, the data have no number w; expected others, or all"):
        evaluate([models], dataset, tmp_path / "named", named)
    assert not (tmp_path / "named").exists()


def test_a_baseline_that_predicts_nonsense_is_named_and_stops_nothing(
    models: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nonsense(split: Split, seed: int) -> BaselineResult:
        predictions = toy_family.first_number(split, seed).predictions
        predictions[::2] = np.nan
        return BaselineResult(predictions, {}, len(split.train), len(split.train))

    monkeypatch.setattr(toy_family, "nonsense", nonsense, raising=False)
    baselines = {**toy_family.FAMILY.baselines, "no_sense": "toy:nonsense"}
    family = replace(toy_family.FAMILY, baselines=baselines, details="toy:details")
    monkeypatch.setattr("gxtool.models.registry.families", lambda: {"toy": family})
    evaluate([models], dataset, tmp_path / "in" / "e")
    content = json.loads((tmp_path / "in/e/metrics.json").read_text())
    for sample in content["samples"]:
        assert {name: one["fault"] for name, one in sample["baselines"].items()} == {
            "first_number": "",
            "train_mean": "constant",
            "no_sense": "NaN",
        }
        assert sample["baselines"]["no_sense"]["metrics"]["auroc"]["estimate"] is None
        assert sample["model"]["auroc"]["estimate"] > 0.5
    sentence = "The baseline no sense predicts NaN for some rows of liver and lung and has no score there."
    assert fault_sentences(content) == [sentence]
    details = json.loads((tmp_path / "in/e/details.json").read_text())
    assert details["rows"] == {"first_number": 38, "model": 76, "train_mean": 38}
    compared = compare([tmp_path / "in"], tmp_path / "comparison")
    assert sentence in json.loads((compared / "comparison.json").read_text())["verdict"]
