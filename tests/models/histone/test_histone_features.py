"""Tables -> examples -> dataset -> what network and baselines take, on data small enough to check by hand."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gxtool.errors import InputError
from gxtool.io.artifact import Artifact, ArtifactWriter, open_artifact
from gxtool.io.dataset import Dataset
from gxtool.models.histone import encode as encoding
from gxtool.models.histone import examples as raw
from gxtool.models.histone import features
from gxtool.models.histone.config import DataConfig, ModelConfig

MARKS = ("H3K4me3", "H3K9me3", "H3K36me3")
DATA = DataConfig(marks=MARKS, n_bins=2)
# Any network does; this one needs no more than two bins.
MODEL = ModelConfig(channels=(4,), kernel_sizes=(1,), pool_sizes=(1,))


def table(genes: str, scale: int = 1, labels: str = "01") -> str:
    """Return a table in which bin b, mark m of gene number g has scale * (10 g + 3 b + m) reads."""
    lines = []
    for number, gene in enumerate(genes):
        for b in range(2):
            counts = ",".join(str(scale * (10 * number + 3 * b + m)) for m in range(3))
            label = f",{labels[number % len(labels)]}" if labels else ""
            lines.append(f"{gene},{b + 1},{counts}{label}\n")
    return "".join(lines)


def cell(folder: Path, genes: tuple[str, str, str] = ("abc", "de", "fghi"), **kwargs) -> Path:
    folder.mkdir(parents=True)
    for stem, ids in zip(("train", "valid", "test"), genes, strict=True):
        (folder / f"{stem}.csv").write_text(table(ids, **kwargs))
    return folder


def sheet(*folders: Path) -> list[dict[str, str]]:
    return [{"sample": folder.name.split(".")[0], "data": str(folder)} for folder in folders]


def preprocess(output: Path, *folders: Path) -> Artifact:
    with ArtifactWriter(output, "examples", family="histone") as writer:
        raw.preprocess(sheet(*folders), DATA, writer)
    return open_artifact(output)


def encode(output: Path, *examples: Artifact, data: DataConfig = DATA) -> Dataset:
    with ArtifactWriter(output, "dataset", family="histone") as writer:
        encoding.encode(list(examples), data, writer)
    return Dataset.open(output, "histone")


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    """Two cell types of nine genes each; the second has ten times the reads."""
    first = preprocess(tmp_path / "one", cell(tmp_path / "E003"))
    second = preprocess(tmp_path / "two", cell(tmp_path / "E004", scale=10))
    return encode(tmp_path / "dataset", first, second)


def test_examples_hold_counts_labels_and_rows_in_file_order(tmp_path):
    examples = preprocess(tmp_path / "examples", cell(tmp_path / "E003"))
    counts = examples.array("signal.npy")
    assert (counts.shape, counts.dtype) == ((9, 2, 3), np.dtype(np.uint16))
    assert counts[1].tolist() == [[10, 11, 12], [13, 14, 15]]
    rows = examples.table("rows.parquet")
    assert rows["label"].to_list() == [0, 1, 0, 0, 1, 0, 1, 0, 1]
    assert rows.columns == ["row", "sample", "group", "role", "label"]
    assert rows["row"].to_list() == list(range(9))
    assert "".join(rows["group"]) == "abcdefghi"
    assert rows["role"].to_list() == ["train"] * 3 + ["val"] * 2 + ["test"] * 4
    assert rows.schema["row"] == pl.UInt32


def test_manifest_of_examples_says_what_they_are_and_no_absolute_path(tmp_path):
    manifest = preprocess(tmp_path / "examples", cell(tmp_path / "E003")).manifest
    assert manifest.rows == {"train": 3, "val": 2, "test": 4}
    assert manifest.info["samples"] == ["E003"]
    assert (manifest.info["marks"], manifest.info["n_bins"], manifest.info["bin_size"]) == (list(MARKS), 2, 100)
    names = [item["name"] for item in manifest.info["inputs"]]
    assert names == ["E003/train.csv", "E003/valid.csv", "E003/test.csv"]
    assert str(tmp_path) not in manifest.to_bytes().decode()


def test_several_cell_types_go_into_one_artifact(tmp_path):
    examples = preprocess(tmp_path / "examples", cell(tmp_path / "E003"), cell(tmp_path / "E004", scale=2))
    assert examples.array("signal.npy").shape == (18, 2, 3)
    assert examples.table("rows.parquet")["sample"].to_list() == ["E003"] * 9 + ["E004"] * 9
    assert examples.array("signal.npy")[9, 1].tolist() == [6, 8, 10]


def test_counts_beyond_16_bits_are_kept_in_32(tmp_path):
    examples = preprocess(tmp_path / "examples", cell(tmp_path / "E003"), cell(tmp_path / "E004", scale=5000))
    counts = examples.array("signal.npy")
    assert counts.dtype == np.uint32
    assert counts[17].max() == 5000 * 35


def test_archive_gives_the_same_counts_as_the_folder(tmp_path):
    folder = cell(tmp_path / "E003")
    with zipfile.ZipFile(tmp_path / "E003.zip", "w") as out:
        for path in folder.iterdir():
            out.write(path, f"E003/classification/{path.name}")
    plain, packed = preprocess(tmp_path / "a", folder), preprocess(tmp_path / "b", tmp_path / "E003.zip")
    assert plain.manifest.files["signal.npy"] == packed.manifest.files["signal.npy"]
    assert plain.manifest.files["rows.parquet"] == packed.manifest.files["rows.parquet"]


def test_same_input_gives_the_same_manifest(tmp_path):
    folder = cell(tmp_path / "E003")
    assert preprocess(tmp_path / "a", folder).sha256 == preprocess(tmp_path / "b", folder).sha256


def test_unlabelled_table_becomes_a_dataset_without_labels(tmp_path):
    (tmp_path / "new.csv").write_text(table("abcd", labels=""))
    dataset = encode(tmp_path / "dataset", preprocess(tmp_path / "examples", tmp_path / "new.csv"))
    assert set(dataset.arrays) == {"signal"}
    assert "label" not in dataset.rows.columns
    assert dataset.splits["role"].to_list() == ["test"] * 4
    assert set(dataset.artifact.json("summary.json")["profiles"]) == {"all"}, "no classes to draw apart"


@pytest.mark.parametrize("stem", ["train", "test"])
def test_labels_in_only_some_tables_are_refused_and_nothing_is_left(tmp_path, stem):
    folder = cell(tmp_path / "E003")
    (folder / f"{stem}.csv").write_text(table("abc" if stem == "train" else "fghi", labels=""))
    other = "valid" if stem == "train" else "train"
    with pytest.raises(InputError) as caught:
        preprocess(tmp_path / "examples", folder)
    assert str(caught.value) == (
        f"{folder}/{stem}.csv: has no label column but {folder}/{other}.csv has one, expected labels in all or none"
    )
    assert {path.name for path in tmp_path.iterdir()} == {"E003"}


def test_gene_in_train_and_test_is_refused_and_nothing_is_left(tmp_path):
    folder = cell(tmp_path / "E003", ("abc", "de", "fgb"))
    with pytest.raises(InputError, match=r"test\.csv, line 5: gene b is in .*train\.csv, line 3 already"):
        preprocess(tmp_path / "examples", folder)
    assert {path.name for path in tmp_path.iterdir()} == {"E003"}


def test_bad_table_of_the_last_cell_type_leaves_nothing(tmp_path):
    first, last = cell(tmp_path / "E003"), cell(tmp_path / "E004")
    (last / "test.csv").write_text(table("fg") + "h,1,1,2\n")
    with pytest.raises(InputError, match=r"E004/test\.csv, line 5: has 4 columns, expected 6 columns"):
        preprocess(tmp_path / "examples", first, last)
    assert {path.name for path in tmp_path.iterdir()} == {"E003", "E004"}


def test_dataset_of_one_part_takes_its_counts_as_they_are(tmp_path):
    examples = preprocess(tmp_path / "examples", cell(tmp_path / "E003"))
    dataset = encode(tmp_path / "dataset", examples)
    assert (dataset.artifact.path / "signal.npy").samefile(examples.path / "signal.npy")
    assert dataset.artifact.manifest.files["signal.npy"] == examples.manifest.files["signal.npy"]


def test_dataset_joins_parts_in_order(dataset):
    assert dataset.arrays["signal"].shape == (18, 2, 3)
    assert dataset.arrays["signal"][9].tolist() == [[0, 10, 20], [30, 40, 50]]
    assert dataset.samples == ["E003", "E004"]
    assert dataset.rows["row"].to_list() == list(range(18))
    assert dataset.indices("val", sample="E004").tolist() == [12, 13]
    assert dataset.arrays["labels"].tolist() == dataset.rows["label"].to_list()
    assert dataset.artifact.manifest.rows == {"train": 6, "val": 4, "test": 8}


def test_parts_of_16_and_32_bits_join_in_32(tmp_path):
    small = preprocess(tmp_path / "one", cell(tmp_path / "E003"))
    large = preprocess(tmp_path / "two", cell(tmp_path / "E004", scale=5000))
    signal = encode(tmp_path / "dataset", small, large).arrays["signal"]
    assert signal.dtype == np.uint32
    assert (signal[8].max(), signal[17].max()) == (35, 175000)


def test_split_by_gene_gives_a_gene_one_role_in_all_cell_types(tmp_path):
    parts = [preprocess(tmp_path / f"x{n}", cell(tmp_path / f"E00{n}")) for n in (3, 4)]
    data = DATA.model_copy(update={"split": "gene", "validation_fraction": 0.5})
    dataset = encode(tmp_path / "dataset", *parts, data=data)
    roles = dataset.rows.join(dataset.splits, on="row").group_by("group").agg(pl.col("role_right").n_unique())
    assert set(roles["role_right"]) == {1}
    assert dataset.scheme == "group"
    assert set(dataset.rows["group"].to_numpy()[dataset.indices("test")]) == set("fghi")


def test_published_random_split_keeps_the_test_file(tmp_path):
    data = DATA.model_copy(update={"split": "random_rows"})
    dataset = encode(tmp_path / "d", preprocess(tmp_path / "x", cell(tmp_path / "E003")), data=data)
    assert dataset.scheme == "random_rows"
    assert dataset.indices("test").tolist() == [5, 6, 7, 8]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"marks": MARKS[::-1]}, "was made with marks ['H3K4me3', 'H3K9me3', 'H3K36me3'], expected"),
        ({"n_bins": 3}, "was made with n_bins 2, expected 3 as in data.n_bins"),
        ({"bin_size": 200}, "was made with bin_size 100, expected 200 as in data.bin_size"),
    ],
)
def test_examples_of_another_layout_are_refused(tmp_path, change, sentence):
    examples = preprocess(tmp_path / "examples", cell(tmp_path / "E003"))
    with pytest.raises(InputError) as caught:
        encode(tmp_path / "dataset", examples, data=DATA.model_copy(update=change))
    assert sentence in str(caught.value)
    assert not (tmp_path / "dataset").exists()


def test_labelled_and_unlabelled_examples_do_not_mix(tmp_path):
    labelled = preprocess(tmp_path / "one", cell(tmp_path / "E003"))
    (tmp_path / "new.csv").write_text(table("abcd", labels=""))
    unlabelled = preprocess(tmp_path / "two", tmp_path / "new.csv")
    with pytest.raises(
        InputError, match=r"two: its rows have sample, group, role, expected sample, group, role, label as"
    ):
        encode(tmp_path / "dataset", labelled, unlabelled)


def test_collate_names_arrays_as_forward_does():
    rows = {"signal": np.arange(12, dtype=np.uint16).reshape(2, 2, 3), "labels": np.array([1, 0], np.uint8)}
    batch = features.collate(rows, {})
    assert (batch["signal"].dtype, batch["labels"].dtype) == (np.float32, np.int64)
    assert batch["signal"].shape == (2, 2, 3)
    assert set(features.collate({"signal": rows["signal"]})) == {"signal"}


def test_scalers_are_fitted_on_the_given_rows_alone(dataset):
    fitted = features.fit(dataset, np.array([0, 1]), MODEL)
    # Genes a and b: mark 0 has counts 0, 3, 10, 13; the rows of other genes and roles play no part.
    expected = np.log([1, 4, 11, 14])
    assert fitted["signal_mean"][0] == pytest.approx(expected.mean(), abs=1e-6)
    assert fitted["signal_std"][0] == pytest.approx(expected.std(), abs=1e-5)
    assert (fitted["marks"], fitted["n_bins"]) == (list(MARKS), 2)


def test_mark_that_never_varies_keeps_scale_one(dataset, monkeypatch):
    constant = np.full((4, 2, 3), 7, np.uint16)
    changed = Dataset(dataset.artifact, dataset.rows, dataset.splits, {"signal": constant})
    monkeypatch.setattr(features, "BLOCK", 3)
    fitted = features.fit(changed, np.arange(4), MODEL)
    assert fitted["signal_std"] == [1.0, 1.0, 1.0]
    assert fitted["signal_mean"] == pytest.approx([np.log(8)] * 3)


def test_scalers_do_not_depend_on_the_block_size(dataset, monkeypatch):
    rows = np.arange(18)
    whole = features.fit(dataset, rows, MODEL)
    monkeypatch.setattr(features, "BLOCK", 5)
    pieces = features.fit(dataset, rows, MODEL)
    assert pieces["signal_mean"] == pytest.approx(whole["signal_mean"])
    assert pieces["signal_std"] == pytest.approx(whole["signal_std"])


def test_two_logits_become_the_softmax_probability_of_on():
    found = features.predict(np.array([[0.0, 0.0], [1.0, 2.0], [800.0, -800.0], [-800.0, 800.0]]))
    assert found == pytest.approx([0.5, 0.7310585786300049, 0.0, 1.0])


def test_features_are_log1p_counts_named_by_mark_and_bin(dataset):
    matrix, names = features.features(dataset.take(np.array([1, 0])), dataset)
    assert names == ["H3K4me3:1", "H3K9me3:1", "H3K36me3:1", "H3K4me3:2", "H3K9me3:2", "H3K36me3:2"]
    assert matrix.dtype == np.float32
    assert matrix[0] == pytest.approx(np.log([11, 12, 13, 14, 15, 16]), abs=1e-6)


def test_folder_of_one_or_many_cell_types_becomes_sheet_rows(tmp_path):
    one = cell(tmp_path / "data" / "E003")
    assert raw.expand(one) == [{"sample": "E003", "data": str(one)}]
    cell(tmp_path / "data" / "E004")
    many = tmp_path / "data"
    assert raw.expand(many) == [{"sample": n, "data": str(many / n)} for n in ("E003", "E004")]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: has no train\.csv, valid\.csv and test\.csv, expected"):
        raw.expand(tmp_path / "empty")


def test_folder_of_archives_becomes_sheet_rows(tmp_path):
    source = cell(tmp_path / "source")
    (tmp_path / "data").mkdir()
    for name in ("E003", "E004"):
        with zipfile.ZipFile(tmp_path / "data" / f"{name}.zip", "w") as out:
            for path in source.iterdir():
                out.write(path, path.name)
    rows = raw.expand(tmp_path / "data")
    assert [row["sample"] for row in rows] == ["E003", "E004"]
    assert [Path(row["data"]).name for row in rows] == ["E003.zip", "E004.zip"]


def test_predictions_are_written_as_the_published_columns(tmp_path):
    predicted = pl.DataFrame(
        {"sample": ["E003", "E003"], "group": ["000003", "000419"], "label": [1, 0], "prediction": [0.75, 0.25]}
    )
    features.write_predictions(predicted, tmp_path / "predictions.tsv")
    assert (tmp_path / "predictions.tsv").read_text() == (
        "sample\tgene\tlabel\tp\nE003\t000003\t1\t0.75\nE003\t000419\t0\t0.25\n"
    )
    features.write_predictions(predicted.drop("label"), tmp_path / "unlabelled.tsv")
    assert (tmp_path / "unlabelled.tsv").read_text().startswith("sample\tgene\tp\n")
