"""Two targets of one library through every stage: each has scores, effects, designs and a page of its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import Ridge

from gxtool import api
from gxtool.errors import ConfigError, InputError
from gxtool.io.artifact import open_artifact
from gxtool.io.dataset import Dataset
from gxtool.measure.compare import Evaluation
from gxtool.measure.metrics import pearson
from gxtool.training.predict import load_model

pytest.importorskip("torch")
pytestmark = pytest.mark.slow

FAMILY, LENGTH = "proformer", 40
DATA = ("data.five_prime=", "data.three_prime=", f"data.length={LENGTH}", "data.targets=[dev,hk]")
TRAINING = ("training.epochs=4", "model.channels=[8,4]", "resources.threads=1")
SETTINGS = (*DATA, *TRAINING, "perturb.map_rows=20", "perturb.max_rows=20")
DESIGN = ("design.starts=6", "design.max_edits=4")


def truth(insert: str) -> np.ndarray:
    """Return both targets (2,) of an insert, without noise."""
    share = {base: insert.count(base) / len(insert) for base in "ACGT"}
    return np.array([10 * (share["G"] + share["C"]), -1000 * (share["A"] + share["T"] / 2)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results for 900 inserts of unequal length, whose `dev` rises with each G and C and whose `hk` falls with each A.

    `hk` is on a scale of its own, a hundred times as wide.
    """
    folder = tmp_path_factory.mktemp("targets")
    random = np.random.default_rng(1)
    lines = ["sequence\tdev\thk"]
    for size in random.integers(30, LENGTH + 1, 900):
        word = "".join(random.choice(list("ACGT"), size))
        dev, hk = truth(word) + random.normal(0, (0.2, 20))
        lines.append(f"{word}\t{dev:.4f}\t{hk:.3f}")
    (folder / "library.tsv").write_text("\n".join(lines) + "\n")
    (folder / "sheet.csv").write_text("sample,data\nfly,library.tsv\n")
    settings = api.Settings(FAMILY, "cnn", set=SETTINGS, name="both")
    judge = api.Settings(FAMILY, "cnn", set=(*SETTINGS, "model.kmers=[3]", *DESIGN), name="judge")
    api.preprocess(folder / "sheet.csv", folder / "examples", settings)
    api.tokenize([folder / "examples"], folder / "dataset", settings)
    for one in (settings, judge):
        api.train(folder / "dataset", folder / one.name, one)
        api.evaluate([folder / one.name], folder / "dataset", folder / f"{one.name}-evaluation", one)
    api.perturb([folder / "both"], folder / "dataset", folder / "effects", settings)
    api.design([folder / "both"], [folder / "judge"], folder / "dataset", folder / "designs", set=DESIGN)
    return folder


def metrics(folder: Path) -> dict:
    return json.loads((folder / "both-evaluation/metrics.json").read_text())


def test_one_target_may_be_named_without_brackets() -> None:
    data = api.Settings(FAMILY, set=("data.targets=hk", "data.test_targets=HK")).resolve().data
    assert (data.targets, data.test_targets, data.predicted) == (("hk",), ("HK",), ("hk",))


def test_sorting_bins_of_two_targets_are_refused_before_anything_is_read() -> None:
    settings = api.Settings(FAMILY, "legnet", set=DATA)
    with pytest.raises(
        ConfigError, match=r"softclass with 2 targets \(dev, hk\), expected one target, .*or head=pool$"
    ):
        settings.resolve().require_trainable()


def test_scores_of_each_target_are_those_of_its_column_and_of_a_baseline_for_it_alone(folder: Path) -> None:
    found = metrics(folder)
    assert [entry["sample"] for entry in found["samples"]] == ["dev", "hk"]
    assert found["words"]["sample"] == "target"
    dataset = Dataset.open(folder / "dataset")
    (path,) = (folder / "both").iterdir()
    rows = dataset.indices("test")
    predicted = load_model(path, device="cpu").predict(dataset, rows)
    assert predicted.shape == (len(rows), 2)
    features = np.array([np.bincount(row, minlength=5)[:4] for row in dataset.arrays["tokens"]])
    share = features / features.sum(axis=1, keepdims=True)
    for place, entry in enumerate(found["samples"]):
        labels = np.asarray(dataset.arrays["labels"])[:, place]
        assert entry["n"] == len(rows)
        assert entry["model"]["pearson"]["estimate"] == pytest.approx(pearson(labels[rows], predicted[:, place]))
        assert entry["model"]["pearson"]["estimate"] > 0.8
        # The shares of bases are all there is to know: a ridge on them says what can be reached.
        reachable = Ridge().fit(share[dataset.indices("train")], labels[dataset.indices("train")])
        best = pearson(labels[rows], reachable.predict(share[rows]))
        assert 0.8 < entry["baselines"]["kmer_ridge"]["metrics"]["pearson"]["estimate"] < best + 0.02


def test_no_rows_are_predicted_without_asking_the_network(folder: Path) -> None:
    """A motif that is longer than every insert leaves nothing to predict."""
    (path,) = (folder / "both").iterdir()
    model = replace(load_model(path, device="cpu"), network=None)
    assert model.predict({"tokens": np.zeros((0, LENGTH), np.uint8)}).shape == (0,)


def test_validation_scores_while_training_are_means_over_targets(folder: Path) -> None:
    (path,) = (folder / "both").iterdir()
    last = json.loads((path / "metrics.jsonl").read_text().splitlines()[-1])
    dataset = Dataset.open(folder / "dataset")
    rows = dataset.indices("val")
    predicted, labels = load_model(path, device="cpu").predict(dataset, rows), dataset.arrays["labels"][rows]
    assert last["val_pearson"] == pytest.approx(
        np.mean([pearson(*pair) for pair in zip(labels.T, predicted.T, strict=True)])
    )


def test_effects_of_each_target_are_changes_of_its_own_prediction(folder: Path) -> None:
    table = pl.concat([pl.read_parquet(path) for path in sorted((folder / "effects").glob("*.parquet"))])
    assert set(table["sample"]) == {"dev", "hk"}
    for kind in ("mutation", "integrated_gradients"):
        counts = table.filter(kind=kind).group_by("sample").len()
        assert counts["len"].n_unique() == 1
    to = pl.col("change").str.split(":").list.last().alias("to")
    means = table.filter(kind="mutation").group_by("sample", to).agg(pl.col("effect").mean())
    effect = {(sample, base): value for sample, base, value in means.iter_rows()}
    assert min(effect["dev", base] for base in "GC") > 0.05 > -0.05 > max(effect["dev", base] for base in "AT")
    assert effect["hk", "A"] < -5 < 5 < min(effect["hk", base] for base in "GC")
    # What one mutation does, seen by predicting it: both columns of one row.
    dataset = Dataset.open(folder / "dataset")
    (path,) = (folder / "both").iterdir()
    model = load_model(path, device="cpu")
    unit = table.filter(kind="mutation", change=f"{LENGTH // 2}:G", sample="hk").row(0, named=True)
    row = dataset.rows["group"].to_list().index(unit["unit"])
    before = dataset.arrays["tokens"][row : row + 1].copy()
    after = before.copy()
    after[0, LENGTH // 2] = 2
    change = (model.predict({"tokens": after}) - model.predict({"tokens": before}))[0]
    other = table.filter(kind="mutation", change=unit["change"], sample="dev", unit=unit["unit"])["effect"].item()
    assert (other, unit["effect"]) == pytest.approx(change, rel=1e-3, abs=1e-4)


def test_designs_for_each_target_raise_what_is_true_of_it_more_than_random_edits_do(folder: Path) -> None:
    table = pl.read_parquet(folder / "designs/proposals.parquet")
    assert table.group_by("sample", "kind").len()["len"].to_list() == [6] * 4
    for place, sample in enumerate(("dev", "hk")):
        gains = {}
        for kind in ("proposal", "random"):
            own = table.filter(sample=sample, kind=kind)
            both = zip(own["insert"], own["start_insert"], strict=True)
            gains[kind] = [truth(after)[place] - truth(before)[place] for after, before in both]
        assert min(gains["proposal"]) > 0
        assert np.mean(gains["proposal"]) > 2 * np.abs(np.mean(gains["random"]))


def design_of(folder: Path, output: Path, *fields: str, judge: str = "judge") -> pl.DataFrame:
    settings = api.Settings(FAMILY, "cnn", set=(*SETTINGS, *DESIGN, *fields))
    api.design([folder / "both"], [folder / judge], folder / "dataset", output, settings)
    return pl.read_parquet(output / "proposals.parquet")


def test_one_target_can_be_designed_for_and_a_value_needs_one(folder: Path, tmp_path: Path) -> None:
    found = design_of(folder, tmp_path / "one", "design.target=hk", "design.goal=value", "design.value=-300")
    assert set(found["sample"]) == {"hk"}
    with pytest.raises(ConfigError, match=r"^design.value: is 1 with 2 targets \(dev, hk\), expected design.target"):
        design_of(folder, tmp_path / "two", "design.goal=value", "design.value=1")
    with pytest.raises(ConfigError, match=r"^design.target: hkk is no target of .*, did you mean hk\?"):
        design_of(folder, tmp_path / "three", "design.target=hkk")
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_judge_of_one_target_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    alone = api.Settings(FAMILY, "cnn", set=(*SETTINGS, "data.target=hk"), name="alone")
    api.tokenize([folder / "examples"], tmp_path / "dataset", alone)
    api.train(tmp_path / "dataset", tmp_path / "judge", alone)
    with pytest.raises(InputError, match=r"^--judge .*: target is dev, hk, expected hk as the model"):
        design_of(folder, tmp_path / "designs", judge=str(tmp_path / "judge"))
    assert not (tmp_path / "designs").exists()


def test_targets_of_the_same_rows_are_no_new_samples(folder: Path) -> None:
    """Six targets of one library are one library counted six times, whatever the split holds out."""
    one = Evaluation.open(open_artifact(folder / "both-evaluation"))
    assert one.metrics["targets"] == ["dev", "hk"]
    held_out = replace(one, metrics={**one.metrics, "scheme": "sample"})
    assert not held_out.question.new_samples
    assert replace(one, metrics={**held_out.metrics, "targets": ["hk"]}).question.new_samples


def test_page_has_both_targets_beside_each_other(folder: Path, tmp_path: Path) -> None:
    parts = [folder / name for name in ("dataset", "both", "both-evaluation", "effects", "designs")]
    page = api.report(parts, tmp_path / "report.html").read_text()
    for text in ("Dev in fly", "Hk in fly", "mean over targets", "both on hk", "Target and run", "both on fly"):
        assert text in page, text
