"""Files of predictions: the same keys and sequences come back, and what is no submission is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gxtool.errors import InputError
from gxtool.io.submission import (
    check_same_rows,
    read_predictions,
    read_submission,
    write_predictions,
    write_submission,
)

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def write(folder: Path, text: str, name: str = "sample_submission.json") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_submission_has_the_keys_of_the_sample_in_its_order(tmp_path):
    sample = read_submission(write(tmp_path, '{"4": 0.5, "0": -1, "2": 3e-2}'))
    assert sample == {4: 0.5, 0: -1.0, 2: 0.03}
    write_submission(tmp_path / "pred.json", sample, np.array([10.5, 11.5, 12.5, 13.5, 14.5]))
    content = json.loads((tmp_path / "pred.json").read_text())
    assert list(content.items()) == [("4", 14.5), ("0", 10.5), ("2", 12.5)]
    assert read_submission(tmp_path / "pred.json") == {4: 14.5, 0: 10.5, 2: 12.5}


@given(st.dictionaries(st.integers(0, 50), FINITE, min_size=1), st.lists(FINITE, min_size=51, max_size=51))
def test_any_predictions_come_back_as_they_were(tmp_path_factory, sample, values):
    path = tmp_path_factory.mktemp("any") / "pred.json"
    write_submission(path, sample, np.array(values))
    found = read_submission(path)
    assert found == {row: values[row] for row in sample}
    check_same_rows(path, dict(reversed(found.items())), sample)


BROKEN = [
    ('{"1": 2, "3": 4, "1": 5}', ": key '1' stands there twice, expected every key once"),
    ('{"1": 2, "x": 4}', ": found key 'x', expected the number of a test row"),
    ('{"-1": 2}', ": found key '-1', expected the number of a test row"),
    ('{"01": 2}', ": found key '01', expected the number of a test row"),
    ('{"1": "2"}', ": key '1' has \"2\", expected a finite number"),
    ('{"1": null}', ": key '1' has null, expected a finite number"),
    ('{"1": true}', ": key '1' has true, expected a finite number"),
    ('{"1": NaN}', ": key '1' has NaN, expected a finite number"),
    ('{"1": 1e999}', ": key '1' has Infinity, expected a finite number"),
    ('{"1": 1' + "0" * 400 + "}", ": key '1' has 1000"),
    ("[1, 2]", ": holds no object, expected an object"),
    ("{}", ": is an empty object, expected"),
    ('{"1": 2,\n}', ", line 2: is not JSON ("),
    ("", ", line 1: is not JSON ("),
]


@pytest.mark.parametrize(("text", "sentence"), BROKEN, ids=[text[:20] for text, _ in BROKEN])
def test_broken_submission_is_refused(tmp_path, text, sentence):
    path = write(tmp_path, text)
    with pytest.raises(InputError) as error:
        read_submission(path)
    assert str(error.value).startswith(f"{path}{sentence}")
    assert "\n" not in str(error.value)


def test_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="none.json: cannot be read"):
        read_submission(tmp_path / "none.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfa\x01")
    with pytest.raises(InputError, match="binary.json: is not JSON"):
        read_submission(tmp_path / "binary.json")


def test_row_beyond_the_test_set_is_refused(tmp_path):
    with pytest.raises(InputError, match="asks for test row 3, expected at most 2 .there are 3 predictions."):
        write_submission(tmp_path / "pred.json", {0: 1.0, 3: 1.0}, np.zeros(3))
    assert not (tmp_path / "pred.json").exists()


def test_prediction_that_is_no_number_is_refused(tmp_path):
    with pytest.raises(InputError, match="the prediction of test row 1 is nan"):
        write_submission(tmp_path / "pred.json", {0: 1.0}, np.array([1.0, np.nan]))
    with pytest.raises(InputError, match="the prediction of test row 0 is inf"):
        write_predictions(tmp_path / "pred.tsv", ["ACG"], np.array([np.inf]))


def test_rows_of_another_sample_are_refused():
    with pytest.raises(InputError, match="has no test row 2, expected exactly the 3 rows .* .2 are missing and 1 too"):
        check_same_rows(Path("pred.json"), {1: 0.0, 9: 0.0}, {1: 0.0, 2: 0.0, 3: 0.0})
    with pytest.raises(InputError, match="has test row 9, which the sample has not"):
        check_same_rows(Path("pred.json"), {1: 0.0, 9: 0.0}, {1: 0.0})


def test_table_of_predictions_has_no_header_and_keeps_sequences(tmp_path):
    path = tmp_path / "pred.tsv"
    write_predictions(path, ["TGCATT", "acgtN"], np.array([1.25, -3e-7]))
    assert path.read_text() == "TGCATT\t1.25\nacgtN\t-3e-07\n"


@given(st.lists(st.tuples(st.text("ACGTN", min_size=1, max_size=12), FINITE), min_size=1, max_size=20))
def test_table_of_predictions_comes_back_as_it_was(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("any") / "pred.tsv"
    sequences, values = map(list, zip(*rows, strict=True))
    write_predictions(path, sequences, np.array(values))
    found, numbers = read_predictions(path)
    assert (found, numbers.tolist()) == (sequences, values)


def test_single_precision_is_written_as_double(tmp_path):
    write_predictions(tmp_path / "pred.tsv", ["A"], np.array([0.1], np.float32))
    assert (tmp_path / "pred.tsv").read_text() == "A\t0.10000000149011612\n"


def test_another_number_of_predictions_than_sequences_is_refused(tmp_path):
    with pytest.raises(InputError, match="2 predictions for 1 sequences"):
        write_predictions(tmp_path / "pred.tsv", ["ACG"], np.zeros(2))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "pred.tsv: is empty"),
        ("ACG\t1\nACG\n", "line 2: found 'ACG', expected a sequence and its prediction"),
        ("ACG\t1\n\t2\n", "line 2: found"),
        ("ACG\tx\n", "line 1, column 2: found 'x', expected a finite number"),
        ("ACG\tnan\n", "line 1, column 2: found 'nan', expected a finite number"),
    ],
)
def test_broken_table_of_predictions_is_refused(tmp_path, text, sentence):
    with pytest.raises(InputError, match=sentence):
        read_predictions(write(tmp_path, text, "pred.tsv"))
