"""The `dataset` artifact: memory-mapped arrays, a table of rows, and who belongs to which split.

rows.parquet    row (u32), sample (str), group (str: the unit that must not be on both sides of a split, e.g. a gene),
                and the family's own columns; `label` where targets are known; `similarity_group` where near-duplicates
                stand on one side; `reads` where it is known how many reads (cells, barcodes) each row's labels rest on
splits.parquet  row, scheme, fold, role ("train", "val", "test")
other_samples.parquet   where it is known: row (u32) and average (f64) of the row's group in samples other than its own
*.npy           arrays whose first axis is the row; `labels.npy` holds what is to be predicted, one number per row or,
                of T targets, (rows, T)
summary.json    what the family's report sections show of the data
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from gxtool.errors import InputError
from gxtool.io.artifact import Artifact, open_artifact

ROLES = ("train", "val", "test")
READS = "reads"
SIMILARITY = "similarity_group"
OTHER_SAMPLES = "other_samples.parquet"
OTHER_SAMPLES_SCHEMA = {"row": pl.UInt32, "average": pl.Float64}


@dataclass(frozen=True)
class Dataset:
    """An opened dataset; `arrays` are read-only memory maps with one entry per row."""

    artifact: Artifact
    rows: pl.DataFrame
    splits: pl.DataFrame
    arrays: Mapping[str, np.ndarray]

    @classmethod
    def open(cls, path: Path, family: str | None = None) -> Dataset:
        """Open a dataset folder.

        Raises:
            InputError: not a dataset, another family's, a damaged file, an array whose length is not the number of
                rows, or labels that are not one column for each target.
        """
        artifact = open_artifact(path, "dataset", family).checked()
        rows = artifact.table("rows.parquet")
        names = sorted(name for name in artifact.manifest.files if name.endswith(".npy"))
        arrays = {Path(name).stem: artifact.array(name) for name in names}
        for name, array in arrays.items():
            if len(array) != len(rows):
                raise InputError(f"{path}/{name}.npy: {len(array)} rows, expected {len(rows)} as in rows.parquet")
        found = cls(artifact, rows, artifact.table("splits.parquet"), arrays)
        if "labels" in arrays and arrays["labels"].size != len(rows) * found.n_targets:
            raise InputError(
                f"{path}/labels.npy: has shape {arrays['labels'].shape}, expected {found.n_targets} for each of "
                f"{len(rows)} rows ({', '.join(found.targets) or 'no targets are named'})"
            )
        return found

    @property
    def samples(self) -> list[str]:
        """Return the samples in their order of appearance."""
        return self.rows["sample"].unique(maintain_order=True).to_list()

    @property
    def targets(self) -> list[str]:
        """Return the names of the columns of the labels; empty where there is one column and nothing to tell apart."""
        return self.artifact.manifest.info.get("targets", [])

    @property
    def n_targets(self) -> int:
        """Return how many numbers are predicted of each row."""
        return max(1, len(self.targets))

    def labels(self, target: int = 0) -> np.ndarray:
        """Return the labels (rows,) of one target, named by its place."""
        labels = self.arrays["labels"]
        return labels if labels.ndim == 1 else labels[:, target]

    def name_of(self, sample: str, target: int = 0) -> str:
        """Return what the rows of a sample are called when one target of them is judged: targets have own scores."""
        if not self.targets:
            return sample
        return self.targets[target] if len(self.samples) == 1 else f"{sample} {self.targets[target]}"

    @property
    def kept_together(self) -> str:
        """Name the column of what a new test set would draw anew: groups, or groups of near-duplicates."""
        return SIMILARITY if SIMILARITY in self.rows.columns else "group"

    @property
    def scheme(self) -> str:
        """Return the name of the split scheme the dataset was made with."""
        return self.artifact.manifest.info["scheme"]

    @property
    def folds(self) -> list[int]:
        """Return the folds of the scheme, ascending."""
        return sorted(self.splits["fold"].unique().to_list())

    def indices(self, role: str, fold: int = 0, sample: str | None = None) -> np.ndarray:
        """Return the ascending row numbers of one role, of all samples or of one."""
        chosen = self.splits.filter((pl.col("role") == role) & (pl.col("fold") == fold))["row"].to_numpy()
        chosen = np.sort(chosen)
        if sample is not None:
            chosen = chosen[(self.rows["sample"] == sample).to_numpy()[chosen]]
        return chosen.astype(np.int64)

    def group_averages(self) -> np.ndarray | None:
        """Return the average of every row's group in other samples (rows,), NaN where unknown; None without any."""
        if OTHER_SAMPLES not in self.artifact.manifest.files:
            return None
        table = self.artifact.table(OTHER_SAMPLES)
        averages = np.full(len(self.rows), np.nan)
        averages[table["row"].to_numpy()] = table["average"].to_numpy()
        return averages

    def take(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Gather rows of every array (copied out of the memory map)."""
        return {name: array[indices] for name, array in self.arrays.items()}
