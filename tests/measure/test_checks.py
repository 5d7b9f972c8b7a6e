"""Bad arrays are refused at the door, with the place and the value in the sentence."""

import numpy as np
import pytest

from gxtool.errors import InputError
from gxtool.measure.checks import binary_pair, pair, probability_pair, vector


def test_vector_becomes_float64_whatever_came_in():
    assert vector(np.array([1, 0], dtype=np.uint8), "targets").tolist() == [1.0, 0.0]
    assert vector((True, False, True), "targets").dtype == np.float64


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([0.5, np.nan, 1.0], "predictions: value 1 (counted from 0) is nan, expected a finite number"),
        ([np.inf], "predictions: value 0 (counted from 0) is inf, expected a finite number"),
        ([], "predictions is empty, expected at least one value"),
        ([[0.1, 0.2, 0.3]], "predictions has shape (1, 3), expected one axis"),
    ],
)
def test_vector_names_what_is_wrong(values, sentence):
    with pytest.raises(InputError) as error:
        vector(values, "predictions")
    assert str(error.value) == sentence


def test_text_is_not_a_number():
    with pytest.raises(InputError, match="predictions cannot be read as numbers"):
        vector(["0.5", "high"], "predictions")


def test_arrays_of_two_lengths_are_refused():
    with pytest.raises(InputError, match="targets has 3 values but predictions has 2, expected as many"):
        pair([0, 1, 1], [0.2, 0.3])


def test_label_two_is_refused():
    with pytest.raises(InputError) as error:
        binary_pair([0, 1, 2], [0.1, 0.2, 0.3])
    assert str(error.value) == "targets: value 2 (counted from 0) is 2, expected 0 or 1"


@pytest.mark.parametrize("value", [-0.01, 1.5])
def test_probability_outside_zero_to_one_is_refused(value):
    with pytest.raises(InputError) as error:
        probability_pair([0, 1], [0.4, value])
    assert str(error.value) == (
        f"predictions: value 1 (counted from 0) is {value:g}, expected a probability between 0 and 1"
    )
