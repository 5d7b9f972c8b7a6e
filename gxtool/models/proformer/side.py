"""What a samplesheet names beside promoters: variants and motifs, kept in side files of examples and datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gxtool.io.artifact import Artifact, ArtifactWriter
from gxtool.io.dataset import Dataset
from gxtool.io.hashes import hash_file
from gxtool.io.meme import Motif, read_meme
from gxtool.models.proformer import variants
from gxtool.models.proformer.config import DataConfig
from gxtool.models.proformer.variants import SheetVariants, variants_of

MOTIFS = "motifs.json"
"""Side file of examples and datasets: sample -> its motifs, each with name, probabilities (w, 4), background (4,)."""
# Motifs that `check` names.
SHOWN = 8


@dataclass(frozen=True)
class Side:
    """Variants and motifs by sample, of samples that have some, and the motifs' files for a manifest."""

    variants: Mapping[str, SheetVariants]
    motifs: Mapping[str, Sequence[Motif]]
    motif_files: Mapping[str, Mapping[str, Any]]

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """Return the files that were read, for a manifest."""
        sources = [(name, source) for name, found in self.variants.items() for source in found.sources]
        return [
            {**source, "name": f"{name}/{source['name']}"} for name, source in (*sources, *self.motif_files.items())
        ]

    @property
    def dropped(self) -> dict[str, int]:
        """Return how many alleles were left out, by why."""
        counts = {
            f"variants_{why}": sum(getattr(found.tally, why) for found in self.variants.values())
            for why in variants.WORDS
        }
        return {why: count for why, count in counts.items() if count}

    @property
    def origin(self) -> dict[str, Any]:
        """Return what was counted of each sample's variants, and its motifs' names."""
        said = {
            "variants": {name: asdict(found.tally) for name, found in self.variants.items()},
            "motifs": {name: [motif.name for motif in motifs] for name, motifs in self.motifs.items()},
        }
        return {name: content for name, content in said.items() if content}

    def write(self, writer: ArtifactWriter) -> None:
        """Write the side files, those that hold something."""
        if self.variants:
            writer.write_table(variants.TABLE, pl.concat([found.table for found in self.variants.values()]))
        if self.motifs:
            content = {
                name: [{key: np.asarray(value).tolist() for key, value in motif._asdict().items()} for motif in motifs]
                for name, motifs in self.motifs.items()
            }
            writer.write_json(MOTIFS, content)


def read_side(sheet: Sequence[Mapping[str, str]], data: DataConfig) -> Side:
    """Read the files that rows of a samplesheet name as `variants`, `genome` and `motifs`.

    Raises:
        InputError: as `variants_of` and `read_meme`.
    """
    found = {row["sample"]: variants_of(row, data) for row in sheet}
    motifs, files = {}, {}
    for row in sheet:
        if row.get("motifs"):
            path = Path(row["motifs"])
            motifs[row["sample"]] = read_meme(path)
            sha256, size = hash_file(path)
            files[row["sample"]] = {"name": path.name, "sha256": sha256, "bytes": size}
    return Side({name: one for name, one in found.items() if one}, motifs, files)


def join(examples: Sequence[Artifact], writer: ArtifactWriter) -> dict[str, Any]:
    """Write the side files of all examples together, and return what a dataset's summary says of them."""
    tables = [part.table(variants.TABLE) for part in examples if variants.TABLE in part.manifest.files]
    if tables:
        writer.write_table(variants.TABLE, pl.concat(tables))
    motifs = {
        name: own for part in examples if MOTIFS in part.manifest.files for name, own in part.json(MOTIFS).items()
    }
    if motifs:
        writer.write_json(MOTIFS, motifs)
    said: dict[str, dict[str, Any]] = {}
    for part in examples:
        for name in ("variants", "motifs"):
            said.setdefault(name, {}).update(part.manifest.info["origin"].get(name, {}))
    return {name: content for name, content in said.items() if content}


def motifs_of(dataset: Dataset) -> list[Motif]:
    """Return the motifs of all samples of a dataset, of those that share a name the first."""
    if MOTIFS not in dataset.artifact.manifest.files:
        return []
    found: dict[str, Motif] = {}
    for motifs in dataset.artifact.json(MOTIFS).values():
        for one in motifs:
            found.setdefault(one["name"], Motif(one["name"], *map(np.array, (one["probabilities"], one["background"]))))
    return list(found.values())


def variants_table(dataset: Dataset, sample: str) -> pl.DataFrame:
    """Return the variants of a sample, without rows where it has none."""
    if variants.TABLE not in dataset.artifact.manifest.files:
        return pl.DataFrame()
    return dataset.artifact.table(variants.TABLE).filter(pl.col("sample") == sample)


def describe_side(row: Mapping[str, str], data: DataConfig) -> list[tuple[str, str]]:
    """Return what `check` says of the variants and motifs of a row of a samplesheet."""
    side, sample, facts = read_side([row], data), row["sample"], []
    for found in side.variants.values():
        counts = asdict(found.tally)
        left_out = [f"{counts[why]:,} {word}" for why, word in variants.WORDS.items() if counts[why]]
        facts.append(
            (f"{sample}, variants", "; ".join([f"{counts['kept']:,} of {counts['read']:,} alleles", *left_out]))
        )
    for motifs in side.motifs.values():
        shown = ", ".join(motif.name for motif in motifs[:SHOWN]) + (", ..." if len(motifs) > SHOWN else "")
        facts.append((f"{sample}, motifs", f"{len(motifs):,} ({shown})"))
    return facts
