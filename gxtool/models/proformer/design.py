"""Where `design` starts from: test sequences, or random ones, between the flanks of the data. No torch."""

from __future__ import annotations

import numpy as np

from gxtool.config import DesignConfig
from gxtool.data.sequence import centre_pad
from gxtool.errors import InputError
from gxtool.io.dataset import Dataset
from gxtool.models.base import DesignSpace
from gxtool.models.proformer.perturb import substituted

N_BASES = 4


def space(dataset: Dataset, config: DesignConfig) -> DesignSpace:
    """Return the starts: different test sequences, or random bases as long as most test or training sequences are.

    Raises:
        InputError: no test sequences to start from, or sequences that were kept without the flanks.
    """
    _require_flanks(dataset)
    first, last = dataset.artifact.manifest.info["origin"]["flanks"]
    random = np.random.default_rng(config.seed)
    if config.start == "random":
        tokens, lengths = _random(dataset, config.starts, random)
        units = [f"random-{number}" for number in range(1, config.starts + 1)]
    else:
        rows = _different(dataset, random.permutation(dataset.indices("test")), config.starts)
        tokens, lengths = dataset.arrays["tokens"][rows], dataset.arrays["lengths"][rows]
        units = dataset.rows["group"].gather(rows).to_list()
    # As `centre_pad` pads: the odd N stands on the right.
    left = (tokens.shape[1] - lengths.astype(np.int64)) // 2
    bounds = np.stack([left, left + lengths], axis=1)
    return DesignSpace("tokens", units, tokens, bounds, (first, last), substituted)


def _random(dataset: Dataset, count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return random inserts (n, L), every base as likely, of the length that most training rows have, and it (n,)."""
    rows = dataset.indices("train")
    if not len(rows):
        raise InputError(f"{dataset.artifact.path}: has no training sequences, expected some to take the length from")
    length = int(np.bincount(dataset.arrays["lengths"][rows]).argmax())
    inserts = random.integers(0, N_BASES, (count, length), dtype=np.uint8)
    return centre_pad(inserts, dataset.arrays["tokens"].shape[1]), np.full(count, length)


def _different(dataset: Dataset, rows: np.ndarray, most: int) -> np.ndarray:
    """Return the first `most` rows of which no two are one sequence or its other strand, ascending."""
    if not len(rows):
        raise InputError(f"{dataset.artifact.path}: has no test sequences, expected some (or design.start=random)")
    groups = dataset.rows["group"].gather(rows)
    return np.sort(rows[groups.is_first_distinct().to_numpy()][:most])


def _require_flanks(dataset: Dataset) -> None:
    samples = dataset.artifact.json("summary.json")["samples"]
    if without := sum(sample["tally"]["without_flanks"] for sample in samples):
        raise InputError(
            f"{dataset.artifact.path}: {without} sequences were kept without their flanks, expected data with flanks "
            "to put back on (or none at all: data.five_prime= and data.three_prime=)"
        )
