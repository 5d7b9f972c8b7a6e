"""Lists of test rows and public measurements: unique rows and pairs, and what is no list."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from gxtool.errors import InputError
from gxtool.io.dream_subsets import read_public, read_subsets

SINGLE = ",Unnamed: 0,tag,sequence,pos,exp\n0,0,a,ACGT,5,\n1,1,b,ACGT,2,\n2,2,c,ACGT,5,\n"
PAIR = (
    ",alt_tag,ref_tag,alt_sequence,ref_sequence,alt_pos,ref_pos,alt_exp,ref_exp\n"
    "0,a,b,ACGT,ACGA,7,1,,\n1,c,b,ACGT,ACGA,1,7,,\n2,a,b,ACGT,ACGA,7,1,,\n"
)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def test_rows_and_pairs_are_each_there_once(tmp_path):
    write(tmp_path, "yeast_seqs.csv", SINGLE)
    write(tmp_path, "all_SNVs_seqs.csv.gz", PAIR)
    found, sequences = read_subsets(tmp_path)
    assert {name: rows.tolist() for name, rows in found.items()} == {"yeast": [5, 2], "SNVs": [[7, 1], [1, 7]]}
    assert sequences[5] == sequences[2] == "ACGT"
    assert set(sequences) == {1, 2, 5, 7}


def test_lists_without_sequences_give_rows_alone(tmp_path):
    write(tmp_path, "yeast_seqs.csv", "pos\n3\n")
    found, sequences = read_subsets(tmp_path)
    assert (found["yeast"].tolist(), sequences) == ([3], {})


def test_public_measurements_are_joined_by_row(tmp_path):
    write(tmp_path, "yeast_exp_indices.json", '{"5": 0.5, "2": -1}')
    write(tmp_path, "SNVs_exp_indices.json", '{"7,1": [1.5, 2.5]}')
    write(tmp_path, "ground.json", '{"9": 4, "5": 0.5}')
    rows, measured = read_public(tmp_path)
    assert {name: found.tolist() for name, found in rows.items()} == {
        "yeast": [5, 2],
        "SNVs": [[7, 1]],
        "all": [1, 2, 5, 7, 9],
    }
    assert measured == {5: 0.5, 2: -1.0, 7: 1.5, 1: 2.5, 9: 4.0}


def test_folder_without_lists_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no list of a subset, expected some of high_exp_seqs.csv"):
        read_subsets(tmp_path)
    with pytest.raises(InputError, match="holds no measurements"):
        read_public(tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("tag,sequence\na,ACGT\n", "line 1: has no column pos"),
        ("pos\nx\n", "line 2: found 'x', expected the number of a row"),
        ("alt_pos,ref_pos\n1,\n", "line 2: found '1,', expected the number of a row"),
        ("pos\n", "lists no row"),
        ("", "line 1: has no column pos"),
    ],
)
def test_broken_list_is_refused(tmp_path, text, sentence):
    write(tmp_path, "high_exp_seqs.csv", text)
    with pytest.raises(InputError, match=f"high_exp_seqs.csv.*{sentence}"):
        read_subsets(tmp_path)


@pytest.mark.parametrize(
    "text",
    ['{"x": 1}', '{"1": [1, 2]}', '{"1,2": 3}', '{"1,2": [3, null]}', '{"1": 2, "1,2": [3, 4]}', '{"1": 2, "1": 2}'],
)
def test_broken_measurements_are_refused(tmp_path, text):
    write(tmp_path, "SNVs_exp_indices.json", text)
    with pytest.raises(InputError, match="SNVs_exp_indices.json"):
        read_public(tmp_path)
