"""Baselines on the very rows a model was trained, chosen and judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from gxtool.config import EvaluationConfig
from gxtool.io.dataset import Dataset
from gxtool.measure.baselines import Split
from gxtool.models.base import Family
from gxtool.models.baseline_choice import BaselineChoice, choose_baselines

SEED = 1
# Rows turned into features at a time, so that the raw arrays of a large test set are never copied whole.
BLOCK_ROWS = 8192


@dataclass(frozen=True)
class TaskRows:
    """The rows that the models of one sample and fold learn from, are chosen by and are judged on."""

    fold: int
    indices: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, dataset: Dataset, fold: int, sample: str | None, tested: np.ndarray) -> TaskRows:
        """Return the training and validation rows of a split (`sample` None: of all samples) beside test rows."""
        learnt = {role: dataset.indices(role, fold, sample) for role in ("train", "val")}
        return cls(fold, {**learnt, "test": tested})


@dataclass(frozen=True)
class Fit:
    """One baseline fitted on one fold: predictions (n,) of the test rows, what was chosen, training rows used."""

    name: str
    fold: int
    target: int
    indices: np.ndarray
    predictions: np.ndarray
    chosen: dict[str, Any]
    n_train: int

    def table(self) -> pl.DataFrame:
        """Return the predictions as rows of an evaluation's table."""
        return pl.DataFrame(
            {"row": pl.Series(self.indices, dtype=pl.UInt32), "prediction": self.predictions}
        ).with_columns(
            predictor=pl.lit(self.name),
            target=pl.lit(self.target, dtype=pl.UInt32),
            fold=pl.lit(self.fold, dtype=pl.Int64),
            seed=pl.lit(None, dtype=pl.Int64),
            model=pl.lit(None, dtype=pl.Int64),
        )


def chosen_baselines(family: Family, dataset: Dataset, config: EvaluationConfig) -> BaselineChoice:
    """Return which baselines to fit on a dataset, and which do not apply to it.

    Raises:
        ConfigError: one that the family does not have, or one asked for by name that does not apply.
    """
    return choose_baselines(family, config, _columns(family, dataset))


def fit_baselines(family: Family, dataset: Dataset, config: EvaluationConfig, task: TaskRows) -> list[Fit]:
    """Fit the configured baselines on the rows of one task, each target by itself.

    At most `baseline_max_rows` training and as many validation rows are used, a seeded choice.
    """
    names = chosen_baselines(family, dataset, config).names
    if not names:
        return []
    indices = dict(task.indices)
    generator = np.random.default_rng(SEED)
    for role in ("train", "val"):
        if len(indices[role]) > config.baseline_max_rows:
            indices[role] = np.sort(generator.choice(indices[role], config.baseline_max_rows, replace=False))
    groups, columns = dataset.rows[dataset.kept_together].to_numpy(), _columns(family, dataset)
    averages = dataset.group_averages()
    matrices = {role: _features(family, dataset, rows) for role, rows in indices.items()}
    fits = []
    for target in range(dataset.n_targets):
        labels = dataset.labels(target)
        split = Split(
            **matrices,
            train_labels=np.asarray(labels[indices["train"]]),
            val_labels=np.asarray(labels[indices["val"]]),
            columns=columns,
            train_groups=groups[indices["train"]],
            test_groups=groups[indices["test"]],
            group_averages=None if averages is None else {role: averages[rows] for role, rows in indices.items()},
        )
        for name in names:
            found = family.load(family.baselines[name])(split, SEED)
            fits.append(
                Fit(name, task.fold, target, indices["test"], found.predictions, dict(found.chosen), found.n_train)
            )
    return fits


def facts(fits: Sequence[Fit], target: int, sample_indices: np.ndarray) -> dict[str, dict[str, Any]]:
    """Return what was chosen for each baseline, and on how many rows, in the fits that judge a target of some rows."""
    found: dict[str, dict[str, Any]] = {}
    for fit in fits:
        if fit.name not in found and fit.target == target and np.isin(sample_indices, fit.indices).any():
            found[fit.name] = {"chosen": fit.chosen, "n_train": fit.n_train}
    return found


def _columns(family: Family, dataset: Dataset) -> tuple[str, ...]:
    """Return the names of the family's features."""
    return tuple(family.load(family.features)(dataset.take(np.arange(1)), dataset)[1])


def _features(family: Family, dataset: Dataset, indices: np.ndarray) -> np.ndarray:
    """Return the family's feature matrix (n, F) of some rows."""
    make = family.load(family.features)
    matrix = None
    for start in range(0, len(indices), BLOCK_ROWS):
        block = make(dataset.take(indices[start : start + BLOCK_ROWS]), dataset)[0]
        if matrix is None:
            matrix = np.empty((len(indices), block.shape[1]), dtype=np.float32)
        matrix[start : start + len(block)] = block
    return matrix
