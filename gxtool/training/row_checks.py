"""What rows must be before they can teach or judge a model. No torch."""

from __future__ import annotations

from typing import Any

import numpy as np

from gxtool.errors import InputError
from gxtool.io.artifact import Artifact
from gxtool.io.dataset import Dataset

WHOSE_DATA = ("scheme", "samples", "inputs", "origin")
"""What a dataset's manifest says of its origin; the rest of its `info` says what a row is, and must fit a model."""


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
