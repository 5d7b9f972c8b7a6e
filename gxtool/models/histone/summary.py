"""What the report shows of the data: class sizes, and each mark's mean profile around the TSS of on and off genes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from gxtool.models.histone.config import DataConfig

# Two-sided 95 % point of the normal distribution.
Z_95 = 1.959963984540054
CLASSES = ("off", "on")
# Genes added up at a time: small enough to stay in the processor's cache as float64.
BLOCK = 1024


@dataclass
class ClassSums:
    """Sums over the genes of one class: of counts and of squared counts, each (N, C)."""

    counts: np.ndarray
    squares: np.ndarray
    n_genes: int = 0

    @classmethod
    def zeros(cls, n_bins: int, n_marks: int) -> ClassSums:
        """Return sums over no genes."""
        return cls(np.zeros((n_bins, n_marks)), np.zeros((n_bins, n_marks)))

    def add(self, signal: np.ndarray) -> None:
        """Add genes (n, N, C)."""
        for start in range(0, len(signal), BLOCK):
            values = signal[start : start + BLOCK].astype(np.float64)
            self.counts += values.sum(axis=0)
            self.squares += np.square(values, out=values).sum(axis=0)
        self.n_genes += len(signal)

    def profile(self) -> dict[str, list]:
        """Return mean count and the ends of its 95 % interval, each (C, N), rounded to 4 decimals."""
        n_genes = max(1, self.n_genes)
        mean = self.counts / n_genes
        error = Z_95 * np.sqrt(np.maximum(self.squares / n_genes - mean**2, 0) / n_genes)
        ends = {"mean": mean, "low": np.maximum(mean - error, 0), "high": mean + error}
        return {name: np.round(values.T, 4).tolist() for name, values in ends.items()}


def mark_totals(signal: np.ndarray) -> np.ndarray:
    """Return reads per gene and mark over the window, (n, N, C) -> (n, C) float64."""
    blocks = [signal[start : start + BLOCK] for start in range(0, len(signal), BLOCK)]
    return np.concatenate([block.astype(np.float64).sum(axis=1) for block in blocks])


def mark_correlations(totals: np.ndarray, labels: np.ndarray) -> list[float | None]:
    """Return, per mark, Pearson's correlation of log(1 + reads in the window) with the label; None when undefined.

    `totals` are reads per gene and mark (n, C).
    """
    heights = np.log1p(totals)
    found: list[float | None] = []
    for mark in range(heights.shape[1]):
        varies = np.ptp(heights[:, mark]) > 0 and np.ptp(labels) > 0
        found.append(float(np.corrcoef(heights[:, mark], labels)[0, 1]) if varies else None)
    return found


def summarise(
    parts: Iterable[tuple[pl.DataFrame, np.ndarray]], splits: pl.DataFrame, data: DataConfig
) -> dict[str, Any]:
    """Describe all rows of a dataset, given as parts of (rows, signal); one sample is in memory at a time."""
    sums = {name: ClassSums.zeros(data.n_bins, len(data.marks)) for name in CLASSES}
    samples: list[dict[str, Any]] = []
    roles = splits["role"].to_numpy()
    offset = 0
    for rows, signal in parts:
        for (sample,), chosen in rows.with_row_index("row").group_by("sample", maintain_order=True):
            indices = chosen["row"].to_numpy()
            labels = chosen["label"].to_numpy() if "label" in rows.columns else None
            counts = signal[indices]
            if labels is not None:
                for label, name in enumerate(CLASSES):
                    sums[name].add(counts[labels == label])
            samples.append(_sample(str(sample), counts, labels, roles[offset + indices]))
        offset += len(rows)
    summary: dict[str, Any] = {"marks": list(data.marks), "n_bins": data.n_bins, "bin_size": data.bin_size}
    if samples and samples[0]["correlations"] is not None:
        summary["profiles"] = {name: sums[name].profile() for name in CLASSES}
    return {**summary, "scheme": splits["scheme"][0], "samples": samples}


def _sample(name: str, counts: np.ndarray, labels: np.ndarray | None, roles: np.ndarray) -> dict[str, Any]:
    sizes = {}
    for role in ("train", "val", "test"):
        chosen = roles == role
        sizes[role] = {"genes": int(chosen.sum()), "on": None if labels is None else int(labels[chosen].sum())}
    totals = mark_totals(counts)
    return {
        "sample": name,
        "sizes": sizes,
        "mean_reads": np.round(totals.mean(axis=0), 2).tolist(),
        "correlations": None if labels is None else mark_correlations(totals, labels),
    }
