"""Pure noise in a family's own file format: its simulated raw files, with the values dealt out at random.

`NOISE` has what is known of the families here; of another family the labels of its dataset are dealt out instead.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from gxtool.io.artifact import ArtifactWriter
from gxtool.io.dataset import Dataset

N_BINS = 100
GENES = {"train.csv": 80, "valid.csv": 40, "test.csv": 60}
PROMOTERS = 360


def histone(raw: Path, folder: Path, rng: np.random.Generator) -> None:
    """Write one cell type of few genes; the tables keep their counts, and lose what the labels have to do with them."""
    source = min(raw.rglob("train.csv")).parent
    (folder / "cell").mkdir(parents=True)
    for name, n_genes in GENES.items():
        lines = (source / name).read_text().splitlines()[: n_genes * N_BINS]
        labels = rng.permutation(np.repeat([0, 1], n_genes // 2)).repeat(N_BINS)
        text = [f"{line.rpartition(',')[0]},{label}" for line, label in zip(lines, labels, strict=True)]
        (folder / "cell" / name).write_text("\n".join(text) + "\n")
    (folder / "samplesheet.csv").write_text("sample,data\ncell,cell\n")


def proformer(raw: Path, folder: Path, rng: np.random.Generator) -> None:
    """Write few promoters, validated and tested by a hash of their sequences."""
    lines = (raw / "train_sequences.txt").read_text().splitlines()[:PROMOTERS]
    sequences, values = zip(*(line.split("\t") for line in lines), strict=True)
    text = [f"{sequence}\t{value}" for sequence, value in zip(sequences, rng.permutation(values), strict=True)]
    folder.mkdir(parents=True)
    (folder / "promoters.txt").write_text("\n".join(text) + "\n")
    (folder / "samplesheet.csv").write_text("sample,data\nyeast,promoters.txt\n")


def composition(raw: Path, folder: Path, rng: np.random.Generator) -> None:
    """Write the promoters of the page's family with each other's expression."""
    table = pl.read_csv(raw / "promoters.tsv", separator="\t")
    folder.mkdir(parents=True)
    shuffled = table.with_columns(expression=pl.Series(rng.permutation(table["expression"].to_numpy())))
    shuffled.write_csv(folder / "promoters.tsv", separator="\t")
    (folder / "samplesheet.csv").write_text("sample,data\nyeast,promoters.tsv\n")


NOISE: dict[str, Callable[[Path, Path, np.random.Generator], None]] = {
    "composition": composition,
    "histone": histone,
    "proformer": proformer,
}


def noise_dataset(dataset: Path, folder: Path, rng: np.random.Generator) -> Path:
    """Write a dataset again with the labels of its rows dealt out at random."""
    opened = Dataset.open(dataset)
    labels = np.asarray(opened.arrays["labels"])[rng.permutation(len(opened.rows))]
    rows = opened.rows.drop("label", strict=False)
    with ArtifactWriter(folder, "dataset", family=opened.artifact.manifest.family) as writer:
        for name in opened.artifact.manifest.files:
            if name not in ("labels.npy", "rows.parquet"):
                writer.adopt(name, opened.artifact)
        writer.write_array("labels.npy", labels)
        writer.write_table("rows.parquet", rows)
        writer.describe(rows=opened.artifact.manifest.rows, info=opened.artifact.manifest.info)
    return folder
