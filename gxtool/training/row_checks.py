"""What rows must be before they can teach or judge a model. No torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from gxtool.errors import InputError, quoted
from gxtool.io.artifact import Artifact
from gxtool.io.dataset import READS, Dataset

WHOSE_DATA = ("scheme", "samples", "inputs", "origin", "simulated")
"""What a dataset's manifest says of its origin; the rest of its `info` says what a row is, and must fit a model."""

TARGET = "target"
"""What is predicted where it is one thing: no fact of what is read."""


def require_labels(dataset: Dataset) -> None:
    """Check that a dataset says what is to be predicted.

    Raises:
        InputError: it has no labels.
    """
    if "labels" not in dataset.arrays:
        raise InputError(f"{dataset.artifact.path}: has no labels.npy, expected a dataset with labels")


def require_both_classes(labels: np.ndarray, kind: str, where: str) -> None:
    """Check that labels can teach or judge something.

    Raises:
        InputError: a binary family's labels are all the same.
    """
    if kind == "binary" and labels.min() == labels.max():
        raise InputError(f"{where}: all {len(labels)} labels are {labels.flat[0]:g}, expected both classes")


def row_facts(dataset: Dataset) -> dict[str, Any]:
    """Return what a row is: the shape of its arrays, and all that the dataset says of itself but its origin."""
    info = {key: value for key, value in dataset.artifact.manifest.info.items() if key not in WHOSE_DATA}
    shapes = {name: list(array.shape[1:]) for name, array in dataset.arrays.items() if name != "labels"}
    return {**info, "shapes": shapes}


def require_rows_to_start_from(init: Artifact, dataset: Dataset) -> None:
    """Check that a model's inputs are those of a dataset that training is to go on with; the target may be another.

    Raises:
        InputError: other marks, another order of them, other sizes, or outputs for other targets.
    """
    found = row_facts(dataset)
    for key, expected in init.manifest.info.get("data", {}).items():
        if key != TARGET and found.get(key) != expected:
            raise InputError(
                f"--from {init.path}: was trained on rows whose {key} is {quoted(expected)}, expected "
                f"{quoted(found.get(key))} as in the dataset {dataset.artifact.path}"
            )


def require_same_rows(model: Artifact, dataset: Dataset) -> None:
    """Check that a dataset's rows are of the kind that a model was trained on.

    Raises:
        InputError: another family, other marks, another order of them, other sizes.
    """
    theirs, path = dataset.artifact.manifest, dataset.artifact.path
    if theirs.family != model.manifest.family:
        raise InputError(f"{path}: belongs to family {theirs.family}, expected {model.manifest.family} as {model.path}")
    found = row_facts(dataset)
    for key, expected in model.manifest.info.get("data", {}).items():
        if found.get(key) != expected:
            raise InputError(
                f"{path}: {key} is {found.get(key)}, expected {expected} as the model {model.path} was trained on"
            )


def reads_behind(dataset: Dataset, indices: np.ndarray) -> np.ndarray | None:
    """Return how many reads are behind each of some rows (n,); None where that is not known of all, or 0 of all.

    A value of one read is mostly noise: counted as much as one of a thousand, such rows choose weights by chance.
    """
    if READS not in dataset.rows.columns:
        return None
    reads = dataset.rows[READS].gather(indices)
    if reads.null_count() or not reads.sum():
        return None
    return reads.cast(pl.Float64).to_numpy()
