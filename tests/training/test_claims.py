"""What a model has seen is left out and counted, by the claim that the split makes; claims have names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import toy_family

from gxtool.errors import InputError
from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.io.dataset import Dataset
from gxtool.io.seen import Seen, group_hashes
from gxtool.models.base import Unit
from gxtool.training.claims import claim_of, unseen_rows
from gxtool.training.evaluate import evaluate
from gxtool.training.run import TrainOptions, train


@pytest.fixture(scope="module")
def per_sample(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("claims") / "models"
    train(dataset, output, toy_family.run(), [Unit("liver", 1), Unit("lung", 1)], TrainOptions())
    return output


def recast(
    dataset: Path,
    path: Path,
    roles: pl.Expr,
    scheme: str = "file",
    rows: pl.DataFrame | None = None,
    labels: np.ndarray | None = None,
) -> Path:
    """Write the dataset again under another split: `roles` is made of the columns row, sample, group and role."""
    opened = Dataset.open(dataset)
    splits = opened.rows.select("row", "sample", "group").join(opened.splits, on="row").with_columns(roles)
    with ArtifactWriter(path, "dataset", family="toy") as writer:
        changed = {} if labels is None else {"labels": labels}
        for name, array in {**opened.arrays, **changed}.items():
            writer.write_array(f"{name}.npy", np.asarray(array))
        writer.write_table("rows.parquet", opened.rows if rows is None else rows)
        writer.write_table("splits.parquet", splits.select("row", "scheme", "fold", "role"))
        writer.describe(info={**opened.artifact.manifest.info, "scheme": scheme})
    return path


def swapped(**names: str) -> pl.Expr:
    return pl.col("role").replace(names).alias("role")


def metrics_of(evaluation: Path) -> dict:
    return json.loads((evaluation / "metrics.json").read_text())


def test_on_its_own_split_nothing_is_left_out(pooled: Path, dataset: Path, tmp_path: Path) -> None:
    metrics = metrics_of(evaluate([pooled], dataset, tmp_path / "e"))
    assert metrics["scheme"] == "file"
    assert metrics["claim"] == {
        "new": "groups",
        "title": "published files",
        "split": "file",
        "n_rows": 38,
        "left_out": {"rows": 0, "groups": 0, "samples": []},
        "sentences": [],
    }


def test_train_and_test_files_swapped_are_refused_in_one_sentence(pooled: Path, dataset: Path, tmp_path: Path) -> None:
    other = recast(dataset, tmp_path / "d", swapped(train="test", test="train"))
    with pytest.raises(InputError) as refusal:
        evaluate([pooled], other, tmp_path / "e")
    assert refusal.value.exit_code == 3
    assert str(refusal.value) == (
        f"{other}: all 78 test rows are left out, of 78 genes that the model was trained or chosen on; nothing is "
        "left, expected test rows of new genes"
    )
    assert not (tmp_path / "e").exists()


def test_groups_it_was_chosen_on_are_left_out_too(pooled: Path, dataset: Path, tmp_path: Path) -> None:
    other = recast(dataset, tmp_path / "d", swapped(val="test", test="val"))
    with pytest.raises(InputError, match="all 39 test rows are left out"):
        evaluate([pooled], other, tmp_path / "e")


def test_the_same_genes_under_another_draw_are_judged_on_what_is_new(
    pooled: Path, dataset: Path, tmp_path: Path
) -> None:
    """Rows 0 to 11 of each sample become test rows: 3 of 12 were so before."""
    within = pl.col("row") - pl.when(pl.col("sample") == "lung").then(94).otherwise(0)
    role = pl.when(within < 12).then(pl.lit("test")).when(within < 30).then(pl.lit("val")).otherwise(pl.lit("train"))
    other = recast(dataset, tmp_path / "d", role.alias("role"), "group")
    metrics = metrics_of(evaluate([pooled], other, tmp_path / "e"))
    assert metrics["claim"]["left_out"] == {"rows": 18, "groups": 18, "samples": ["liver", "lung"]}
    assert metrics["claim"]["n_rows"] == 6
    assert metrics["claim"]["sentences"] == [
        "18 of 24 test rows are left out, of 18 genes that the model was trained or chosen on."
    ]
    assert [sample["n"] for sample in metrics["samples"]] == [3, 3]
    table = pl.read_parquet(tmp_path / "e/predictions.parquet")
    assert set(table.group_by("predictor").len()["len"]) == {6}, "baselines are judged on the same rows"
    tested = Dataset.open(dataset)
    assert set(table["group"]) <= set(tested.rows["group"].gather(tested.indices("test")))


def test_a_claim_about_another_dataset_is_called_by_what_the_record_proves(
    pooled: Path, dataset: Path, tmp_path: Path
) -> None:
    """Chromosomes that a model has seen are not recorded: of other data new genes is all that can be claimed."""
    rows = Dataset.open(dataset).rows.with_columns(chrom=pl.format("chr{}", pl.col("row")))
    same = recast(dataset, tmp_path / "d", pl.col("role"), "chromosome", rows)
    metrics = metrics_of(evaluate([pooled], same, tmp_path / "e"))
    assert (metrics["scheme"], metrics["claim"]["split"]) == ("group", "chromosome")
    assert metrics["claim"]["title"] == "new genes"
    train(same, tmp_path / "own", toy_family.run(), [Unit(None, 5)], TrainOptions())
    own = metrics_of(evaluate([tmp_path / "own"], same, tmp_path / "e-own"))
    assert (own["scheme"], own["claim"]["title"]) == ("chromosome", "new chromosomes")


def test_a_sample_called_like_one_of_the_training_is_no_new_sample(pooled: Path, dataset: Path, tmp_path: Path) -> None:
    opened = Dataset.open(dataset)
    renamed = opened.rows.with_columns(group=pl.format("new-{}", "group"))
    role = pl.col("sample").replace_strict({"liver": "train", "lung": "test"}).alias("role")
    role = pl.when(pl.col("row") < 20).then(pl.lit("val")).otherwise(role).alias("role")
    rows = renamed.with_columns(sample=pl.when(pl.col("row") < 20).then(pl.lit("brain")).otherwise("sample"))
    alike = recast(dataset, tmp_path / "alike", role, "sample", rows)
    with pytest.raises(InputError, match="all 61 test rows are left out, of sample lung that .* of new samples"):
        evaluate([pooled], alike, tmp_path / "e")
    kidney = rows.with_columns(sample=pl.col("sample").replace({"lung": "kidney"}))
    new = recast(dataset, tmp_path / "new", role, "sample", kidney)
    assert metrics_of(evaluate([pooled], new, tmp_path / "fine"))["claim"]["new"] == "samples"


def test_a_sample_without_rows_left_is_not_scored_and_said_so(per_sample: Path, dataset: Path, tmp_path: Path) -> None:
    role = pl.when(pl.col("sample") == "liver").then(pl.col("role").replace({"train": "test", "test": "train"}))
    other = recast(dataset, tmp_path / "d", role.otherwise("role").alias("role"))
    metrics = metrics_of(evaluate([per_sample], other, tmp_path / "e"))
    assert [sample["sample"] for sample in metrics["samples"]] == ["lung"]
    assert metrics["claim"]["sentences"] == [
        "47 of 62 test rows are left out, of 47 genes that the model was trained or chosen on.",
        "No row of liver is left to be scored.",
    ]
    assert len(open_artifact(tmp_path / "e").manifest.parents) == 2


def test_samples_that_are_new_although_only_genes_are_claimed_are_named(
    pooled: Path, dataset: Path, tmp_path: Path
) -> None:
    rows = Dataset.open(dataset).rows.with_columns(sample=pl.col("sample").replace({"lung": "kidney"}))
    other = recast(dataset, tmp_path / "d", pl.col("role"), rows=rows)
    claim = claim_of([open_artifact(pooled)], Dataset.open(other), toy_family.FAMILY)
    assert claim.sentences == ("It has not seen sample kidney either.",)


def test_another_sample_under_the_name_of_one_that_it_was_trained_on_is_told(
    pooled: Path, dataset: Path, tmp_path: Path
) -> None:
    """Lung's labels are dealt out anew: about half of them are others, and liver's are as they were."""
    opened = Dataset.open(dataset)
    labels = np.asarray(opened.labels()).copy()
    lung = np.flatnonzero((opened.rows["sample"] == "lung").to_numpy())
    labels[lung] = np.random.default_rng(1).permutation(labels[lung])
    changed = int((labels != opened.labels())[[*opened.indices("train"), *opened.indices("val")]].sum())
    other = recast(dataset, tmp_path / "d", pl.col("role"), labels=labels)
    claim = claim_of([open_artifact(pooled)], Dataset.open(other), toy_family.FAMILY)
    assert claim.sentences == (
        f"Of 46 genes of lung that it has seen, {changed} have other labels here: this is another sample of that name, "
        "or another measurement of it.",
    )


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        ("groups", [False, True, False, True]),
        ("samples", [False, False, True, True]),
        ("both", [False, False, False, True]),
    ],
)
def test_rows_are_new_by_group_by_sample_or_by_both(new: str, expected: list[bool], tmp_path: Path) -> None:
    rows = pl.DataFrame({"row": range(4), "group": ["g1", "g2", "g1", "g2"], "sample": ["A", "A", "B", "B"]})
    with ArtifactWriter(tmp_path / "d", "dataset") as writer:
        writer.write_table("rows.parquet", rows)
        writer.write_table("splits.parquet", rows.select("row", scheme=pl.lit("file"), fold=0, role=pl.lit("test")))
    record = Seen(
        {"train": group_hashes(pl.Series(["g1"])), "val": np.zeros(0, np.uint64)}, frozenset("A"), frozenset()
    )
    assert unseen_rows(Dataset.open(tmp_path / "d"), np.arange(4), new, [record]).tolist() == expected
