"""Replicates: columns are found by name, values averaged where only replicates are there, tables joined by row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gxtool.errors import InputError
from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.io.replicates import join_replicates, long_table, read_measured, read_replicates, replicate_columns


def write(folder: Path, text: str) -> Path:
    path = folder / "expression.tsv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("names", "column", "expected"),
    [
        (["id", "K562", "K562_rep2", "K562_rep10", "K562_rep1"], "K562", ["K562_rep1", "K562_rep2", "K562_rep10"]),
        (["K562_rep1", "K562b_rep1", "K562_rep", "K562_rep2x"], "K562", []),
        (["a_rep1", "a_rep2"], "b", []),
        (["_rep1", "_rep2"], "", []),
        ([], "K562", []),
    ],
)
def test_columns_are_found_by_number_and_one_is_none(names: list[str], column: str, expected: list[str]) -> None:
    assert replicate_columns(names, column) == expected


def test_replicates_stand_beside_the_value(tmp_path: Path) -> None:
    text = "gene\tliver\tliver_rep1\tliver_rep2\tlung\nA\t3\t2\t4\t9\n__no_feature\t1\t1\t1\t1\nB\t5\t5\t6\t9\n"
    found = read_measured(write(tmp_path, text), sample="liver")
    assert found.table.to_dict(as_series=False) == {
        "gene": ["A", "B"],
        "value": [3.0, 5.0],
        "replicate_1": [2.0, 5.0],
        "replicate_2": [4.0, 6.0],
    }
    assert found.column == "liver"
    assert read_measured(tmp_path / "expression.tsv", "lung").table.columns == ["gene", "value"]


def test_without_the_value_itself_it_is_the_mean(tmp_path: Path) -> None:
    found = read_measured(write(tmp_path, "gene,liver_rep1,liver_rep2\nA,2,4\nB,5,6\n"), sample="liver")
    assert found.table["value"].to_list() == [3.0, 5.5]
    assert found.table["replicate_2"].to_list() == [4.0, 6.0]
    assert found.column == "liver"


def test_a_gene_may_lack_a_replicate_but_not_its_value(tmp_path: Path) -> None:
    text = "gene,liver,liver_rep1,liver_rep2\nA,3,NA,4\nB,5,5,\nC,1,1,1\n"
    found = read_measured(write(tmp_path, text), sample="liver").table
    assert found["value"].to_list() == [3.0, 5.0, 1.0]
    assert np.isnan(found["replicate_1"].to_numpy()).tolist() == [True, False, False]
    assert np.isnan(found["replicate_2"].to_numpy()).tolist() == [False, True, False]
    alone = read_measured(write(tmp_path, "gene,a_rep1,a_rep2\nA,NA,4\nB,2,3\nC,NA,.\n"), sample="a").table
    assert dict(alone.select("gene", "value").iter_rows()) == {"A": 4.0, "B": 2.5}
    with pytest.raises(InputError, match="found NA for gene A, expected a number"):
        read_measured(write(tmp_path, "gene,liver,liver_rep1,liver_rep2\nA,NA,1,4\n"), sample="liver")


def test_a_single_replicate_and_a_headerless_table_are_plain_tables(tmp_path: Path) -> None:
    assert read_measured(write(tmp_path, "ENSG00000000001\t1\nENSG00000000002\t2\n")).table.columns == ["gene", "value"]
    found = read_measured(write(tmp_path, "gene\tliver\tliver_rep1\nA\t1\t2\n"), sample="liver")
    assert found.table.columns == ["gene", "value"]


def test_a_replicate_without_a_number_is_named_by_line_and_column(tmp_path: Path) -> None:
    path = write(tmp_path, "gene\tliver\tliver_rep1\tliver_rep2\nA\t1\t2\tx\n")
    with pytest.raises(InputError, match=r"line 2, column 4 \(liver_rep2\): found x for gene A, expected a number"):
        read_measured(path, sample="liver")


def test_long_tables_number_replicates_within_their_target_and_leave_out_gaps() -> None:
    values = np.array([[1.0, 10, 2], [np.nan, 11, 3]])
    table = long_table(values, [0, 1, 0], first_row=5)
    assert table.rows() == [(5, 0, 1, 1.0), (5, 1, 1, 10.0), (6, 1, 1, 11.0), (5, 0, 2, 2.0), (6, 0, 2, 3.0)]


def test_replicates_of_several_examples_are_joined_by_row(tmp_path: Path) -> None:
    parts = []
    for number, (rows, values) in enumerate([(2, [[1.0, 2]]), (3, None), (1, [[3.0, 4]])]):
        with ArtifactWriter(tmp_path / f"e{number}", "examples") as writer:
            writer.write_table("rows.parquet", pl.DataFrame({"row": range(rows)}))
            if values:
                writer.write_table("replicates.parquet", long_table(np.array(values), [0, 0]))
        parts.append(open_artifact(tmp_path / f"e{number}"))
    with ArtifactWriter(tmp_path / "d", "dataset") as writer:
        join_replicates(parts, writer, lambda table: table.with_columns(pl.col("value") * 10))
    joined = read_replicates(open_artifact(tmp_path / "d"))
    assert joined.rows() == [(0, 0, 1, 10.0), (0, 0, 2, 20.0), (5, 0, 1, 30.0), (5, 0, 2, 40.0)]
    with ArtifactWriter(tmp_path / "none", "dataset") as writer:
        join_replicates(parts[1:2], writer, lambda table: table)
    assert len(read_replicates(open_artifact(tmp_path / "none"))) == 0
