"""Cell types in the layout of Zenodo record 2652278, made up at any size: the input of the benchmarks.

Counts are overdispersed (Poisson of a gamma), about as many digits as the published ones have; a gene's activity raises
the fourth mark around the centre and sets the label, so that a network has something to learn.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from gxtool.io.bins_table import write_bins_table

N_BINS = 100
N_MARKS = 5
ROLES = ("train", "val", "test")


class Size(NamedTuple):
    """Genes of the train, val and test table of each cell type, and cell types of the benchmark of many."""

    n_genes: tuple[int, int, int]
    n_cells: int


SIZES = {"tiny": Size((230, 120, 110), 3), "full": Size((6601, 6601, 6600), 56)}


def write_cells(folder: Path, n_cells: int, n_genes: tuple[int, int, int], seed: int = 1) -> list[Path]:
    """Write cell types below `folder` and return their folders; the same arguments give the same bytes."""
    folders = []
    for number in range(1, n_cells + 1):
        cell = folder / f"CELL{number:02d}"
        write_cell(cell, n_genes, np.random.default_rng([seed, number]))
        folders.append(cell)
    return folders


def write_cell(folder: Path, n_genes: tuple[int, int, int], rng: np.random.Generator) -> None:
    """Write the three tables of one cell type."""
    centre = np.exp(-0.5 * ((np.arange(N_BINS) - N_BINS / 2) / 9) ** 2)
    first = 1
    for role, n in zip(ROLES, n_genes, strict=True):
        activity = rng.standard_normal(n)
        mean = np.tile(np.array([0.8, 0.9, 1.8, 0.9, 1.2], np.float32), (n, N_BINS, 1))
        mean[:, :, 3] *= np.exp((1.5 + 0.8 * activity)[:, None] * centre)
        mean *= rng.standard_gamma(1.5, mean.shape, dtype=np.float32) / np.float32(1.5)
        labels = (activity + 0.5 * rng.standard_normal(n) > 0).astype(np.uint8)
        ids = [f"{number:06d}" for number in range(first, first + n)]
        write_bins_table(folder, role, ids, rng.poisson(mean), labels)
        first += n


def tables_of(cell: Path) -> list[Path]:
    """Return the tables of a cell type in the order train, val, test."""
    return [cell / "classification" / f"{stem}.csv" for stem in ("train", "valid", "test")]
