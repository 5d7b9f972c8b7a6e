"""From files of promoters to arrays, roles and scalers: what is kept, what is counted, and what is refused."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from promoter_datasets import join

from gxtool.config import ConfigError
from gxtool.data.sequence import centre_pad, tokens_of
from gxtool.errors import InputError
from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.io.dataset import Dataset
from gxtool.models.proformer import encode, examples, features
from gxtool.models.proformer.config import DataConfig, ModelConfig
from gxtool.models.proformer.ids import hash_units, sequence_ids

LEFT, RIGHT = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"
PLAIN = {"five_prime": "", "three_prime": "", "length": 8}
COMPLEMENTS = str.maketrans("ACGT", "TGCA")


def table(path: Path, *lines: str) -> str:
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def many(n_rows: int, seed: int = 0) -> list[str]:
    """Return lines of different inserts of 8 bases and the expression 0, 0.5, 1, ..."""
    random = np.random.default_rng(seed)
    words = dict.fromkeys("".join(random.choice(list("ACGT"), 8)) for _ in range(2 * n_rows))
    return [f"{word}\t{n / 2}" for n, word in enumerate(list(words)[:n_rows])]


def make(folder: Path, *sheet: dict[str, str], **data: Any) -> Dataset:
    """Preprocess each row of a sheet by itself, as the pipeline does, and join them."""
    return join(folder, sheet, DataConfig(**data))


def roles(dataset: Dataset) -> dict[str, list[int]]:
    return {role: dataset.indices(role).tolist() for role in ("train", "val", "test")}


def test_inserts_are_padded_in_the_middle_and_values_unscaled(tmp_path):
    path = table(tmp_path / "a.txt", f"{LEFT}ACGTA{RIGHT}\t3", f"{LEFT}ggRN{RIGHT}\t11.5", f"{LEFT}TTTTTT{RIGHT}\t0")
    found = make(tmp_path, {"sample": "yeast", "data": path}, length=8)
    assert found.arrays["tokens"].dtype == np.uint8
    assert found.arrays["tokens"].tolist() == [
        [4, 0, 1, 2, 3, 0, 4, 4],
        [4, 4, 2, 2, 4, 4, 4, 4],
        [4, 3, 3, 3, 3, 3, 3, 4],
    ]
    assert found.arrays["lengths"].tolist() == [5, 4, 6]
    assert found.arrays["labels"].dtype == np.float32
    assert found.arrays["labels"].tolist() == found.rows["label"].to_list() == [3, 11.5, 0]
    (said,) = found.artifact.json("summary.json")["samples"]
    assert {name: count for name, count in said["tally"].items() if count} == {
        "read": 3,
        "lower_case": 1,
        "ambiguous": 1,
        "with_n": 1,
    }


def test_files_say_roles_and_a_sequence_has_only_the_strictest(tmp_path):
    row = {
        "sample": "yeast",
        "data": table(tmp_path / "train.txt", "AAAAACCC\t1", "CCCCCCCC\t2", "GGGTTTTT\t3", "ACACACAC\t4"),
        "val": table(tmp_path / "val.txt", "CCCCCCCC\t5", "AGAGAGAG\t6"),
        "test": table(tmp_path / "test.txt", "AAAAACCC\t7", "AAAAACCC\t8"),
    }
    found = make(tmp_path, row, **PLAIN)
    # GGGTTTTT is the reverse complement of AAAAACCC.
    assert roles(found) == {"train": [3], "val": [4, 5], "test": [6, 7]}
    assert found.scheme == "file"
    assert found.artifact.manifest.dropped == {"same_sequence_in_another_role": 3}
    assert found.rows["number"].to_list() == [None] * 6 + [0, 1]
    assert found.rows["sequence"].to_list() == [None] * 6 + ["AAAAACCC"] * 2


def test_what_no_file_gives_is_held_out_by_a_hash_that_other_rows_do_not_change(tmp_path):
    lines = many(300)
    data = {"validation_fraction": 0.2, "test_fraction": 0.3, **PLAIN}
    whole = make(tmp_path, {"sample": "a", "data": table(tmp_path / "a.txt", *lines)}, **data)
    assert whole.scheme == "group"
    sizes = {role: len(rows) for role, rows in roles(whole).items()}
    assert sum(sizes.values()) == 300
    assert 60 < sizes["test"] < 120
    assert 25 < sizes["val"] < 60
    (tmp_path / "half").mkdir()
    half = make(tmp_path / "half", {"sample": "a", "data": table(tmp_path / "b.txt", *lines[:150])}, **data)
    assert roles(half) == {role: [row for row in rows if row < 150] for role, rows in roles(whole).items()}
    test = table(tmp_path / "test.txt", "ACGTACGT\t1")
    (tmp_path / "own").mkdir()
    own = make(tmp_path / "own", {"sample": "a", "data": table(tmp_path / "c.txt", *lines), "test": test}, **data)
    assert roles(own)["test"] == [300]
    assert 40 < len(roles(own)["val"]) < 80


def test_split_sequence_pools_training_and_validation_files(tmp_path):
    lines = many(90)
    row = {
        "sample": "a",
        "data": table(tmp_path / "t.txt", *lines[:30]),
        "val": table(tmp_path / "v.txt", *lines[30:80]),
        "test": table(tmp_path / "e.txt", *lines[80:]),
    }
    found = make(tmp_path, row, split="sequence", validation_fraction=0.5, **PLAIN)
    assert roles(found)["test"] == list(range(80, 90))
    assert Counter(row < 30 for row in roles(found)["val"]).keys() == {True, False}


def test_samples_join_and_a_sequence_has_one_role_in_all_of_them(tmp_path):
    lines = many(60)
    first = {"sample": "glu", "data": table(tmp_path / "a.txt", *lines)}
    second = {"sample": "sc", "data": table(tmp_path / "b.txt", *lines[::-1])}
    found = make(tmp_path, first, second, **PLAIN)
    assert found.samples == ["glu", "sc"]
    assert found.arrays["tokens"].shape == (120, 8)
    by_row = dict(found.splits.select("row", "role").iter_rows())
    assert all(by_row[row] == by_row[119 - row] for row in range(60))


def test_measured_values_stand_for_those_of_the_test_file(tmp_path):
    row = {
        "sample": "a",
        "data": table(tmp_path / "a.txt", *many(40)),
        "test": table(tmp_path / "t.txt", "ACACACAC\t0", "AGAGAGAT\t0"),
        "measured": table(tmp_path / "m.txt", "ACACACAC\t-1.25", "AGAGAGAT\t0.5"),
    }
    found = make(tmp_path, row, **PLAIN)
    assert found.arrays["labels"][40:].tolist() == [-1.25, 0.5]
    table(tmp_path / "m.txt", "ACACACAC\t-1.25", "AGAGAGAC\t0.5")
    with pytest.raises(InputError, match=r"m\.txt: sequence 2 is not that of .*t\.txt, expected the same"):
        make(tmp_path / "b", row, **PLAIN)
    table(tmp_path / "m.txt", "ACACACAC\t-1.25")
    with pytest.raises(InputError, match=r"m\.txt: has 1 sequences, expected the 2 of"):
        make(tmp_path / "c", row, **PLAIN)


def test_tables_with_headers_several_targets_and_other_names_in_the_test_file(tmp_path):
    row = {
        "sample": "fly",
        "data": table(tmp_path / "a.csv", "id,hk,seq,dev", "x,1,ACGTACGT,10", "y,2,CCGTACGA,20"),
        "test": table(tmp_path / "t.tsv", "seq\tDev_log2\tHk_log2", "GGGGGGGG\t30\t3"),
    }
    names = {"sequence_column": "seq", "targets": ["dev", "hk"], "test_targets": ["Dev_log2", "Hk_log2"]}
    found = make(tmp_path, row, target="hk", **names, **PLAIN)
    assert found.arrays["labels"].tolist() == [1, 2, 3]
    assert found.artifact.manifest.info["target"] == "hk"
    with pytest.raises(InputError, match=r"b\.txt: has 1 values for each sequence, expected 2 \(dev, hk\)"):
        make(tmp_path / "b", {"sample": "a", "data": table(tmp_path / "b.txt", "ACGT\t1")}, **names, **PLAIN)


def test_fasta_with_a_table_gzip_and_parquet(tmp_path):
    fasta = table(tmp_path / "a.fa", ">p1 first", "ACGT", "AC", ">p2", "TTTT")
    values = table(tmp_path / "values.tsv", "p2\t5", "p1\t2.5")
    pl.DataFrame({"sequence": ["GGGG"], "expression": [7.0]}).write_parquet(tmp_path / "v.parquet")
    (tmp_path / "t.txt.gz").write_bytes(gzip.compress(b"CCCC\t9\n"))
    row = {"sample": "a", "data": fasta, "values": values}
    row |= {"val": str(tmp_path / "v.parquet"), "test": str(tmp_path / "t.txt.gz")}
    found = make(tmp_path, row, **PLAIN)
    assert found.arrays["labels"].tolist() == [2.5, 5, 7, 9]
    assert found.arrays["lengths"].tolist() == [6, 4, 4, 4]
    table(tmp_path / "values.tsv", "name\tother\texpression", "p2\t1\t6", "p1\t1\t3")
    assert make(tmp_path / "b", row, **PLAIN).arrays["labels"].tolist() == [3, 6, 7, 9]
    assert [one["name"] for one in found.artifact.manifest.info["inputs"]] == [
        "a/a.fa",
        "a/values.tsv",
        "a/v.parquet",
        "a/t.txt.gz",
    ]


def test_a_sample_of_test_sequences_alone_waits_to_be_predicted(tmp_path):
    submission = tmp_path / "sample_submission.json"
    submission.write_text(json.dumps({"2": 0.5, "0": 0.1}))
    row = {"sample": "new", "test": table(tmp_path / "t.txt", "ACGT", "CCCC", "acgtA"), "submission": str(submission)}
    found = make(tmp_path, row, **PLAIN)
    assert "labels" not in found.arrays
    assert roles(found)["test"] == [0, 1, 2]
    assert found.rows["sequence"].to_list() == ["ACGT", "CCCC", "acgtA"]
    assert found.rows["submission"].to_list() == [1, None, 0]
    # The second column of a test file may be anything where nothing is trained.
    table(tmp_path / "t.txt", "ACGT\tx", "CCCC\ty", "ACGTA\tz")
    assert len(make(tmp_path / "b", row, **PLAIN).rows) == 3
    submission.write_text(json.dumps({"3": 0.5}))
    with pytest.raises(InputError, match=r"sample_submission\.json: asks for test row 3, expected rows of .*t\.txt"):
        make(tmp_path / "c", row, **PLAIN)


def test_long_inserts_are_refused_trimmed_or_left_out_and_counted(tmp_path):
    row = {"sample": "a", "data": table(tmp_path / "a.txt", "ACGTACGTAC\t1", "AAAA\t2", "CCCC\t3")}
    with pytest.raises(InputError, match=r"a\.txt, line 1: the insert has 10 bases, expected at most 8"):
        make(tmp_path / "a", row, **PLAIN)
    trimmed = make(tmp_path / "b", row, too_long="trim", **PLAIN)
    assert trimmed.arrays["tokens"][0].tolist() == [1, 2, 3, 0, 1, 2, 3, 0]
    dropped = make(tmp_path / "c", row, too_long="drop", **PLAIN)
    assert len(dropped.rows) == 2
    assert open_artifact(tmp_path / "c" / "examples0").manifest.dropped == {"too_long": 1}
    row["data"] = table(tmp_path / "d.txt", "ACGTACGTAC\t1")
    with pytest.raises(InputError, match=r"d\.txt: every insert is longer than 8 bases"):
        make(tmp_path / "d", row, too_long="drop", **PLAIN)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"sample": "a"}, "sample a: has no sequences"),
        ({"sample": "a", "val": "t.txt"}, "sample a: has no sequences"),
        ({"sample": "a", "data": "t.txt", "measured": "t.txt"}, "sample a: has measured without test"),
        ({"sample": "a", "data": "t.txt", "submission": "t.txt"}, "sample a: has submission without test"),
        ({"sample": "a", "data": "none.txt"}, r"none\.txt: cannot be read"),
    ],
)
def test_sheets_that_do_not_fit_together(tmp_path, monkeypatch, row, sentence):
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "t.txt", "ACGT\t1")
    with pytest.raises(InputError, match=sentence):
        make(tmp_path / "a", row, **PLAIN)


def test_samples_with_and_without_expression_are_not_joined(tmp_path):
    first = {"sample": "a", "data": table(tmp_path / "a.txt", *many(40))}
    second = {"sample": "b", "test": table(tmp_path / "t.txt", "ACGT")}
    with pytest.raises(InputError, match="expected expression in all samples or none"):
        make(tmp_path, first, second, **PLAIN)
    with (
        pytest.raises(InputError, match="sample b: has no expression but a has"),
        ArtifactWriter(tmp_path / "both", "examples") as writer,
    ):
        examples.preprocess([first, second], DataConfig(**PLAIN), writer)


def test_split_file_needs_all_files_and_a_dataset_the_examples_it_was_set_for(tmp_path):
    row = {"sample": "a", "data": table(tmp_path / "a.txt", *many(40))}
    with pytest.raises(InputError, match="data.split=file: sample a has no file of val sequences"):
        make(tmp_path, row, split="file", **PLAIN)
    part = open_artifact(tmp_path / "examples0")
    with pytest.raises(InputError, match="was made with length 8, expected 100 as in data.length"):
        encode.encode([part], DataConfig(), None)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"five_prime": "ACGN"}, "pattern"),
        ({"targets": []}, "at least one column"),
        ({"targets": ["a", "b"], "target": "c"}, "target to be one of targets"),
        ({"targets": ["a", "b"], "test_targets": ["c"]}, "as many test_targets"),
    ],
)
def test_data_sections_that_contradict_themselves(fields, sentence):
    with pytest.raises(ValueError, match=sentence):
        DataConfig(**fields)


def test_folder_of_the_challenge_is_a_row(tmp_path):
    with pytest.raises(InputError, match="has neither train_sequences.txt nor test_sequences.txt"):
        examples.expand(tmp_path)
    folder = tmp_path / "dream"
    folder.mkdir()
    for name in ("train_sequences.txt.gz", "test_sequences.txt", "sample_submission.json"):
        (folder / name).touch()
    # The test file's own values are not measurements: without measured ones there is nothing to judge by.
    assert examples.expand(folder) == [{"sample": "dream", "data": str(folder / "train_sequences.txt.gz")}]
    (folder / "filtered_test_data_with_MAUDE_expression.txt").touch()
    assert set(examples.expand(folder)[0]) == {"sample", "data", "test", "measured", "submission"}


@given(st.text("ACGT", min_size=1, max_size=23), st.integers(0, 9))
def test_id_of_a_sequence_is_that_of_its_reverse_complement_however_padded(sequence, padding):
    other = sequence.translate(COMPLEMENTS)[::-1]
    length = len(sequence) + padding
    tokens = np.stack([centre_pad(tokens_of(text), length) for text in (sequence, other)])
    first, second = sequence_ids(tokens, np.full(2, len(sequence)))
    (bare,) = sequence_ids(tokens_of(sequence)[None], np.array([len(sequence)]))
    assert first == second == bare
    assert len(first) == 12


def plain_mix(value: int) -> int:
    """SplitMix64's finaliser in Python's own numbers."""
    most = 2**64
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % most
    value = (value ^ value >> 27) * 0x94D049BB133111EB % most
    return value ^ value >> 31


def plain_id(sequence: str) -> str:
    golden, keys = 0x9E3779B97F4A7C15, []
    for text in (sequence, sequence.translate(COMPLEMENTS)[::-1]):
        numbers, key = ["ACGTN".index(letter) for letter in text], golden
        numbers += [4] * (-len(numbers) % 8)
        for first in range(0, len(numbers), 8):
            word = int.from_bytes(bytes(numbers[first : first + 8]), "little")
            key = plain_mix(((key ^ word) + golden) % 2**64)
        keys.append(key)
    return f"{min(keys):016x}"[:12]


def test_ids_and_units_are_the_same_on_every_machine():
    ids = sequence_ids(np.stack([tokens_of("ACGTTTGCAA"), tokens_of("NACGNTGCAN")]), np.array([10, 8]))
    assert ids.to_list() == [plain_id("ACGTTTGCAA"), plain_id("ACGNTGCA")]
    assert ids[0] == "64b571800a77"
    assert hash_units(ids[:1], 2)[0] == pytest.approx(0.0876666374)


def test_all_words_of_six_bases_have_different_ids_but_for_their_strand():
    words = np.stack(np.unravel_index(np.arange(4**6), (4,) * 6), axis=1).astype(np.uint8)
    ids = sequence_ids(words, np.full(4**6, 6))
    assert ids.n_unique() == (4**6 + 4**3) // 2
    units = hash_units(ids.unique(), 1)
    assert 0 <= units.min() < units.max() < 1
    assert abs(units.mean() - 0.5) < 0.03


def test_scaler_is_fitted_on_the_training_rows_with_the_population_deviation(tmp_path):
    path = table(tmp_path / "a.txt", "ACGT\t1", "AACT\t2", "CCGT\t6", "TTTT\t100")
    found = features.fit(make(tmp_path, {"sample": "a", "data": path}, **PLAIN), np.array([0, 1, 2]), ModelConfig())
    assert found["target_mean"] == [3.0]
    assert found["target_std"] == pytest.approx([(14 / 3) ** 0.5])
    assert (found["length"], found["targets"]) == (8, ["expression"])


def test_softclass_needs_sorting_bins_and_any_head_values_that_differ(tmp_path):
    dataset = make(
        tmp_path, {"sample": "a", "data": table(tmp_path / "a.txt", "ACGT\t-1", "CCCC\t3", "GGGT\t3")}, **PLAIN
    )
    with pytest.raises(ConfigError, match=r"training values of expression are -1 to 3, expected sorting bins from 0"):
        features.fit(dataset, np.array([0, 1]), ModelConfig(head="softclass"))
    with pytest.raises(InputError, match="all 2 training values of expression are 3, expected several"):
        features.fit(dataset, np.array([1, 2]), ModelConfig())


def test_collate_marks_whole_numbers_and_leaves_out_what_is_not_there():
    rows = {
        "tokens": np.zeros((3, 5), np.uint8),
        "lengths": np.full(3, 5),
        "labels": np.array([3, 2.5, 17], np.float32),
    }
    batch = features.collate(rows)
    assert set(batch) == {"tokens", "labels", "singleton"}
    assert batch["singleton"].tolist() == [1, 0, 1]
    assert set(features.collate({"tokens": rows["tokens"]})) == {"tokens"}


def between(five_prime: str, three_prime: str) -> Any:
    """Return as much of a dataset as says which flanks stand around its inserts."""
    manifest = SimpleNamespace(info={"origin": {"flanks": [five_prime, three_prime]}})
    return SimpleNamespace(artifact=SimpleNamespace(manifest=manifest))


def test_words_that_reach_into_a_flank_count_and_those_in_a_flank_alone_do_not():
    matrix, names = features.features({"tokens": tokens_of("NAN")[None]}, between("CCCCCC", "GGGGGG"))
    found = {name: count for name, count in zip(names[1:], matrix[0, 1:], strict=True) if count}
    # CCCC A GGGG: five words hold the A; CCCCC and GGGGG lie in a flank.
    assert found == {"CCCCA": 1, "CCCAG": 1, "CCAGG": 1, "CAGGG": 1, "AGGGG": 1}
    assert matrix[0, 0] == 0


def test_features_are_gc_content_and_words_of_both_strands(tmp_path):
    rows = {"tokens": np.stack([tokens_of("NAAAAAGN"), tokens_of("NCTTTTTN"), tokens_of("NNNNNNNN")])}
    matrix, names = features.features(rows, between("", ""))
    assert matrix.shape == (3, 513)
    assert matrix.dtype == np.float32
    assert names[0] == "GC"
    assert matrix[:, 0] == pytest.approx([1 / 6, 1 / 6, 0])
    # AAAAA with AAAAG, and their other strands TTTTT and CTTTT.
    assert matrix[0].tolist() == matrix[1].tolist()
    assert {name: count for name, count in zip(names[1:], matrix[0, 1:], strict=True) if count} == {
        "AAAAA": 1,
        "AAAAG": 1,
    }
    assert not matrix[2].any()
