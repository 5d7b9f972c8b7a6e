"""Which test sequences of the DREAM 2022 challenge belong to which subset, and which of them were public.

`test_subset_ids/*.csv(.gz)` lists single sequences (column `pos`) or pairs (`alt_pos`, `ref_pos`) by their row in the
test file, from 0, some of them twice. `public_leaderboard_ids/*.json` holds the measured values of the public ones:
{"row": value}, or {"alt,ref": [value, value]} for pairs.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from gxtool.errors import InputError, quoted
from gxtool.io.packed import read_lines
from gxtool.io.samplesheet import csv_fault
from gxtool.io.submission import read_object

# Subset -> beginning of the name of its list, and of its public measurements (`{name}_exp_indices.json`).
SUBSET_FILES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "high": ("high_exp_seqs", "high"),
        "low": ("low_exp_seqs", "low"),
        "yeast": ("yeast_seqs", "yeast"),
        "random": ("all_random_seqs", "random"),
        "challenging": ("challenging_seqs", "challenging"),
        "SNVs": ("all_SNVs_seqs", "SNVs"),
        "motif_perturbation": ("motif_perturbation_seqs", "motif_perturbation"),
        "motif_tiling": ("motif_tiling_seqs", "motif_tiling"),
    }
)
ALL = "all"
_ROW = re.compile(r"[0-9]{1,12}(\.0)?")  # an index that passed through floats once
_LIST = "a list of test rows"


def read_subsets(folder: Path) -> tuple[dict[str, np.ndarray], dict[int, str]]:
    """Return unique rows (n,) or pairs of rows (n, 2; alternative, reference) of each subset that has a list.

    Second, row -> sequence with flanks as the lists give it; empty where they have no column of sequences.

    Raises:
        InputError: no list at all, or one without the columns `pos` or `alt_pos` and `ref_pos`, or with something else
            than row numbers in them.
    """
    found: dict[str, np.ndarray] = {}
    sequences: dict[int, str] = {}
    for subset, (stem, _) in SUBSET_FILES.items():
        paths = [path for path in (Path(folder) / f"{stem}.csv", Path(folder) / f"{stem}.csv.gz") if path.is_file()]
        if paths:
            found[subset] = _read_list(paths[0], sequences)
    if not found:
        stems = ", ".join(f"{stem}.csv" for stem, _ in SUBSET_FILES.values())
        raise InputError(f"{folder}: holds no list of a subset, expected some of {stems} (plain or .gz)")
    return found, sequences


def read_public(folder: Path) -> tuple[dict[str, np.ndarray], dict[int, float]]:
    """Return public rows or pairs of each subset as in `read_subsets`, `all` among them, and row -> measured value.

    Raises:
        InputError: no file of measurements, or one that is not in the layout.
    """
    rows: dict[str, np.ndarray] = {}
    measured: dict[int, float] = {}
    for subset, (_, stem) in SUBSET_FILES.items():
        path = Path(folder) / f"{stem}_exp_indices.json"
        if path.is_file():
            rows[subset] = _read_public(path, measured)
    ground = Path(folder) / "ground.json"
    if ground.is_file():
        _read_public(ground, measured)
    if not measured:
        raise InputError(f"{folder}: holds no measurements, expected ground.json or *_exp_indices.json")
    rows[ALL] = np.array(sorted(measured), np.int64)
    return rows, measured


def _read_list(path: Path, sequences: dict[int, str]) -> np.ndarray:
    """Return the rows of one list and add their sequences to `sequences`."""
    reader = csv.DictReader(text for _, text in read_lines(path, str(path), _LIST))
    try:
        return _listed_rows(path, reader, sequences)
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {csv_fault(error)}") from None


def _listed_rows(path: Path, reader: csv.DictReader[str], sequences: dict[int, str]) -> np.ndarray:
    names = reader.fieldnames or []
    columns = ["pos"] if "pos" in names else ["alt_pos", "ref_pos"]
    if not set(columns) <= set(names):
        raise InputError(f"{path}, line 1: has no column pos, nor alt_pos and ref_pos, expected {_LIST}")
    found = []
    for line in reader:
        texts = [line[column] or "" for column in columns]
        if not all(map(_ROW.fullmatch, texts)):
            raise InputError(
                f"{path}, line {reader.line_num}: found {quoted(','.join(texts))}, expected the number of a row"
            )
        found.append(tuple(int(float(text)) for text in texts))
        given = (line.get(column.replace("pos", "sequence")) for column in columns)
        sequences |= {row: text for row, text in zip(found[-1], given, strict=True) if text}
    if not found:
        raise InputError(f"{path}: lists no row, expected {_LIST}")
    return _rows(found)


def _read_public(path: Path, measured: dict[int, float]) -> np.ndarray:
    """Return the rows of one file and add their values to `measured`."""
    found = []
    for key, value in read_object(path, "measured values by test row").items():
        texts = key.split(",")
        values = value if isinstance(value, list) else [value]
        sound = all(map(_ROW.fullmatch, texts)) and len(texts) == len(values) <= 2 and all(map(_is_number, values))
        if not sound:
            raise InputError(
                f"{path}: found {quoted(key)}: {quoted(value)}, expected a test row (or two) and its measured value"
            )
        rows = tuple(int(float(text)) for text in texts)
        found.append(rows)
        measured |= dict(zip(rows, map(float, values), strict=True))
    if len({len(rows) for rows in found}) > 1:
        raise InputError(f"{path}: has single rows and pairs, expected one of them")
    return _rows(found)


def _rows(found: list[tuple[int, ...]]) -> np.ndarray:
    """Return unique rows (n,) or pairs (n, 2) in their order of appearance."""
    unique = np.array(list(dict.fromkeys(found)), np.int64)
    return unique[:, 0] if unique.shape[1] == 1 else unique


def _is_number(value: Any) -> bool:
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False
