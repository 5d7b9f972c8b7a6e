"""Real tables: the published toy files, real K562 genes, and DeepDiff's other layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from whole_look import look_at

from gxtool.errors import InputError
from gxtool.io.bins_files import BinsFile, find_bins_files
from gxtool.io.bins_table import read_bins_table, read_bins_tables
from gxtool.measure.metrics import auroc
from gxtool.models.histone.check import check
from gxtool.models.histone.config import ZENODO_MARKS, DataConfig
from gxtool.models.histone.others import read_other_cell_types

pytestmark = pytest.mark.real_data


def tables(folder: Path) -> dict:
    files = find_bins_files(folder.name, folder, folder)
    return {file.role: table for file, table in zip(files, read_bins_tables(files, ZENODO_MARKS, 100), strict=True)}


def test_published_toy_files_hold_ten_genes_each_in_ensembl_order(real_data):
    found = tables(real_data / "epigenome" / "attentivechrome_toy" / "Toy")
    assert {role: table.genes[0] for role, table in found.items()} == {
        "train": "000003",
        "val": "132963",
        "test": "172936",
    }
    assert {role: table.counts.shape for role, table in found.items()} == dict.fromkeys(found, (10, 100, 5))


def test_k562_genes_have_the_counts_that_the_file_holds(real_data):
    found = tables(real_data / "epigenome" / "derived_deepchrome_layout" / "E123")
    assert {role: len(table.genes) for role, table in found.items()} == {"train": 200, "val": 200, "test": 200}
    train = found["train"]
    assert train.genes[0] == "130749"
    # The first three lines of train.csv.
    assert train.counts[0, :3].tolist() == [[0, 3, 9, 5, 0], [1, 4, 6, 14, 0], [0, 2, 3, 7, 3]]
    assert train.labels[0] == 1
    assert not set(train.genes) & set(found["test"].genes)


def test_k562_marks_correlate_with_expression_as_biology_says(real_data):
    folder = real_data / "epigenome" / "derived_deepchrome_layout" / "E123"
    found = look_at(check, [{"sample": "E123", "data": str(folder)}], DataConfig())
    assert found.warnings == ()
    assert "200 genes train, 200 genes val, 200 genes test" in dict(found.facts)["E123"]


def test_k562_marks_in_another_order_are_noticed(real_data):
    folder = real_data / "epigenome" / "derived_deepchrome_layout" / "E123"
    swapped = DataConfig(marks=("H3K4me3", "H3K36me3", "H3K4me1", "H3K27me3", "H3K9me3"))
    (warning,) = look_at(check, [{"sample": "E123", "data": str(folder)}], swapped).warnings
    assert warning == (
        "E123: H3K4me3 falls and H3K27me3 rises with expression (correlations -0.34 and +0.72): these two look swapped"
    )


def test_deepdiff_table_is_recognised_and_refused(real_data):
    path = real_data / "epigenome" / "deepdiff" / "Cell1.test.csv"
    with pytest.raises(InputError) as caught:
        read_bins_table(BinsFile("test", path, "Cell1.test.csv"), ZENODO_MARKS, 100)
    assert str(caught.value) == (
        "Cell1.test.csv, line 1: found ENSG00000000003_TSPAN6_1 and 5 counts, which is the DeepDiff layout "
        "(other windows, marks in another order, no label; `--set data.layout=deepdiff` reads it), "
        "expected GeneID, BinID, H3K27me3, H3K36me3, H3K4me1, H3K4me3, H3K9me3, label"
    )


def test_reader_agrees_with_a_plain_line_by_line_reading(real_data):
    folder = real_data / "epigenome" / "derived_deepchrome_layout" / "E123"
    lines = (folder / "classification" / "valid.csv").read_text().split()
    plain = np.array([[int(value) for value in line.split(",")[2:7]] for line in lines]).reshape(200, 100, 5)
    assert (tables(folder)["val"].counts == plain).all()


@pytest.mark.parametrize("sample", ["E123", "K562"])
def test_k562_is_not_among_the_other_cell_types_of_roadmap_under_either_name(real_data, tmp_path, sample):
    columns = pl.scan_parquet(real_data / "epigenome" / "roadmap56" / "rpkm.parquet")
    columns.select("gene", pl.col("^E[0-9]{3}$")).collect().write_csv(tmp_path / "rpkm.tsv", separator="\t")
    files = find_bins_files("E123", real_data / "epigenome" / "derived_deepchrome_layout" / "E123", tmp_path)
    (test,) = [t for f, t in zip(files, read_bins_tables(files, ZENODO_MARKS, 100), strict=True) if f.role == "test"]
    rows = pl.DataFrame({"sample": sample, "group": test.genes, "label": test.labels})
    others = read_other_cell_types(
        {"sample": sample, "other_expression": str(tmp_path / "rpkm.tsv")}, rows, DataConfig()
    )
    assert (list(others.left_out), len(others.names), others.has_own) == (["E123"], 55, sample == "E123")
    # A table says the number of a gene's Ensembl id; all 200 are found. README of the family.
    assert round(auroc(test.labels, others.averages), 3) == 0.929
