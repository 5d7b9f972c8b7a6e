"""Measured values, as data stages take them: what nothing could be learned from is named before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gxtool.errors import InputError, plain


def require_variation(values: np.ndarray, where: str, targets: Sequence[str] = ("expression",)) -> None:
    """Check that values (n,) or (n, T) are not all the same in a target; one row alone may be anything.

    Raises:
        InputError: they are; no model could learn anything but that value.
    """
    if len(values) < 2:
        return
    columns = np.asarray(values).reshape(len(values), -1)
    constant = (columns == columns[0]).all(axis=0)
    if constant.any():
        target = int(np.argmax(constant))
        raise InputError(
            f"{where}: all {len(columns):,} values of {plain(targets[target])} are {columns[0, target]:g}, expected "
            "values that differ"
        )
