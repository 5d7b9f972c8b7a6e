"""DeepDiff's tables: read exactly, found by cell type, refused in one sentence that names the place."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gxtool.errors import InputError
from gxtool.io.bins_files import BinsFile, find_bins_files
from gxtool.io.deepdiff import find_deepdiff_files, is_deepdiff, list_deepdiff_cells, read_deepdiff_table

MARKS = ("H3K4me1", "H3K4me3")
LAYOUT = "ENSG_SYMBOL_window, H3K4me1, H3K4me3"
# Two genes of three windows and two marks; the second symbol holds an underscore, its id a version.
TABLE = (
    "ENSG00000000003_TSPAN6_1,0,7\nENSG00000000003_TSPAN6_2,4,5\nENSG00000000003_TSPAN6_3,9,0\n"
    "ENSG00000201699.2_Y_RNA_1,2,2\nENSG00000201699.2_Y_RNA_2,0,0\nENSG00000201699.2_Y_RNA_3,1,65536\n"
)


def write(folder: Path, text: str | bytes, name: str = "Cell1.test.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def read(path: Path, n_bins: int = 3):
    return read_deepdiff_table(BinsFile("test", path, path.name), MARKS, n_bins)


@pytest.mark.parametrize(
    "text",
    [TABLE, TABLE.replace("\n", "\r\n"), TABLE.removesuffix("\n"), "\N{BYTE ORDER MARK}" + TABLE],
    ids=["plain", "CRLF", "no last line end", "BOM"],
)
def test_table_is_read_with_whole_ids_counts_as_gene_window_mark_and_no_labels(tmp_path, text):
    path = write(tmp_path, text)
    table = read(path)
    assert table.genes.to_list() == ["ENSG00000000003", "ENSG00000201699.2"]
    assert table.counts.dtype == np.uint32
    assert table.counts.tolist() == [[[0, 7], [4, 5], [9, 0]], [[2, 2], [0, 0], [1, 65536]]]
    assert table.labels is None
    assert table.source["name"] == "Cell1.test.csv"
    assert table.source["bytes"] == path.stat().st_size
    assert is_deepdiff(path)


def test_gzipped_table_is_read_and_recognised(tmp_path):
    path = write(tmp_path, gzip.compress(TABLE.encode()), "Cell1.test.csv.gz")
    assert read(path).genes.to_list() == ["ENSG00000000003", "ENSG00000201699.2"]
    assert is_deepdiff(path)


@pytest.mark.parametrize("text", ["000003,1,0,7,1\n", "ENSG00000000003,153\n", "", "\n", b"\xff\xfe\x00", "gene,1\n"])
def test_other_files_are_not_taken_for_it(tmp_path, text):
    assert not is_deepdiff(write(tmp_path, text))


BROKEN = [
    (
        "the layout of Zenodo",
        "000003,1,0,7,1\n",
        f"line 1: found 000003 in column 1, which is no window of the DeepDiff layout, expected {LAYOUT}",
    ),
    ("another number of marks", TABLE.replace("\n", ",1\n"), f"line 1: has 4 columns, expected 3 ({LAYOUT})"),
    (
        "a column missing on one line",
        TABLE.replace("_2,4,5", "_2,4"),
        f"line 2: has 2 columns, expected 3 columns ({LAYOUT})",
    ),
    (
        "a fraction",
        TABLE.replace("_2,4,5", "_2,4,5.5"),
        "line 2, column 3 (H3K4me3): found 5.5, expected a read count, which is a whole number",
    ),
    (
        "a negative count",
        TABLE.replace("_2,4,5", "_2,-4,5"),
        "line 2, column 2 (H3K4me1): found -4, expected a read count of at least 0",
    ),
    (
        "an empty field",
        TABLE.replace("_2,4,5", "_2,,5"),
        "line 2, column 2 (H3K4me1): found nothing, expected a read count",
    ),
    (
        "an id that is none",
        TABLE.replace("ENSG00000201699.2_Y_RNA_2", "Y_RNA_2"),
        "line 5, column 1 (ENSG_SYMBOL_window): found Y_RNA_2, expected gene, symbol and window",
    ),
    (
        "a window out of order",
        TABLE.replace("TSPAN6_2", "TSPAN6_3"),
        "line 2, column 1: found bin 3, expected bin 2 (every gene has bins 1 to 3 in order)",
    ),
    (
        "another gene inside",
        TABLE.replace("ENSG00000000003_TSPAN6_2", "ENSG00000000005_TNMD_2"),
        "line 2, column 1: found gene ENSG00000000005, expected ENSG00000000003 as on the lines before "
        "(bins 1 to 3 of one gene)",
    ),
    (
        "a gene twice",
        TABLE + TABLE,
        "line 7: gene ENSG00000000003 stands on line 1 already, expected every gene once",
    ),
    (
        "a header",
        "gene,H3K4me1,H3K4me3\n" + TABLE,
        f"line 1: found gene in column 1, which is no window of the DeepDiff layout, expected {LAYOUT}",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_broken_tables_are_refused_with_their_place(tmp_path, text, sentence):
    with pytest.raises(InputError) as caught:
        read(write(tmp_path, text))
    assert str(caught.value) == f"Cell1.test.csv, {sentence}"


def test_table_cut_off_inside_a_gene_is_refused(tmp_path):
    with pytest.raises(InputError) as caught:
        read(write(tmp_path, "".join(TABLE.splitlines(keepends=True)[:5])))
    assert str(caught.value) == "Cell1.test.csv: has 5 rows, expected a multiple of 3 (bins 1 to 3 of every gene)"


def test_window_number_beyond_all_bounds_is_refused(tmp_path):
    with pytest.raises(InputError, match="has windows with numbers beyond all bounds, expected bins"):
        read(write(tmp_path, "ENSG00000000003_TSPAN6_99999999999,0,7\n"), 1)


@settings(max_examples=25)
@given(counts=hnp.arrays(np.uint32, st.tuples(st.integers(1, 4), st.just(3), st.just(2))))
def test_written_counts_come_back(tmp_path_factory, counts):
    lines = [
        f"ENSG{gene:011d}_S_{gene}_{window + 1},{counts[gene, window, 0]},{counts[gene, window, 1]}\n"
        for gene in range(len(counts))
        for window in range(3)
    ]
    table = read(write(tmp_path_factory.mktemp("table"), "".join(lines)))
    assert np.array_equal(table.counts, counts)
    assert table.genes.to_list() == [f"ENSG{gene:011d}" for gene in range(len(counts))]


@pytest.fixture
def folder(tmp_path) -> Path:
    for cell, packed in (("Cell2", ".gz"), ("Cell1", "")):
        for stem in ("test", "train", "valid"):
            (tmp_path / f"{cell}.{stem}.csv{packed}").touch()
    (tmp_path / "Cell1.expr.csv").touch()
    return tmp_path


def test_cells_of_a_folder_are_listed_in_order_and_expression_tables_are_none(folder):
    assert list(list_deepdiff_cells(folder).items()) == [("Cell1", folder), ("Cell2", folder)]


def test_tables_of_a_cell_are_found_in_the_order_train_val_test(folder):
    found = find_deepdiff_files("Cell2", folder)
    assert [(file.role, file.path.name) for file in found] == [
        ("train", "Cell2.train.csv.gz"),
        ("val", "Cell2.valid.csv.gz"),
        ("test", "Cell2.test.csv.gz"),
    ]
    assert found[0].name == str(folder / "Cell2.train.csv.gz")


def test_only_cell_of_a_folder_may_have_another_name(folder):
    for path in folder.glob("Cell2*"):
        path.unlink()
    assert find_deepdiff_files("K562", folder)[0].path.name == "Cell1.train.csv"


def test_single_table_is_all_test(folder):
    path = folder / "Cell1.train.csv"
    assert find_deepdiff_files("Cell1", path) == [BinsFile("test", path, str(path))]


def test_what_is_not_there_is_said(folder):
    def sentence(cell: str, path: Path) -> str:
        with pytest.raises(InputError) as caught:
            find_deepdiff_files(cell, path)
        return str(caught.value).replace(str(folder), "FOLDER")

    assert sentence("E003", folder) == "FOLDER: holds 2 cell types (Cell1, Cell2) and none called E003, expected it"
    (folder / "Cell1.valid.csv").unlink()
    assert sentence("Cell1", folder) == (
        "FOLDER: has Cell1.test.csv, Cell1.train.csv but no Cell1.valid.csv, expected train, valid and test"
    )
    (folder / "Cell2.test.csv").touch()
    assert sentence("Cell2", folder) == "FOLDER/Cell2.test.csv: is there with and without .gz, expected one of them"
    (folder / "none").mkdir()
    assert sentence("E1", folder / "none") == "FOLDER/none: has no E1.train.csv, E1.valid.csv and E1.test.csv"
    assert sentence("E1", folder / "no") == (
        "FOLDER/no: does not exist, expected E1.train.csv, E1.valid.csv and E1.test.csv"
    )


def test_the_other_reader_names_the_option_that_reads_such_a_folder(folder, tmp_path):
    with pytest.raises(InputError) as caught:
        find_bins_files("Cell1", folder, tmp_path)
    assert str(caught.value) == (
        f"{folder}: has no train.csv, valid.csv and test.csv (it has tables of DeepDiff, which "
        "`--set data.layout=deepdiff` reads), expected the tables of cell type Cell1"
    )
