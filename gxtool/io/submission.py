"""Predictions as the DREAM 2022 challenge wants them: `pred.json` for the leaderboard, `pred.tsv` for the final round.

pred.json is an object from the number of a test sequence (from 0, as text) to its prediction, with the keys of
`sample_submission.json`. pred.tsv has no header: the sequence as it was given, a tab, its prediction; of several
targets, a tab and a prediction for each.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gxtool.errors import InputError, quoted
from gxtool.io.packed import read_content, read_lines

_LARGEST = 1 << 30  # bytes: ten times the final round of the challenge
_INDEX = re.compile(r"0|[1-9][0-9]*")
_EXPECTED = "an object from test row numbers to predictions"


def read_submission(path: Path) -> dict[int, float]:
    """Return row number -> value of `sample_submission.json`, `pred.json` or measured values, in the file's order.

    Raises:
        InputError: no JSON object, a key that is no row number or stands there twice, or a value that is no finite
            number.
    """
    return {_row(path, key): _number(path, key, value) for key, value in read_object(path, _EXPECTED).items()}


def read_object(path: Path, expected: str) -> dict[str, Any]:
    """Return a JSON object whose keys are all different, which plain `json` does not check.

    Raises:
        InputError: the file cannot be read, is no JSON object, is empty, or has a key twice.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise InputError(f"{path}: key {quoted(key)} stands there twice, expected every key once")
            found[key] = value
        return found

    try:
        text = read_content(Path(path), str(path), expected, _LARGEST).text
        content = json.loads(text.decode("utf-8-sig"), object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}, line {error.lineno}: is not JSON ({error.msg}), expected {expected}") from None
    # Also a number of thousands of digits, which Python does not read.
    except (ValueError, RecursionError):
        raise InputError(f"{path}: is not JSON, expected {expected}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds no object, expected {expected}")
    if not content:
        raise InputError(f"{path}: is an empty object, expected {expected}")
    return content


def write_submission(path: Path, sample: Mapping[int, float], predictions: np.ndarray) -> None:
    """Write `pred.json`: the rows that `sample` has, in its order; `predictions` (n,) are those of all test rows.

    Raises:
        InputError: a row beyond the predictions, or a prediction that is no finite number.
    """
    _check_finite(path, predictions)
    beyond = [row for row in sample if row >= len(predictions)]
    if beyond:
        raise InputError(
            f"{path}: the sample submission asks for test row {beyond[0]}, expected at most {len(predictions) - 1} "
            f"(there are {len(predictions)} predictions)"
        )
    content = {str(row): float(predictions[row]) for row in sample}
    Path(path).write_text(json.dumps(content, allow_nan=False) + "\n", encoding="utf-8")


def write_predictions(path: Path, sequences: Sequence[str], predictions: np.ndarray) -> None:
    """Write `pred.tsv`: one line per test sequence (n,), as it was given, in order; predictions are (n,) or (n, T).

    Raises:
        InputError: another number of predictions than of sequences, or one that is no finite number.
    """
    if len(sequences) != len(predictions):
        raise InputError(
            f"{path}: {len(predictions)} predictions for {len(sequences)} sequences, expected one for each"
        )
    _check_finite(path, predictions)
    columns = predictions if predictions.ndim > 1 else predictions[:, None]
    pairs = zip(sequences, columns.astype(np.float64).tolist(), strict=True)
    with Path(path).open("w", encoding="ascii", newline="\n") as file:
        file.writelines("\t".join((text, *map(repr, values))) + "\n" for text, values in pairs)


def read_predictions(path: Path) -> tuple[list[str], np.ndarray]:
    """Return sequences and predictions of a `pred.tsv`: (n,), or (n, T) where it has several.

    Raises:
        InputError: the file is empty, a line is no sequence and finite number with a tab between, or lines differ in
            their columns.
    """
    path = Path(path)
    lines = [line for _, line in read_lines(path, str(path), "sequences and predictions", largest=_LARGEST)]
    if not lines:
        raise InputError(f"{path}: is empty, expected one sequence and its prediction per line")
    n_targets = max(1, lines[0].count("\t"))
    sequences, values = [], np.empty((len(lines), n_targets))
    for number, line in enumerate(lines, 1):
        sequence, *texts = line.split("\t")
        if len(texts) != n_targets or not sequence:
            what = "its prediction with a tab between" if n_targets == 1 else f"{n_targets} predictions as in line 1"
            raise InputError(f"{path}, line {number}: found {quoted(line[:60])}, expected a sequence and {what}")
        sequences.append(sequence)
        values[number - 1] = [_prediction(path, (number, column), text) for column, text in enumerate(texts, 2)]
    return sequences, values[:, 0] if n_targets == 1 else values


def _prediction(path: Path, where: tuple[int, int], text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{path}, line {where[0]}, column {where[1]}: found {quoted(text)}, expected a finite number")
    return value


def check_same_rows(path: Path, found: Mapping[int, float], sample: Mapping[int, float]) -> None:
    """Check that a submission has the rows of the sample, in any order.

    Raises:
        InputError: a row is missing or too many.
    """
    missing = [row for row in sample if row not in found]
    extra = [row for row in found if row not in sample]
    if missing or extra:
        fault = f"has no test row {missing[0]}" if missing else f"has test row {extra[0]}, which the sample has not"
        raise InputError(
            f"{path}: {fault}, expected exactly the {len(sample)} rows of the sample submission "
            f"({len(missing)} are missing and {len(extra)} too many)"
        )


def _row(path: Path, key: str) -> int:
    if not _INDEX.fullmatch(key) or len(key) > 12:
        raise InputError(f"{path}: found key {quoted(key)}, expected the number of a test row (0, 1, 2, ...)")
    return int(key)


def _number(path: Path, key: str, value: Any) -> float:
    number = math.nan
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):
            number = float(value)
    if not math.isfinite(number):
        shown = quoted(value) if isinstance(value, (list, dict)) else json.dumps(value)[:60]
        raise InputError(f"{path}: key {quoted(key)} has {shown}, expected a finite number")
    return number


def _check_finite(path: Path, predictions: np.ndarray) -> None:
    finite = np.isfinite(predictions)
    if not finite.all():
        place = np.unravel_index(int(np.argmin(finite)), finite.shape)
        raise InputError(
            f"{path}: the prediction of test row {int(place[0])} is {predictions[place]}, expected a finite number"
        )
