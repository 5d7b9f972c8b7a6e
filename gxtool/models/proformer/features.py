"""From a dataset's arrays to what the network and the baselines take, and back to predictions. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gxtool.data.sequence import gc_content, kmer_counts, kmer_names, kmer_pairs, tokens_of, with_flanks
from gxtool.errors import ConfigError, InputError
from gxtool.io.dataset import Dataset
from gxtool.io.nucleotides import N_TOKEN
from gxtool.io.submission import write_predictions, write_submission
from gxtool.models.proformer.config import ModelConfig

# Length of the k-mers that baselines see: 512 of both strands.
K = 5
GC = "GC"
# Rows added up at a time.
BLOCK = 1 << 18


def collate(rows: Mapping[str, np.ndarray], resources: Mapping[str, Any] | None = None) -> dict[str, np.ndarray]:
    """Return forward's arguments for some rows: tokens (B, L) uint8 and, where there are any, labels float32, (B,) or
    of several targets (B, T).

    singleton (B,) float32 goes with the labels of one target: 1 where the measured value is a whole number, seen in one
    sorting bin alone.
    """
    batch = {"tokens": np.ascontiguousarray(rows["tokens"])}
    if "labels" in rows:
        batch["labels"] = labels = np.asarray(rows["labels"], dtype=np.float32)
        if labels.ndim == 1:
            batch["singleton"] = (labels == np.rint(labels)).astype(np.float32)
    return batch


def fit(dataset: Dataset, train_rows: np.ndarray, model: ModelConfig) -> dict[str, Any]:
    """Return the input's length, its flanks, the targets, and their mean and population sd over the training rows.

    Raises:
        InputError: all training values of a target are the same.
        ConfigError: head softclass, and training values that are no sorting bins.
    """
    info = dataset.artifact.manifest.info
    targets = dataset.targets or [info["target"]]
    scales = [_scale(dataset, train_rows, (place, name), model) for place, name in enumerate(targets)]
    return {
        "length": int(dataset.arrays["tokens"].shape[1]),
        "flanks": info["origin"]["flanks"],
        "targets": targets,
        "target_mean": [mean for mean, _ in scales],
        "target_std": [sd for _, sd in scales],
    }


def _scale(
    dataset: Dataset, train_rows: np.ndarray, target: tuple[int, str], model: ModelConfig
) -> tuple[float, float]:
    """Return mean and population sd of one target's training values, which are read in blocks."""
    labels, name = dataset.labels(target[0]), target[1]
    parts = [labels[train_rows[n : n + BLOCK]].astype(np.float64) for n in range(0, len(train_rows), BLOCK)]
    low, high = min(part.min() for part in parts), max(part.max() for part in parts)
    if low == high:
        raise InputError(
            f"{dataset.artifact.path}: all {len(train_rows)} training values of {name} are {low:g}, expected several"
        )
    if model.head == "softclass" and not 0 <= low <= high <= model.n_bins - 1:
        raise ConfigError(
            f"model.head: is softclass, but training values of {name} are {low:g} to {high:g}, expected "
            f"sorting bins from 0 to {model.n_bins - 1} (model.n_bins) or another head"
        )
    mean = sum(part.sum() for part in parts) / len(train_rows)
    variance = sum(np.square(part - mean).sum() for part in parts) / len(train_rows)
    return float(mean), float(np.sqrt(variance))


def predict(logits: np.ndarray) -> np.ndarray:
    """Return the predicted expression (B,) or (B, T) from the network's output (B, T), which is in the labels' unit."""
    values = np.asarray(logits, dtype=np.float64)
    return values[:, 0] if values.shape[1] == 1 else values


def features(rows: Mapping[str, np.ndarray], dataset: Dataset) -> tuple[np.ndarray, list[str]]:
    """Return GC content and counts of 5-mers on both strands (n, 513) float32, and the columns' names.

    A 5-mer stands for its reverse complement, which is counted as often. Those that reach into a flank count too, as a
    network may see them; GC content is the insert's, 0 without any known base.
    """
    tokens = np.asarray(rows["tokens"])
    kept, _ = kmer_pairs(K)
    matrix = np.empty((len(tokens), 1 + len(kept)), np.float32)
    matrix[:, 0] = np.nan_to_num(gc_content(tokens))
    beside = np.pad(tokens, ((0, 0), (K - 1, K - 1)), constant_values=N_TOKEN)
    five_prime, three_prime = map(tokens_of, dataset.artifact.manifest.info["origin"]["flanks"])
    matrix[:, 1:] = kmer_counts(with_flanks(beside, five_prime[1 - K :], three_prime[: K - 1]), K)[:, kept]
    return matrix, feature_names()


def feature_names() -> list[str]:
    """Return the names of the features: GC content and the k-mers that are counted."""
    names = kmer_names(K)
    return [GC, *(names[place] for place in kmer_pairs(K)[0])]


def write_tsv(table: pl.DataFrame, path: Path) -> None:
    """Write pred.tsv: the sequences of files of test sequences as they were given, a tab, the prediction; no header.

    Of several targets, one column of predictions for each, in their order.
    """
    parts = _by_columns(_tested(table), "target")
    sequences = next(iter(parts.values()))["sequence"].to_list()
    write_predictions(path, sequences, np.stack([part["prediction"].to_numpy() for part in parts.values()], axis=1))


def write_json(table: pl.DataFrame, path: Path) -> None:
    """Write pred.json: prediction by number of the test sequence, of those that the sample submission asks for.

    Without a sample submission, of all test sequences; of several samples or targets, one such object by their names.
    """
    tested = _tested(table)
    parts = _by_columns(tested, "sample", "target")
    if len(parts) > 1:
        content = {name: {str(row): value for row, value in _asked(part).items()} for name, part in parts.items()}
        path.write_text(json.dumps(content, allow_nan=False) + "\n", encoding="utf-8")
        return
    predictions = np.zeros(1 + (tested["number"].max() if len(tested) else -1))
    predictions[tested["number"].to_numpy()] = tested["prediction"].to_numpy()
    write_submission(path, _asked(tested), predictions)


def _by_columns(tested: pl.DataFrame, *columns: str) -> dict[str, pl.DataFrame]:
    """Return the rows that agree in some columns, by the values of those that differ; all rows where none does."""
    differing = [name for name in columns if name in tested.columns and tested[name].n_unique() > 1]
    if not differing:
        return {"": tested}
    parts = tested.partition_by(differing, maintain_order=True)
    return {" ".join(str(part[name][0]) for name in differing): part for part in parts}


def _asked(tested: pl.DataFrame) -> dict[int, float]:
    """Return number -> prediction of the test sequences that are asked for, in the order of the sample submission."""
    asked = tested.filter(pl.col("submission").is_not_null()).sort("submission")
    return dict((tested if asked.is_empty() else asked).select("number", "prediction").iter_rows())


def _tested(table: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of files of test sequences, in the order of each file."""
    missing = {"sequence": pl.String, "number": pl.UInt32, "submission": pl.UInt32}
    lacking = [pl.lit(None, dtype).alias(name) for name, dtype in missing.items() if name not in table.columns]
    return table.with_columns(lacking).filter(pl.col("sequence").is_not_null())
