"""The way the published PyTorch release of AttentiveChrome loads a cell type, in our own words.

A table is read by `csv.reader` into a list of rows. Each gene gets one tensor per mark, its elements are set one after
the other by `int` of the row's text, and the marks are joined into one matrix. Nothing is checked, hashed or written.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch

FIRST_COUNT = 2
"""Column of the first mark, behind gene and bin."""


class Gene(NamedTuple):
    """One gene: its id, counts (bins, marks) and label."""

    name: str
    signal: torch.Tensor
    label: int


def load_cell(tables: Iterable[Path], n_bins: int, n_marks: int, n_genes: int | None = None) -> list[Gene]:
    """Load the tables of a cell type, or only the first genes of each."""
    return [gene for table in tables for gene in load_table(table, n_bins, n_marks, n_genes)]


def load_table(table: Path, n_bins: int, n_marks: int, n_genes: int | None = None) -> list[Gene]:
    """Load one table, or only its first genes."""
    with table.open(newline="") as file:
        rows = list(islice(csv.reader(file), n_genes and n_genes * n_bins))
    genes = []
    for start in range(0, len(rows), n_bins):
        marks = [torch.zeros(n_bins, 1) for _ in range(n_marks)]
        for bin_number in range(n_bins):
            row = rows[start + bin_number]
            for number, mark in enumerate(marks):
                mark[bin_number, 0] = int(row[FIRST_COUNT + number])
        genes.append(Gene(rows[start][0], torch.cat(marks, dim=1), int(rows[start][FIRST_COUNT + n_marks])))
    return genes
