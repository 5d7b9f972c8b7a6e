"""Datasets of promoters for tests, made as the pipeline makes them."""

from __future__ import annotations

from pathlib import Path

from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.io.dataset import Dataset
from gxtool.models.proformer import encode, examples
from gxtool.models.proformer.config import DataConfig


def join(folder: Path, sheet: tuple[dict[str, str], ...], config: DataConfig) -> Dataset:
    """Preprocess each row of a sheet by itself, into `folder`, and join them."""
    for number, row in enumerate(sheet):
        with ArtifactWriter(folder / f"examples{number}", "examples", family="proformer") as writer:
            examples.preprocess([row], config, writer)
    parts = [open_artifact(folder / f"examples{number}") for number in range(len(sheet))]
    with ArtifactWriter(folder / "dataset", "dataset", family="proformer") as writer:
        encode.encode(parts, config, writer)
    return Dataset.open(folder / "dataset")
