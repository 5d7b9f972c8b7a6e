"""What a model has seen: each group's hash once, sorted, with all that the model it started from had seen."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gxtool.errors import InputError
from gxtool.io import seen
from gxtool.io.artifact import Artifact, ArtifactWriter, open_artifact
from gxtool.io.dataset import Dataset


def make_dataset(path: Path, groups: list[str], samples: list[str]) -> Dataset:
    rows = pl.DataFrame({"row": range(len(groups)), "sample": samples, "group": groups})
    with ArtifactWriter(path, "dataset") as writer:
        writer.write_table("rows.parquet", rows)
        writer.write_table("splits.parquet", rows.select("row", scheme=pl.lit("file"), fold=0, role=pl.lit("train")))
    return Dataset.open(path)


def make_model(
    path: Path, dataset: Dataset, train: list[int], val: list[int], init: Artifact | None = None
) -> Artifact:
    with ArtifactWriter(path, "model") as writer:
        seen.write_seen(writer, dataset, {"train": np.array(train, np.int64), "val": np.array(val, np.int64)}, init)
    return open_artifact(path)


def hashes(*groups: str) -> list[int]:
    return sorted(int.from_bytes(hashlib.blake2b(g.encode(), digest_size=8).digest(), "little") for g in groups)


def test_groups_and_samples_of_each_role_are_recorded_once(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "d", ["g1", "g2", "g1", "gène", "g5"], ["A", "A", "B", "B", "C"])
    model = make_model(tmp_path / "m", dataset, [0, 2, 1], [3])
    assert model.array("seen-train.npy").tolist() == hashes("g1", "g2")
    assert model.array("seen-val.npy").tolist() == hashes("gène")
    expected = {"hash": "blake2b-64", "samples": {"train": ["A", "B"], "val": ["B"]}, "datasets": [dataset.artifact.id]}
    assert model.json("seen.json") == {**expected, "labels": {}}
    assert sorted(path.name for path in model.path.iterdir()) == [
        "manifest.json",
        "seen-train.npy",
        "seen-val.npy",
        "seen.json",
    ]


def test_blocks_give_what_the_whole_gives(tmp_path: Path, monkeypatch: object) -> None:
    groups = [f"g{number % 7}" for number in range(50)]
    dataset = make_dataset(tmp_path / "d", groups, ["A"] * 50)
    monkeypatch.setattr(seen, "BLOCK", 3)
    model = make_model(tmp_path / "m", dataset, list(range(50)), [])
    assert model.array("seen-train.npy").tolist() == hashes(*(f"g{number}" for number in range(7)))
    assert model.array("seen-val.npy").tolist() == []


def test_a_model_that_was_started_from_another_has_seen_both(tmp_path: Path) -> None:
    first = make_model(tmp_path / "first", make_dataset(tmp_path / "d1", ["g1", "g2"], ["A", "A"]), [0], [1])
    dataset = make_dataset(tmp_path / "d2", ["g2", "g3"], ["B", "B"])
    second = make_model(tmp_path / "second", dataset, [0], [1], first)
    assert second.array("seen-train.npy").tolist() == hashes("g1", "g2")
    assert second.array("seen-val.npy").tolist() == hashes("g2", "g3")
    assert second.json("seen.json")["samples"] == {"train": ["A", "B"], "val": ["A", "B"]}
    assert second.json("seen.json")["datasets"] == sorted({first.json("seen.json")["datasets"][0], dataset.artifact.id})


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "d", ["g1", "g2", "g3", "gène"], ["A", "A", "B", "C"])
    record = seen.read_seen(make_model(tmp_path / "m", dataset, [0, 3], [2]))
    assert record.samples == {"A", "B", "C"}
    assert record.datasets == {dataset.artifact.id}
    asked = pl.Series(["g2", "gène", "new", "g1", "g1", "g3", "zz"])
    assert record.holds(seen.group_hashes(asked)).tolist() == [False, True, False, True, True, True, False]
    assert record.holds(seen.group_hashes(pl.Series([], dtype=pl.String))).tolist() == []


def test_a_model_that_was_chosen_on_nothing_and_one_without_a_record(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "d", ["g1"], ["A"])
    record = seen.read_seen(make_model(tmp_path / "m", dataset, [0], []))
    assert record.holds(seen.group_hashes(pl.Series(["g1", "g2"]))).tolist() == [True, False]
    with ArtifactWriter(tmp_path / "old", "model") as writer:
        writer.write_json("other.json", {})
    assert seen.read_seen(open_artifact(tmp_path / "old")) is None


def test_hashes_of_another_kind_are_refused(tmp_path: Path) -> None:
    with ArtifactWriter(tmp_path / "m", "model") as writer:
        writer.write_json("seen.json", {"hash": "md5", "samples": {"train": [], "val": []}})
    with pytest.raises(InputError, match="seen.json: groups are hashed by 'md5', expected blake2b-64"):
        seen.read_seen(open_artifact(tmp_path / "m"))


def labelled(path: Path, labels: list, groups: list[str] | None = None, samples: list[str] | None = None) -> Dataset:
    n = len(labels)
    rows = pl.DataFrame(
        {"row": range(n), "sample": samples or ["A"] * n, "group": groups or [f"g{number}" for number in range(n)]}
    )
    info = {"targets": ["a", "b"]} if isinstance(labels[0], list) else {}
    with ArtifactWriter(path, "dataset") as writer:
        writer.write_table("rows.parquet", rows)
        writer.write_table("splits.parquet", rows.select("row", scheme=pl.lit("file"), fold=0, role=pl.lit("train")))
        writer.write_array("labels.npy", np.array(labels, np.float32))
        writer.describe(info=info)
    return Dataset.open(path)


def test_other_data_under_the_name_of_a_sample_are_noticed(tmp_path: Path) -> None:
    first = labelled(tmp_path / "d", [0.1, 1, 2, 3, 4, 9], samples=["A"] * 5 + ["B"])
    record = seen.read_seen(make_model(tmp_path / "m", first, [0, 1, 2, 5], [3]))
    assert {sample: len(labels) for sample, labels in record.labels.items()} == {"A": 4, "B": 1}
    other = labelled(tmp_path / "other", [0.1, 1, 7, 8], ["g0", "g1", "g2", "new"])
    assert seen.changed_labels(record, other, "A") == (1, 3)
    assert seen.changed_labels(record, other, "C") == (0, 0)
    assert seen.changed_labels(record, first, "A") == (0, 4)


def test_a_group_that_stands_there_twice_is_the_same_where_one_row_is(tmp_path: Path) -> None:
    first = labelled(tmp_path / "d", [[1, 2], [3, 4], [5, 6]], ["g1", "g1", "g2"])
    record = seen.read_seen(make_model(tmp_path / "m", first, [0, 1, 2], []))
    assert seen.changed_labels(record, first, "A") == (0, 2)
    assert seen.changed_labels(record, labelled(tmp_path / "x", [[5, 6.1]], ["g2"]), "A") == (1, 1)


def test_few_groups_are_kept_of_many_and_those_of_the_model_it_started_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "GROUPS_IN_ALL", 10)
    many = labelled(tmp_path / "d", [float(n) for n in range(40)], samples=["A"] * 20 + ["B"] * 20)
    first = make_model(tmp_path / "first", many, list(range(40)), [])
    assert {sample: len(labels) for sample, labels in seen.read_seen(first).labels.items()} == {"A": 5, "B": 5}
    second = make_model(tmp_path / "second", labelled(tmp_path / "c", [1.0, 2], samples=["C"] * 2), [0], [1], first)
    assert {sample: len(labels) for sample, labels in seen.read_seen(second).labels.items()} == {"A": 5, "B": 5, "C": 2}
