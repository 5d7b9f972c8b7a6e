"""Lists of the challenge meet test sequences: whose number is which, what is there, and what does not fit."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gxtool.errors import InputError
from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.io.dataset import Dataset
from gxtool.models.look import Look
from gxtool.models.proformer import encode, examples
from gxtool.models.proformer.check import check
from gxtool.models.proformer.config import DataConfig
from gxtool.models.proformer.subsets import TABLE, boards

NAMED = DataConfig(five_prime="", three_prime="", length=8, number_column="test_index")
BY_PLACE = NAMED.model_copy(update={"number_column": ""})
TESTED = {3: "ACGTACGT", 7: "CCGTACGA", 4: "GGGTTTTT", 9: "ACACACAC", 12: "TTTTTTTA"}


def write(path: Path, text: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return str(path)


def of_numbers(path: Path, numbers: list[object]) -> str:
    """Write test sequences whose numbers stand in a column; measured are 0.5, 1.5, ..."""
    rows = zip(numbers, TESTED.values(), strict=False)
    lines = [f"{number}\t{text}\t{place + 0.5}" for place, (number, text) in enumerate(rows)]
    return write(path, "\n".join(["test_index\tsequence\texpression", *lines, ""]))


@pytest.fixture
def row(tmp_path: Path) -> dict[str, str]:
    """Return a sample of 20 training and 5 test sequences; of the lists, 12 is public and 5 and 6 are not there."""
    train = "\n".join(f"{''.join('ACGT'[n // 4**p % 4] for p in range(5))}\t{n % 7}" for n in range(20))
    write(
        tmp_path / "lists/yeast_seqs.csv", "pos,sequence\n3,ACGTACGT\n5,AAAAAAAA\n7,ccgtacga\n12,TTTTTTTA\n3,ACGTACGT\n"
    )
    pairs = [(4, 3, "GGGTTTTT", "ACGTACGT"), (9, 6, "ACACACAC", "AAAAAAAA"), (12, 9, "TTTTTTTA", "ACACACAC")]
    with (tmp_path / "lists/all_SNVs_seqs.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["alt_pos", "ref_pos", "alt_sequence", "ref_sequence"])
        table.writerows(pairs)
    write(tmp_path / "shown/yeast_exp_indices.json", '{"12": 4.5, "5": 0}')
    write(tmp_path / "shown/SNVs_exp_indices.json", '{"12,9": [4.5, 3.5]}')
    return {
        "sample": "yeast",
        "data": write(tmp_path / "train.txt", f"{train}\n"),
        "test": of_numbers(tmp_path / "test.tsv", list(TESTED)),
        "subsets": str(tmp_path / "lists"),
        "public": str(tmp_path / "shown"),
    }


def make(folder: Path, row: dict[str, str], data: DataConfig = NAMED) -> Dataset:
    with ArtifactWriter(folder / "examples", "examples", family="proformer", overwrite=True) as writer:
        examples.preprocess([row], data, writer)
    with ArtifactWriter(folder / "dataset", "dataset", family="proformer", overwrite=True) as writer:
        encode.encode([open_artifact(folder / "examples")], data, writer)
    return Dataset.open(folder / "dataset")


def plain(found: list) -> dict:
    return {board.part: {name: rows.tolist() for name, rows in board.subsets.items()} for board in found}


def test_lists_go_with_the_dataset_and_numbers_are_those_of_the_column(tmp_path, row):
    found = make(tmp_path, row)
    table = found.artifact.table(TABLE)
    assert table.sort("subset", "first").rows() == [
        ("yeast", "SNVs", 4, 3, True, False),
        ("yeast", "SNVs", 9, 6, True, False),
        ("yeast", "SNVs", 12, 9, True, True),
        ("yeast", "all", 5, None, False, True),
        ("yeast", "all", 9, None, False, True),
        ("yeast", "all", 12, None, False, True),
        ("yeast", "yeast", 3, None, True, False),
        ("yeast", "yeast", 5, None, True, True),
        ("yeast", "yeast", 7, None, True, False),
        ("yeast", "yeast", 12, None, True, True),
    ]
    assert found.rows.filter(pl.col("role") == "test")["number"].to_list() == [3, 7, 4, 9, 12]


def test_subsets_are_narrowed_to_what_is_there_and_say_of_how_many(tmp_path, row):
    table = make(tmp_path, row).artifact.table(TABLE)
    found = boards(table, "yeast", np.array([3, 7, 4, 9, 12]))
    assert plain(found) == {
        "whole": {"all": [3, 7, 4, 9, 12], "yeast": [3, 7, 12], "SNVs": [[4, 3], [12, 9]]},
        # Rows 5, 9 and 12 were public, and the pair of 12 and 9; a pair whose members were is another matter.
        "private": {"all": [3, 7, 4], "yeast": [3, 7], "SNVs": [[4, 3]]},
        "public": {"yeast": [12], "SNVs": [[12, 9]], "all": [9, 12]},
    }
    assert [dict(board.sizes) for board in found] == [
        # 5 and 6 are not there, so nobody knows how many there are in all.
        {"all": None, "yeast": 4, "SNVs": 3},
        {"all": None, "yeast": 2, "SNVs": 2},
        {"yeast": 2, "SNVs": 1, "all": 3},
    ]


def test_a_test_set_that_is_whole_has_a_size_and_without_public_rows_there_is_one_board(tmp_path, row):
    del row["public"]
    table = make(tmp_path, row).artifact.table(TABLE)
    assert table["public"].null_count() == len(table)
    there = np.arange(14)
    (board,) = boards(table, "yeast", there)
    assert (board.part, dict(board.sizes)) == ("whole", {"all": 14, "yeast": 4, "SNVs": 3})
    assert board.subsets["yeast"].tolist() == [3, 5, 7, 12]


def test_public_rows_alone_give_the_public_subsets(tmp_path, row):
    del row["subsets"]
    found = plain(boards(make(tmp_path, row).artifact.table(TABLE), "yeast", np.array([5, 9, 12])))
    assert found["whole"] == {"all": [5, 9, 12]}
    assert found["public"] == {"yeast": [12, 5], "SNVs": [[12, 9]], "all": [5, 9, 12]}


def test_check_counts_what_is_there(row):
    facts = dict(check([row], NAMED, Look()).facts)
    assert facts["yeast, subsets"] == "all 5, yeast 3 of 4, SNVs 2 of 3"


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ([3, "x", 4], r"test\.tsv, sequence 2: column test_index holds 'x', expected the number of a test sequence"),
        ([3, -7, 4], r"sequence 2: column test_index holds '-7'"),
        ([3, "", 4], r"sequence 2: column test_index holds ''"),
        ([3, 4.5, 4], r"sequence 2: column test_index holds '4.5'"),
        ([3, 4294967296], r"sequence 2: column test_index holds '4294967296'"),
        ([3, 7, 3], r"sequence 3: column test_index holds 3, which sequence 1 has already, expected every number once"),
    ],
)
def test_numbers_that_are_none_or_not_unique_are_refused(tmp_path, row, numbers, sentence):
    row["test"] = of_numbers(tmp_path / "test.tsv", numbers)
    with pytest.raises(InputError, match=sentence):
        make(tmp_path, row)
    look = Look()
    check([row], NAMED, look)
    assert [type(problem) for problem in look.problems] == [InputError]
    assert re.search(sentence, str(look.problems[0]))


def test_numbers_may_have_passed_through_floats_and_stand_in_parquet(tmp_path, row):
    row["test"] = of_numbers(tmp_path / "test.tsv", [float(number) for number in TESTED])
    assert make(tmp_path, row).rows["number"].drop_nulls().to_list() == [3, 7, 4, 9, 12]
    frame = pl.DataFrame({"sequence": list(TESTED.values()), "expression": np.arange(5.0), "test_index": list(TESTED)})
    frame.write_parquet(tmp_path / "test.parquet")
    row["test"] = str(tmp_path / "test.parquet")
    assert make(tmp_path, row).rows["number"].drop_nulls().to_list() == [3, 7, 4, 9, 12]


def test_file_without_the_column_of_numbers_is_refused(tmp_path, row):
    row["test"] = write(tmp_path / "test.txt", "ACGT\t1\n")
    with pytest.raises(InputError, match=r"test\.txt: has no header with sequence, expected one, and a column test_i"):
        make(tmp_path, row)
    row["test"] = write(tmp_path / "test.txt", "sequence\texpression\nACGT\t1\n")
    with pytest.raises(InputError, match=r"test\.txt, line 1: has no column 'test_index'"):
        make(tmp_path, row)


@pytest.mark.parametrize("column", ["subsets", "public"])
def test_lists_without_test_sequences_are_refused(tmp_path, row, column):
    sheet = {"sample": "yeast", "data": row["data"], column: row[column]}
    with pytest.raises(InputError, match=f"sample yeast: has {column} without test, expected a file of test sequences"):
        make(tmp_path, sheet)


def test_lists_of_other_sequences_are_refused(tmp_path, row):
    with pytest.raises(
        InputError, match=r"lists: test row 3 is ACGTACGT, but ACACACAC in .*test\.tsv, expected lists of these"
    ):
        make(tmp_path, row, BY_PLACE)


def test_public_values_of_other_sequences_are_refused_whatever_their_scale(tmp_path, row):
    del row["subsets"]
    words = ["".join("ACGT"[n // 4**p % 4] for p in range(6)) for n in range(50, 62)]
    table = "".join(f"{word}\t{n}\n" for n, word in enumerate(words))
    row["test"] = write(tmp_path / "test.txt", table)
    write(tmp_path / "shown/yeast_exp_indices.json", json.dumps({str(n): 100 + 3 * n for n in range(12)}))
    (tmp_path / "shown/SNVs_exp_indices.json").unlink()
    make(tmp_path, row, BY_PLACE)
    shuffled = [5, 1, 8, 3, 11, 2, 9, 0, 4, 10, 7, 6]
    write(tmp_path / "shown/yeast_exp_indices.json", json.dumps({str(n): shuffled[n] for n in range(12)}))
    with pytest.raises(InputError, match=r"shown: measured values of 12 rows correlate by 0\.\d\d with those of"):
        make(tmp_path, row, BY_PLACE)


def test_folder_of_the_challenge_brings_its_lists(tmp_path):
    folder = tmp_path / "dream"
    for name in ("test_subset_ids", "public_leaderboard_ids"):
        (folder / name).mkdir(parents=True)
    for name in ("train_sequences.txt", "test_sequences.txt"):
        (folder / name).touch()
    assert set(examples.expand(folder)[0]) == {"sample", "data"}  # nothing is measured, so nothing is scored
    (folder / "filtered_test_data_with_MAUDE_expression.txt").touch()
    (found,) = examples.expand(folder)
    assert (found["subsets"], found["public"]) == (
        str(folder / "test_subset_ids"),
        str(folder / "public_leaderboard_ids"),
    )
