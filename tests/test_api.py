"""The commands as functions: plain keywords, settings that follow the artifacts, and one sentence for every mistake."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

import gxtool
from gxtool import api
from gxtool.errors import ConfigError, GxtoolError, InputError, UsageError
from gxtool.io.artifact import open_artifact
from gxtool.io.dataset import Dataset

pytest.importorskip("torch")
DATA = {
    "data.five_prime": "",
    "data.three_prime": "",
    "data.length": 12,
    "data.targets": ["dev", "hk"],
    "data.target": "hk",
}
TINY = {"model.kmer": 3, "training.epochs": 1, "training.batch_size": 20, "resources.threads": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of 90 inserts with two targets; only `tokenize` and before are told how its data is."""
    folder = tmp_path_factory.mktemp("api")
    random = np.random.default_rng(1)
    lines = ["sequence\tdev\thk"]
    for n in range(90):
        word = "".join(random.choice(list("ACGT"), 8 + n % 5))
        lines.append(f"{word}\t{word.count('A')}\t{word.count('G') + random.normal():.3f}")
    (folder / "library.tsv").write_text("\n".join(lines) + "\n")
    (folder / "sheet.csv").write_text("sample,data\nfly,library.tsv\n")
    gxtool.preprocess(folder / "sheet.csv", folder / "examples", model="proformer", set=DATA)
    gxtool.tokenize(folder / "examples", folder / "dataset", set={"data.target": "hk"})
    settings = {**TINY, "evaluation.level": 0.9, "evaluation.baselines": ["gc_content"]}
    gxtool.train(folder / "dataset", folder / "models", preset="tiny", set=settings, seeds=[3, 5], device="cpu")
    return folder


def test_models_record_the_data_they_were_really_trained_on(folder: Path) -> None:
    made = yaml.safe_load((folder / "dataset/data.yaml").read_text())
    assert (made["data"]["length"], made["data"]["target"]) == (12, "hk")
    for seed in (3, 5):
        recorded = yaml.safe_load((folder / f"models/fly-seed{seed}-fold0/run.yaml").read_text())
        assert recorded["data"] == made["data"]
        assert recorded["training"]["epochs"] == 1
        assert recorded["resources"] == {"threads": 1}


def test_raw_data_is_predicted_without_being_told_again_how_it_is(folder: Path, tmp_path: Path) -> None:
    raw = gxtool.predict(folder / "models", folder / "sheet.csv", tmp_path / "new/raw")
    whole = gxtool.predict([folder / "models"], folder / "dataset", tmp_path / "dataset")
    first, second = (pl.read_parquet(path / "predictions.parquet") for path in (raw, whole))
    assert first.equals(second)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["raw"]


def test_an_evaluation_is_made_as_the_run_says_unless_told_otherwise(folder: Path, tmp_path: Path) -> None:
    metrics = open_artifact(gxtool.evaluate(folder / "models", folder / "dataset", tmp_path / "e")).json("metrics.json")
    assert set(metrics["samples"][0]["baselines"]) == {"gc_content"}
    assert metrics["level"] == 0.9
    told = gxtool.evaluate(folder / "models", folder / "dataset", tmp_path / "f", set={"evaluation.level": 0.8})
    assert open_artifact(told).json("metrics.json")["level"] == 0.8


@pytest.mark.parametrize("stage", ["evaluate", "predict", "perturb", "train"])
def test_no_stage_ignores_a_contradiction(folder: Path, tmp_path: Path, stage: str) -> None:
    source = folder / "dataset" if stage == "train" else folder / "models"
    rest = () if stage == "train" else (folder / "dataset",)
    with pytest.raises(ConfigError, match=r"--set: data\.target is 'dev', expected 'hk' as in .*(data|run)\.yaml"):
        getattr(api, stage)(source, *rest, tmp_path / "out", set={"data.target": "dev"})
    assert list(tmp_path.iterdir()) == []


def test_the_family_of_the_models_is_not_another(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--model histone: .* belongs to family proformer, expected that family"):
        gxtool.evaluate(folder / "models", folder / "dataset", tmp_path / "e", model="histone")


def test_two_recipes_of_one_default_name_are_not_scored_as_one_run(folder: Path, tmp_path: Path) -> None:
    settings = {**TINY, "training.epochs": 2}
    gxtool.train(folder / "dataset", tmp_path / "other", preset="tiny", set=settings, seeds=[7])
    with pytest.raises(InputError, match=r"training\.epochs is 2, expected 1 as in"):
        gxtool.evaluate([folder / "models", tmp_path / "other"], folder / "dataset", tmp_path / "e")


def test_messages_name_what_was_given_and_no_temporary_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("sample,test\nfly,bad.txt\n")
    (tmp_path / "bad.txt").write_text("ACGTACGT\nACGXACGT\n")
    sheets = [tmp_path / "bad.csv"]
    both = tmp_path / "two.csv"
    both.write_text("sample,data,val\nx,a.txt,\ny,a.txt,a.txt\n")
    (tmp_path / "a.txt").write_text("sequence\tdev\thk\nACGTACGT\t1\t2\n")
    sheets.append(both)
    for sheet in sheets:
        with pytest.raises(GxtoolError) as caught:
            gxtool.predict(folder / "models", sheet, tmp_path / "out")
        assert ".gxtool-" not in str(caught.value)
        assert str(tmp_path) in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_sequences_and_tables_in_memory_are_predicted_as_files_are(folder: Path, tmp_path: Path) -> None:
    table = pl.read_csv(folder / "library.tsv", separator="\t").head(6)
    model = gxtool.load_model(folder / "models", device="cpu")
    found = model.predict(table["sequence"].to_list())
    assert found.columns == ["sequence", "target", "prediction", "sd"]
    assert found["sequence"].to_list() == table["sequence"].to_list()
    (tmp_path / "new.txt").write_text("\n".join(table["sequence"]) + "\n")
    (tmp_path / "sheet.csv").write_text("sample,test\nother,new.txt\n")
    written = gxtool.predict(folder / "models", tmp_path / "sheet.csv", tmp_path / "p", device="cpu")
    assert found["prediction"].to_list() == pl.read_parquet(written / "predictions.parquet")["prediction"].to_list()
    again = model.predict(table.with_columns(number=pl.lit(3), prediction=pl.lit("old")))
    assert again.columns == ["sequence", "dev", "hk", "number", "target", "prediction", "sd"]
    assert again["prediction"].to_list() == found["prediction"].to_list()
    assert len(model.predict(folder / "dataset")) == len(Dataset.open(folder / "dataset").rows)


@pytest.mark.parametrize(
    ("values", "fields", "sentence"),
    [
        (["ACGT", "ACXT"], {}, "the given values, line 2: found 'X' in the sequence"),
        (["ACGT", "AC GT"], {}, "the given values, line 2: found 'AC GT', expected letters of DNA"),
        (["ACGT", None], {}, "the given values, line 2: found None, expected letters of DNA"),
        ([], {}, "the given values: are none, expected at least one sequence"),
        (7, {}, "found int, expected sequences as a list of text"),
        (["A" * 20], {}, "the given values, line 1: the insert has 20 bases, expected at most 12"),
        (pl.DataFrame({"seq": ["A"]}), {}, "the given table: has no column sequence"),
        (["ACGT"], {"data.length": 5}, "data.length is 5, expected 12"),
        ("nowhere.csv", {}, "nowhere.csv: does not exist"),
        ({"letters": np.zeros((1, 12))}, {}, "is None, expected an array of shape (rows"),
    ],
)
def test_what_cannot_be_predicted_is_said_in_a_sentence(
    folder: Path, values: object, fields: dict, sentence: str
) -> None:
    with pytest.raises(GxtoolError) as caught:
        gxtool.load_model(folder / "models", device="cpu").predict(values, set=fields)
    assert sentence in str(caught.value)
    assert "gxtool-" not in str(caught.value)


def test_files_may_be_written_differently_than_those_of_the_training(folder: Path) -> None:
    model = gxtool.load_model(folder / "models", device="cpu")
    table = pl.DataFrame({"name": ["x", "y"], "promoter": ["ACGTACGT", "A" * 20]})
    found = model.predict(table, set={"data.sequence_column": "promoter", "data.too_long": "drop"})
    assert found["name"].to_list() == ["x", "y"]
    assert found["prediction"].is_null().to_list() == [False, True]


def test_keywords_win_over_kept_settings_and_unknown_ones_are_named(folder: Path, tmp_path: Path) -> None:
    kept = gxtool.Settings("proformer", "cnn", set=TINY, name="kept")
    (made,) = gxtool.train(folder / "dataset", tmp_path / "m", kept, preset="tiny", seeds=1, samples="fly", threads=2)
    manifest = open_artifact(made).manifest
    assert (manifest.preset, manifest.info["run"], manifest.seed) == ("tiny", "kept", 1)
    assert yaml.safe_load((made / "run.yaml").read_text())["resources"] == {"threads": 2}
    with pytest.raises(TypeError, match=r"unexpected keyword preset_name, did you mean preset\?"):
        gxtool.train(folder / "dataset", tmp_path / "n", preset_name="tiny")
    with pytest.raises(TypeError, match="unexpected keyword seeds"):
        gxtool.evaluate(folder / "models", folder / "dataset", tmp_path / "n", seeds=3)
    with pytest.raises(UsageError, match="model is missing: the family to work with"):
        gxtool.preprocess(folder / "sheet.csv", tmp_path / "n")


def test_importing_gxtool_imports_nothing_heavy() -> None:
    code = (
        "import sys, gxtool\n"
        "assert 'train' in dir(gxtool) and 'load_model' in dir(gxtool)\n"
        "print(sorted({'torch', 'numpy', 'polars', 'pandas', 'pydantic', 'yaml', 'gxtool.api'} & set(sys.modules)))\n"
        "gxtool.train\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "False"]


def test_every_name_of_the_package_is_there() -> None:
    for name in gxtool.__all__:
        assert getattr(gxtool, name) is not None
