"""Changes of the marks whose effect on the prediction says what the model reads, and the names of their places.

A place is a mark and a bin, `H3K4me3:57`, bins counted from 1 as in the published tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from gxtool.io.dataset import Dataset
from gxtool.models.histone.config import HistonePerturbConfig

Arrays = dict[str, np.ndarray]
# Genes added up at a time.
BLOCK = 4096


def drop_mark(
    rows: Mapping[str, np.ndarray], dataset: Dataset, config: HistonePerturbConfig
) -> Iterator[tuple[str, Arrays]]:
    """Yield, for each mark, its name and the rows without any read of it."""
    for place, mark in enumerate(_marks(dataset)):
        signal = rows["signal"].copy()
        signal[:, :, place] = 0
        yield mark, {**rows, "signal": signal}


def average_mark(
    rows: Mapping[str, np.ndarray], dataset: Dataset, config: HistonePerturbConfig
) -> Iterator[tuple[str, Arrays]]:
    """Yield, for each mark, its name and the rows with its mean profile over the training genes (float32)."""
    profile = mean_profile(dataset)
    for place, mark in enumerate(_marks(dataset)):
        signal = rows["signal"].astype(np.float32)
        signal[:, :, place] = profile[:, place]
        yield mark, {**rows, "signal": signal}


def scale_mark(
    rows: Mapping[str, np.ndarray], dataset: Dataset, config: HistonePerturbConfig
) -> Iterator[tuple[str, Arrays]]:
    """Yield, for each mark and factor, such as `H3K4me3 x0.5`, the rows with the mark times that factor (float32)."""
    for place, mark in enumerate(_marks(dataset)):
        for factor in config.scales:
            signal = rows["signal"].astype(np.float32)
            signal[:, :, place] *= factor
            yield f"{mark} x{factor:g}", {**rows, "signal": signal}


def shift_mark(
    rows: Mapping[str, np.ndarray], dataset: Dataset, config: HistonePerturbConfig
) -> Iterator[tuple[str, Arrays]]:
    """Yield, for each mark and distance, such as `H3K4me3 +500 bp`, the rows with the mark moved by whole bins.

    Distances above 0 move it to higher bins, which lie downstream where rows are oriented; what leaves the window is
    lost, and bins that nothing moves into are 0.
    """
    bin_size = dataset.artifact.manifest.info["bin_size"]
    for place, mark in enumerate(_marks(dataset)):
        for distance in config.shift_bins:
            signal = rows["signal"].copy()
            moved = np.zeros_like(signal[:, :, place])
            kept = signal.shape[1] - min(abs(distance), signal.shape[1])
            if distance >= 0:
                moved[:, distance:] = signal[:, :kept, place]
            else:
                moved[:, :kept] = signal[:, -distance:, place]
            signal[:, :, place] = moved
            yield f"{mark} {distance * bin_size:+d} bp", {**rows, "signal": signal}


def blank_bin(
    rows: Mapping[str, np.ndarray], dataset: Dataset, config: HistonePerturbConfig
) -> Iterator[tuple[str, Arrays]]:
    """Yield, for each mark and bin, such as `H3K4me3:57`, the rows with that one bin set to 0."""
    yield from _blank(rows, dataset, 1)


def blank_run(
    rows: Mapping[str, np.ndarray], dataset: Dataset, config: HistonePerturbConfig
) -> Iterator[tuple[str, Arrays]]:
    """Yield, for each mark and run of `run_bins` neighbouring bins, such as `H3K4me3:51-55`, the rows without them.

    Runs stand side by side; the last one of a mark may be shorter.
    """
    yield from _blank(rows, dataset, config.run_bins)


def _blank(rows: Mapping[str, np.ndarray], dataset: Dataset, width: int) -> Iterator[tuple[str, Arrays]]:
    for name, (place, first, last) in blanks(dataset, rows["signal"].shape[1], width):
        signal = rows["signal"].copy()
        signal[:, first:last, place] = 0
        yield name, {**rows, "signal": signal}


def blanks(dataset: Dataset, n_bins: int, width: int) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Yield the name of each blank of `width` bins, and its mark (number), first bin and last bin + 1."""
    for place, mark in enumerate(_marks(dataset)):
        for first in range(0, n_bins, width):
            last = min(first + width, n_bins)
            yield f"{mark}:{first + 1}" if width == 1 else f"{mark}:{first + 1}-{last}", (place, first, last)


def signal_path(rows: Mapping[str, np.ndarray], dataset: Dataset, t: float) -> tuple[str, np.ndarray, np.ndarray]:
    """Return `signal`, its values (n, N, C) at t between no signal (0) and the signal (1), and their derivative by t.

    The way is straight in the logarithm, sign(x) log(1 + |x|), in which marks are compared and networks read them:
    on a straight way in reads nearly all of the change would happen in the first step.
    """
    signal = rows["signal"].astype(np.float64)
    height = np.log1p(np.abs(signal))
    there = np.expm1(t * height)
    return "signal", (np.sign(signal) * there).astype(np.float32), np.sign(signal) * height * (1 + there)


def signal_places(values: np.ndarray, dataset: Dataset) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name and the values (n,) of each mark and bin of an array (n, N, C)."""
    for place, mark in enumerate(_marks(dataset)):
        for number in range(values.shape[1]):
            yield f"{mark}:{number + 1}", values[:, number, place]


def attention(outputs: Mapping[str, tuple[np.ndarray, ...]], dataset: Dataset) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the attention to each bin of each mark; it adds up to 1 over the bins of a mark."""
    if "attentions" in outputs:
        yield from signal_places(outputs["attentions"][0].transpose(0, 2, 1), dataset)


def attention_marks(
    outputs: Mapping[str, tuple[np.ndarray, ...]], dataset: Dataset
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the attention to each mark; it adds up to 1 over the marks."""
    if "attentions" in outputs:
        for place, mark in enumerate(_marks(dataset)):
            yield mark, outputs["attentions"][1][:, place]


def mean_profile(dataset: Dataset) -> np.ndarray:
    """Return the mean value of each bin and mark over the training genes of the dataset's first fold (N, C)."""
    signal, train = dataset.arrays["signal"], dataset.indices("train", dataset.folds[0])
    total = np.zeros(signal.shape[1:])
    for start in range(0, len(train), BLOCK):
        total += signal[train[start : start + BLOCK]].sum(axis=0, dtype=np.float64)
    return total / max(1, len(train))


def _marks(dataset: Dataset) -> list[str]:
    return dataset.artifact.manifest.info["marks"]
