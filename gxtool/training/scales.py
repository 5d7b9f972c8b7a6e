"""Which scored samples are measured on another scale than the models were trained on, and what is then scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gxtool.io.artifact import Artifact
from gxtool.io.dataset import Dataset
from gxtool.measure.answers import MODEL
from gxtool.measure.scales import TEST_SCALE, Moments, across_scales, moments, on_other_scale, scale_sentence
from gxtool.models.base import Family

LABELS = "labels"
"""What a model's manifest calls number, mean and standard deviation of each target's training labels."""


class Scales(NamedTuple):
    """Samples (or targets) that are on another scale, metrics that are left out for it, and the sentence about it."""

    samples: tuple[str, ...]
    left_out: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return what metrics.json says of it: nothing where all is on one scale."""
        if not self.samples:
            return {}
        sentence = scale_sentence(self.samples, self.left_out)
        return {"other_scale": {"samples": self.samples, "left_out": self.left_out, "sentence": sentence}}


def training_labels(family: Family, dataset: Dataset, rows: np.ndarray) -> dict[str, Any]:
    """Return what a model's manifest says of the labels of its training rows; nothing of classes."""
    if family.kind != "regression":
        return {}
    return {LABELS: [moments(dataset.labels(place)[rows])._asdict() for place in range(dataset.n_targets)]}


def scales_of(family: Family, dataset: Dataset, models: Sequence[Artifact], table: pl.DataFrame) -> Scales:
    """Compare the labels of every scored sample with those that its models were trained on, or take the dataset's word.

    `table` is that of `scoring`, with each target's place.
    """
    if family.kind != "regression":
        return Scales((), ())
    declared = dataset.artifact.manifest.info.get(TEST_SCALE, "auto")
    found = []
    own = table.filter(pl.col("predictor") == MODEL)
    for (name, target, place), rows in own.group_by("sample", "target", "model", maintain_order=True):
        trained = _trained(models[int(place)].manifest.info, int(target))
        labels = moments(rows["label"].to_numpy())
        if on_other_scale(trained, labels, declared) and name not in found:
            found.append(str(name))
    return Scales(tuple(found), tuple(set_apart(family.metrics)) if found else ())


def scored_as(family: Family, scales: Scales) -> Family:
    """Return the family as it is scored: across two scales by order and correlation alone."""
    return replace(family, metrics=across_scales(family.metrics)) if scales.samples else family


def set_apart(metrics: Sequence[str]) -> list[str]:
    """Return the metrics that are left out across two scales."""
    kept = across_scales(metrics)
    return [name for name in metrics if name not in kept]


def _trained(info: Mapping[str, Any], target: int) -> Moments:
    """Return what a model was trained on; a model that does not say so tells nothing."""
    labels = info.get(LABELS) or ()
    return Moments(**labels[target]) if target < len(labels) else Moments(0, 0.0, 0.0)
