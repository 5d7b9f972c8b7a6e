"""From a dataset's arrays to what the network and the baselines take, and back to predictions. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gxtool.errors import ConfigError
from gxtool.io.dataset import Dataset
from gxtool.models.histone.config import ModelConfig, positions

# Genes handled at a time where an array need not be in memory as a whole.
BLOCK = 4096


def collate(rows: Mapping[str, np.ndarray], resources: Mapping[str, Any] | None = None) -> dict[str, np.ndarray]:
    """Return forward's arguments for some rows: signal (B, N, C) float32; present (B, C) float32 and labels (B,),
    int64 classes or float32 values, where there are any.
    """
    batch = {"signal": np.asarray(rows["signal"], dtype=np.float32)}
    if "present" in rows:
        batch["present"] = np.asarray(rows["present"], dtype=np.float32)
    if "labels" in rows:
        is_class = np.issubdtype(rows["labels"].dtype, np.integer)
        batch["labels"] = np.asarray(rows["labels"], dtype=np.int64 if is_class else np.float32)
    return batch


def fit(dataset: Dataset, train_rows: np.ndarray, model: ModelConfig) -> dict[str, Any]:
    """Return the input's axes and target, and mean and standard deviation per mark over the training rows.

    They are those of log(1 + value), or with norm=zscore of the values. Rows in which a mark is missing do not count
    for it, and one that never varies keeps standard deviation 1. Rows whose direction is known are never reversed.

    Raises:
        ConfigError: the network is too deep for this number of bins, or takes the logarithm of negative values.
    """
    signal, info = dataset.arrays["signal"], dataset.artifact.manifest.info
    n_bins, n_marks = signal.shape[1:]
    if model.architecture == "convnet":
        positions(model, n_bins, n_marks)
    total, squares, counted = np.zeros(n_marks), np.zeros(n_marks), np.zeros(n_marks)
    for start in range(0, len(train_rows), BLOCK):
        chosen = train_rows[start : start + BLOCK]
        block = signal[chosen].astype(np.float32)
        if model.norm.startswith("log1p"):
            _require_positive(block, model)
            block = np.log1p(block)
        there = dataset.arrays["present"][chosen] if "present" in dataset.arrays else np.ones((len(chosen), n_marks))
        total += (block.sum(axis=1, dtype=np.float64) * there).sum(axis=0)
        squares += (np.square(block).sum(axis=1, dtype=np.float64) * there).sum(axis=0)
        counted += n_bins * there.sum(axis=0)
    mean = total / np.maximum(1, counted)
    std = np.sqrt(np.maximum(squares / np.maximum(1, counted) - mean**2, 0))
    return {
        "marks": info["marks"],
        "n_bins": n_bins,
        "signal_mean": mean.tolist(),
        "signal_std": np.where(std > 1e-6, std, 1.0).tolist(),
        "target": info["target"],
        "mask_channels": "present" in dataset.arrays,
        "reverse_rate": model.reverse_rate if info["orientation"] == "none" else 0.0,
    }


def _require_positive(block: np.ndarray, model: ModelConfig) -> None:
    lowest = block.min(initial=0)
    if lowest < 0:
        raise ConfigError(
            f"model.norm: is {model.norm}, but the signal holds values such as {lowest:.3g}, expected zscore or none "
            "where values can be negative"
        )


def predict(logits: np.ndarray) -> np.ndarray:
    """Return the probability of label 1 (B,) from logits (B, 2) of both classes or (B, 1) of label 1."""
    logits = np.asarray(logits, dtype=np.float64)
    margin = logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits[:, 0]
    return 0.5 * (1 + np.tanh(margin / 2))


def predict_value(outputs: np.ndarray) -> np.ndarray:
    """Return the predicted log2(expression + 1) (B,) from the network's single output (B, 1)."""
    return np.asarray(outputs, dtype=np.float64)[:, 0]


def features(rows: Mapping[str, np.ndarray], dataset: Dataset) -> tuple[np.ndarray, list[str]]:
    """Return the logarithm of every bin and mark, (n, N * C) float32, and names such as `H3K4me3:57` (bins from 1).

    It is log(1 + value), and -log(1 - value) below 0; where marks may be missing, a feature for each says whether it
    is there.
    """
    signal = np.asarray(rows["signal"], dtype=np.float32)
    marks = dataset.artifact.manifest.info["marks"]
    matrix = (np.sign(signal) * np.log1p(np.abs(signal))).reshape(len(signal), -1)
    if "present" in rows:
        matrix = np.concatenate([matrix, rows["present"].astype(np.float32)], axis=1)
    return matrix, feature_names(marks, signal.shape[1], "present" in rows)


def feature_names(marks: Sequence[str], n_bins: int, may_miss: bool) -> list[str]:
    """Return the names of the features of these marks and bins; `may_miss`: where marks may be missing."""
    names = [f"{mark}:{number}" for number in range(1, n_bins + 1) for mark in marks]
    return names + [f"{mark} is there" for mark in marks] if may_miss else names


def write_predictions(table: pl.DataFrame, path: Path) -> None:
    """Write predictions.tsv: sample, gene, label (where known) and p, the probability that the gene is on."""
    _write(table, path, "p")


def write_values(table: pl.DataFrame, path: Path) -> None:
    """Write predictions.tsv: sample, gene, label (where known) and the predicted log2_expression."""
    _write(table, path, "log2_expression")


def _write(table: pl.DataFrame, path: Path, name: str) -> None:
    labels = ["label"] if "label" in table.columns else []
    table.select("sample", pl.col("group").alias("gene"), *labels, pl.col("prediction").alias(name)).write_csv(
        path, separator="\t"
    )
