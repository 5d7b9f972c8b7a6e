"""Histone-mark tables of genes whose activity is planted: the Zenodo layout, filled with counts that follow from it.

Each gene has an activity in each cell type, partly its own and partly the cell type's. A mark's mean count in a bin
is  depth * exp(background + peak * (height + weight * activity)),  with one shape over the bins per mark, and counts
are negative-binomial around it. Half of the genes are stored from right to left, since the published bins are not
strand-oriented. A gene is on when activity plus noise exceeds the cell type's median, so that even a reader who knew
the activity would err. `truth.json` holds the planted weights and how well activity itself ranks the genes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gxtool.errors import ConfigError
from gxtool.io.bins_table import write_bins_table

N_BINS = 100
BIN_SIZE = 100
# Share of a gene's activity that all cell types have in common (variance).
SHARED = 0.6
# Standard deviation of what the label adds to activity of variance 1: activity itself then ranks genes at 0.93 AUROC,
# and a linear model of 6,601 genes' counts at 0.89.
LABEL_NOISE = 0.5
# Shape of the gamma distribution behind the counts: variance = mean + mean**2 / DISPERSION.
DISPERSION = 1.5


class Mark(NamedTuple):
    """A mark: log of its mean background count, height of its peak without activity, and weight of activity."""

    name: str
    background: float
    height: float
    weight: float


# Column order of Zenodo record 2652278. H3K9me3 is planted without any effect.
MARKS = (
    Mark("H3K27me3", -0.3, 0.8, -0.6),
    Mark("H3K36me3", -0.2, 0.5, 0.6),
    Mark("H3K4me1", 0.6, 0.8, 0.3),
    Mark("H3K4me3", -0.2, 1.8, 0.8),
    Mark("H3K9me3", 0.2, 0.3, 0.0),
)


class Size(NamedTuple):
    """Number of cell types, and of genes in the train, val and test tables of each."""

    n_cells: int
    n_genes: tuple[int, int, int]


SIZES = {"demo": Size(3, (400, 200, 200)), "full": Size(56, (6601, 6601, 6600))}
ROLES = ("train", "val", "test")


@dataclass(frozen=True)
class Genes:
    """What is planted in one cell type, one value per gene of all three tables."""

    activity: np.ndarray
    labels: np.ndarray
    reversed: np.ndarray


def simulate(folder: Path, size: str, seed: int) -> None:
    """Write the tables of every cell type below `folder`, samplesheet.csv and truth.json.

    The same size and seed give the same bytes. `full` is the published size: 56 cell types of 19,802 genes.

    Raises:
        ConfigError: an unknown size.
    """
    if size not in SIZES:
        raise ConfigError(f"size {size}: expected one of {', '.join(SIZES)}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    n_cells, n_genes = SIZES[size]
    shared = np.random.default_rng(seed).standard_normal(sum(n_genes))
    oracle = {}
    for cell in range(1, n_cells + 1):
        name = f"SIM{cell:02d}"
        genes = _write_cell(folder / name, shared, n_genes, np.random.default_rng([seed, cell]))
        oracle[name] = _rank_auroc(genes.labels, genes.activity)
    rows = "".join(f"{name},{name}\n" for name in oracle)
    (folder / "samplesheet.csv").write_text(f"sample,data\n{rows}", encoding="utf-8")
    truth = {
        "marks": [mark.name for mark in MARKS],
        "n_bins": N_BINS,
        "bin_size": BIN_SIZE,
        "seed": seed,
        "weights": np.round(weights(), 6).tolist(),
        "reversed_share": 0.5,
        "activity_auroc": {name: round(value, 4) for name, value in oracle.items()},
    }
    (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")


def shapes() -> np.ndarray:
    """Return each mark's peak over the bins (C, N), between 0 and 1, for genes read from left to right."""
    distance = (np.arange(N_BINS) + 0.5 - N_BINS / 2) * BIN_SIZE  # bp from the TSS
    promoter = np.exp(-0.5 * (distance / 900) ** 2)
    flanks = np.exp(-0.5 * ((np.abs(distance) - 2200) / 800) ** 2)
    body = 1 / (1 + np.exp(-(distance - 1500) / 500))
    broad = np.exp(-0.5 * (distance / 4000) ** 2)
    by_mark = {
        "H3K4me3": promoter,
        "H3K4me1": flanks,
        "H3K36me3": body,
        "H3K27me3": broad,
        "H3K9me3": np.full(N_BINS, 0.5),
    }
    return np.stack([np.where(by_mark[mark.name] < 0.01, 0, by_mark[mark.name]) for mark in MARKS])


def weights() -> np.ndarray:
    """Return the planted effect of activity on the log of the mean count (C, N): 0 where there is none."""
    return np.array([mark.weight for mark in MARKS])[:, None] * shapes()


def _write_cell(folder: Path, shared: np.ndarray, n_genes: tuple[int, ...], rng: np.random.Generator) -> Genes:
    genes = _plant(shared, rng)
    depth = rng.uniform(0.6, 1.6)
    start = 0
    for role, n in zip(ROLES, n_genes, strict=True):
        chosen = slice(start, start + n)
        ids = [f"{number:06d}" for number in range(start + 1, start + n + 1)]
        counts = _counts(genes.activity[chosen], genes.reversed[chosen], depth, rng)
        write_bins_table(folder, role, ids, counts, genes.labels[chosen])
        start += n
    return genes


def _plant(shared: np.ndarray, rng: np.random.Generator) -> Genes:
    own = rng.standard_normal(len(shared))
    activity = np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * own
    expression = activity + LABEL_NOISE * rng.standard_normal(len(shared))
    labels = (expression > np.median(expression)).astype(np.uint8)
    return Genes(activity, labels, rng.random(len(shared)) < 0.5)


def _counts(activity: np.ndarray, backwards: np.ndarray, depth: float, rng: np.random.Generator) -> np.ndarray:
    """Draw counts (G, N, C) of genes with these activities."""
    shape = shapes().T.astype(np.float32)  # (N, C)
    background = np.array([mark.background for mark in MARKS], np.float32)
    height = np.array([mark.height for mark in MARKS], np.float32)
    effect = np.array([mark.weight for mark in MARKS], np.float32)
    # Height of the peak varies from gene to gene beside what activity explains.
    peaks = height + effect * activity[:, None] + 0.5 * rng.standard_normal((len(activity), len(MARKS)))  # (G, C)
    mean = depth * np.exp(background + peaks[:, None, :].astype(np.float32) * shape)  # (G, N, C)
    mean[backwards] = mean[backwards, ::-1]
    mean *= rng.standard_gamma(DISPERSION, mean.shape, dtype=np.float32) / np.float32(DISPERSION)
    return rng.poisson(mean)


def _rank_auroc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Return the chance that a gene that is on scores above one that is off (scores are all different)."""
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores)] = np.arange(1, len(scores) + 1)
    on = labels == 1
    return float((ranks[on].sum() - on.sum() * (on.sum() + 1) / 2) / (on.sum() * (~on).sum()))
