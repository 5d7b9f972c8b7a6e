"""Other ways to read a row than the one a model was trained for: predicted with changed fields of its configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from gxtool.config import Config
from gxtool.io.artifact import Artifact
from gxtool.io.dataset import Dataset
from gxtool.models.base import Family
from gxtool.training.predict import open_model, prediction_rows
from gxtool.training.scoring import mean_scores

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from gxtool.training.machine import Machine


@dataclass(frozen=True)
class Reading:
    """Predictions of every model, as `predict_models` makes them; `own`: all models read rows so by themselves."""

    name: str
    fields: Mapping[str, Any]
    own: bool
    predictions: pl.DataFrame

    def scores(self, metrics: Sequence[str], table: pl.DataFrame) -> dict[str, Any]:
        """Return what metrics.json says of it: scores of every sample, the mean over seeds.

        `table` is that of `scoring`, made of these predictions.
        """
        samples = [
            {"sample": name, **mean_scores(metrics, rows)}
            for (name,), rows in table.group_by("sample", maintain_order=True)
        ]
        return {"name": self.name, "fields": dict(self.fields), "own": self.own, "samples": samples}


def predict_readings(
    work: Sequence[tuple[Artifact, np.ndarray]],
    family: Family,
    dataset: Dataset,
    here: Machine,
    config: Config,
    predictions: pl.DataFrame,
) -> list[Reading]:
    """Return the family's readings; a model that reads rows so by itself is not asked again.

    `predictions` are those of `predict_models` for the same work.
    """
    parts: dict[str, list[pl.DataFrame]] = {name: [] for name in family.readings}
    asked = set()
    for place, (artifact, indices) in enumerate(work if parts else ()):
        model = open_model(artifact, family, here)
        for name, fields in family.readings.items():
            if all(getattr(model.network.config, field) == value for field, value in fields.items()):
                parts[name].append(predictions.filter(pl.col("model") == place))
                continue
            asked.add(name)
            with reading_as(model.network, fields):
                values = model.predict(dataset, indices, config.evaluation.batch_size)
            parts[name].append(prediction_rows(place, artifact, indices, values))
    return [
        Reading(name, family.readings[name], name not in asked, pl.concat(own, how="vertical_relaxed"))
        for name, own in parts.items()
    ]


@contextmanager
def reading_as(network: PreTrainedModel, fields: Mapping[str, Any]) -> Iterator[None]:
    """Set fields of a network's configuration for a while; they are as they were afterwards, whatever happens."""
    before = {name: getattr(network.config, name) for name in fields}
    try:
        for name, value in fields.items():
            setattr(network.config, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(network.config, name, value)
