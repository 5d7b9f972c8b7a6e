"""Replicates and reads of promoters: from columns of a table to the dataset, the ceiling and the weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gxtool import api
from gxtool.errors import InputError
from gxtool.io.artifact import open_artifact
from gxtool.io.replicates import read_replicates
from gxtool.training.options import TrainOptions

LENGTH = 12
COMMON = ("data.five_prime=", "data.three_prime=", f"data.length={LENGTH}", "resources.threads=1")
QUICK = ("training.epochs=1", "evaluation.baselines=[gc_content]")


def library(folder: Path, n: int = 600, **columns: list[float]) -> Path:
    """Write n promoters whose values are means of two replicates as noisy as the truth, and the sheet."""
    rng = np.random.default_rng(1)
    words = ["".join(rng.choice(list("ACGT"), LENGTH)) for _ in range(n)]
    truth = np.array([(word.count("G") + word.count("C") - 6) / np.sqrt(3) for word in words])
    replicates = truth[:, None] + rng.normal(size=(n, 2))
    frame = pl.DataFrame({"sequence": words, "value": replicates.mean(1)} | columns)
    frame = frame.with_columns(value_rep2=replicates[:, 1], value_rep1=replicates[:, 0])
    frame.write_csv(folder / "library.tsv", separator="\t")
    (folder / "sheet.csv").write_text("sample,data\nfly,library.tsv\n")
    return folder / "sheet.csv"


def prepared(sheet: Path, *assignments: str, targets: str = "value") -> Path:
    folder = sheet.parent
    settings = api.Settings("proformer", "cnn", set=(*COMMON, f"data.targets=[{targets}]", *assignments))
    api.preprocess(sheet, folder / "examples", settings)
    return api.tokenize([folder / "examples"], folder / "dataset", settings)


def test_replicate_columns_become_a_ceiling(tmp_path: Path) -> None:
    sheet = library(tmp_path)
    dataset = prepared(sheet)
    frame = pl.read_csv(tmp_path / "library.tsv", separator="\t")
    table = read_replicates(open_artifact(dataset))
    for number in (1, 2):
        values = table.filter(replicate=number).sort("row")["value"]
        np.testing.assert_allclose(values, frame[f"value_rep{number}"], atol=1e-6)
    settings = api.Settings("proformer", "cnn", set=(*COMMON, "data.targets=[value]", *QUICK), name="net")
    api.train(dataset, tmp_path / "model", settings, options=TrainOptions(device="cpu", threads=1))
    api.evaluate([tmp_path / "model"], dataset, tmp_path / "e", settings)
    (sample,) = json.loads((tmp_path / "e/metrics.json").read_text())["samples"]
    ceiling = sample["ceiling"]
    assert (ceiling["source"], ceiling["n_units"]) == ("replicates", sample["n"])
    assert ceiling["metrics"]["pearson"]["low"] < np.sqrt(2 / 3) < ceiling["metrics"]["pearson"]["high"]
    assert "gc_content" in ceiling["reached_by"], "GC content is the truth of these promoters"


def test_parquet_says_the_same_as_text(tmp_path: Path) -> None:
    sheet = library(tmp_path, reads=[float(i % 7) for i in range(600)])
    first = read_replicates(open_artifact(prepared(sheet, "data.reads_column=reads")))
    other = tmp_path / "parquet"
    other.mkdir()
    pl.read_csv(tmp_path / "library.tsv", separator="\t").write_parquet(other / "library.parquet")
    (other / "sheet.csv").write_text("sample,data\nfly,library.parquet\n")
    dataset = open_artifact(prepared(other / "sheet.csv", "data.reads_column=reads"))
    assert read_replicates(dataset).equals(first)
    assert dataset.table("rows.parquet")["reads"].to_list() == [float(i % 7) for i in range(600)]


@pytest.mark.parametrize("kind", ["tsv", "parquet"])
def test_a_line_may_lack_a_replicate_and_nothing_else(tmp_path: Path, kind: str) -> None:
    sheet = library(tmp_path, n=60)
    frame = pl.read_csv(tmp_path / "library.tsv", separator="\t")
    gaps = [None, float("nan"), *frame["value_rep1"][2:]]
    frame = frame.with_columns(value_rep1=pl.Series(gaps, strict=False))
    if kind == "tsv":
        frame.write_csv(tmp_path / "library.tsv", separator="\t", null_value="NA")
    else:
        frame.write_parquet(tmp_path / "library.tsv")
    table = read_replicates(open_artifact(prepared(sheet)))
    assert table.filter(replicate=1)["row"].sort().to_list() == list(range(2, 60))
    assert len(table.filter(replicate=2)) == 60


def test_a_replicate_that_is_no_number_is_named_by_line(tmp_path: Path) -> None:
    sheet = library(tmp_path, n=3)
    text = (tmp_path / "library.tsv").read_text().splitlines()
    text[2] = text[2].rpartition("\t")[0] + "\tabc"
    (tmp_path / "library.tsv").write_text("\n".join(text) + "\n")
    with pytest.raises(InputError, match=r"line 3: column 4 \(value_rep1\): found abc, expected a finite number"):
        prepared(sheet)


def test_targets_have_replicates_of_their_own(tmp_path: Path) -> None:
    sheet = library(tmp_path, dev=[0.1 * i for i in range(600)], dev_rep1=[1.0] * 600)
    frame = pl.read_csv(tmp_path / "library.tsv", separator="\t")
    frame.with_columns(dev_rep2=pl.Series([2.0] * 600)).write_csv(tmp_path / "library.tsv", separator="\t")
    both = read_replicates(open_artifact(prepared(sheet, targets="value,dev")))
    assert both.group_by("target", "replicate").len().sort("target", "replicate").rows() == [
        (target, replicate, 600) for target in (0, 1) for replicate in (1, 2)
    ]
    assert both.filter(target=1, replicate=2)["value"].unique().to_list() == [2.0]
    one = tmp_path / "one"
    settings = api.Settings("proformer", "cnn", set=(*COMMON, "data.targets=[value,dev]", "data.target=dev"))
    api.tokenize([tmp_path / "examples"], one, settings)
    assert read_replicates(open_artifact(one)).select("target").unique().to_series().to_list() == [0]


def test_without_such_columns_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "library.tsv").write_text("".join(f"ACGTACGTACG{'ACGT'[i % 4]}\t{i}\n" for i in range(40)))
    (tmp_path / "sheet.csv").write_text("sample,data\nfly,library.tsv\n")
    settings = api.Settings("proformer", "cnn", set=COMMON)
    examples = open_artifact(api.preprocess(tmp_path / "sheet.csv", tmp_path / "examples", settings))
    assert "replicates.parquet" not in examples.manifest.files
    assert "reads" not in examples.table("rows.parquet").columns


def test_a_column_of_reads_that_is_not_there_and_less_than_no_read_are_refused(tmp_path: Path) -> None:
    sheet = library(tmp_path, reads=[5.0] * 599 + [-1.0])
    with pytest.raises(InputError, match=r"has no column 'read', did you mean reads\? \(data.reads_column\)"):
        prepared(sheet, "data.reads_column=read")
    with pytest.raises(InputError, match="library.tsv: column reads has -1, expected numbers of reads"):
        prepared(sheet, "data.reads_column=reads")
