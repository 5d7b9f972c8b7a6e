"""Trained models in a notebook: they predict what a person has at hand, and answer with a table."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gxtool.errors import InputError, quoted
from gxtool.io.artifact import find_artifacts, is_artifact
from gxtool.io.dataset import Dataset
from gxtool.models.base import Family
from gxtool.models.recorded import DATA_ALONE, config_from_models, require_same_rows_as
from gxtool.models.settings import Fields, Settings
from gxtool.models.stages import naming, prepared
from gxtool.training.options import TrainOptions, require_packages
from gxtool.training.predict import Model, applicable, averaged, family_of, open_model, prediction_rows
from gxtool.training.predict import with_rows as rows_with

NUMBER = "number"
"""Column of rows.parquet with the place of a row among the values in memory that it was made of."""
SHOWN = "the given values"
_PLACE = "place among the given values"


@dataclass(frozen=True)
class Predictor:
    """One trained model, or several of one kind whose predictions are averaged."""

    models: tuple[Model, ...]

    @property
    def family(self) -> Family:
        """Return the family of the models."""
        return self.models[0].family

    def predict(self, data: Any, set: Fields = ()) -> pl.DataFrame:  # noqa: A002 (called as the option is)
        """Return a table with a row for each prediction: `prediction`, and its `sd` over several models.

        data    a dataset folder, a samplesheet or folder of raw data (path); what the family reads from memory, such
                as sequences as a list of text, or a table (pandas or polars) with a column of them; an array of what
                the network reads, or several by the names they have in a dataset
        set     settings for this prediction, such as `{"data.sequence_column": "promoter"}`

        Raises:
            InputError: data of another kind than the models were trained on.
            ConfigError: settings that contradict what the models were trained with.
        """
        if isinstance(data, (np.ndarray, Mapping)):
            return self._of_arrays(self._named(data))
        if isinstance(data, Dataset):
            return self._of_dataset(data)
        if not isinstance(data, (str, PathLike)):
            return self._of_values(data, set)
        path = Path(data)
        if is_artifact(path):
            config_from_models(self.family, Settings(set=set), self._artifacts, DATA_ALONE)
            dataset = Dataset.open(path, self.family.name)
            require_same_rows_as(self._artifacts[0], dataset.artifact, self.family)
            return self._of_dataset(dataset)
        config = config_from_models(self.family, Settings(set=set), self._artifacts, DATA_ALONE, new_files=True)
        with prepared(self.family, config, path) as dataset:
            return self._of_dataset(Dataset.open(dataset))

    @property
    def _artifacts(self) -> list[Any]:
        return [model.artifact for model in self.models]

    def _of_dataset(self, dataset: Dataset) -> pl.DataFrame:
        """Return the rows of a dataset with their predictions."""
        of = {model.artifact.id: model for model in self.models}
        parts = [
            prediction_rows(place, artifact, indices, of[artifact.id].predict(dataset, indices))
            for place, (artifact, indices) in enumerate(applicable(self._artifacts, dataset))
        ]
        if not parts:
            raise InputError(f"{dataset.artifact.path}: has no sample that the models know")
        table = rows_with(dataset, averaged(pl.concat(parts)))
        empty = [name for name in table.columns if table[name].null_count() == len(table)]
        return table.drop("role", *empty, strict=False)

    def _of_values(self, values: Any, fields: Fields) -> pl.DataFrame:
        """Return values in memory, as a table of one row each, with their predictions; null where one is left out."""
        if not self.family.from_memory:
            raise InputError(
                f"found {type(values).__name__}, expected a path or arrays: {self.family.name} reads no text or tables "
                "from memory"
            )
        config = config_from_models(self.family, Settings(set=fields), self._artifacts, DATA_ALONE, new_files=True)
        with tempfile.TemporaryDirectory(prefix="gxtool-") as folder:
            given, sheet, data = self.family.load(self.family.from_memory)(values, config.data, Path(folder))
            config = config.model_copy(update={"data": data})
            with naming(folder, SHOWN), prepared(self.family, config, sheet) as dataset:
                table = self._of_dataset(Dataset.open(dataset))
        answers = [name for name in ("target", "prediction", "sd") if name in table.columns]
        chosen = table.select(pl.col(NUMBER).alias(_PLACE), *answers)
        placed = given.drop(answers, strict=False).with_row_index(_PLACE)
        return placed.join(chosen, on=_PLACE, how="left", maintain_order="left").drop(_PLACE)

    def _named(self, data: np.ndarray | Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return arrays by their names in a dataset, after checking that they are what the models read."""
        shapes: Mapping[str, Sequence[int]] = self.models[0].artifact.manifest.info["data"]["shapes"]
        if not isinstance(data, Mapping):
            if len(shapes) > 1:
                raise InputError(f"found one array, expected a mapping with {', '.join(sorted(shapes))}")
            data = {next(iter(shapes)): data}
        arrays = {name: np.asarray(array) for name, array in data.items()}
        for name, shape in shapes.items():
            found = arrays[name].shape if name in arrays else None
            if found is None or list(found[1:]) != list(shape):
                expected = ", ".join(["rows", *map(str, shape)])
                raise InputError(f"{name}: is {quoted(found)}, expected an array of shape ({expected})")
        return arrays

    def _of_arrays(self, arrays: Mapping[str, np.ndarray]) -> pl.DataFrame:
        """Return a table with one row for each row of the arrays, and of several targets one for each of them."""
        samples = {model.artifact.manifest.info.get("sample") for model in self.models}
        if len(samples) > 1:
            raise InputError(f"arrays name no sample, expected models of one of {', '.join(sorted(map(str, samples)))}")
        targets = self.models[0].artifact.manifest.info["data"].get("targets", [])
        n_rows = len(next(iter(arrays.values())))
        rows = np.arange(n_rows)
        parts = [
            prediction_rows(place, model.artifact, rows, model.predict(arrays))
            for place, model in enumerate(self.models)
        ]
        table = averaged(pl.concat(parts))
        named = table.with_columns(pl.Series("target", targets).gather(table["target"])) if targets else table
        named = named if targets else named.drop("target")
        return named if len(self.models) > 1 else named.drop("sd")


def load_predictor(checkpoints: Sequence[Path], device: str = "auto") -> Predictor:
    """Load every trained model at or below some folders.

    Raises:
        InputError: no model, models of several families, or weights that cannot be read.
        DependencyError: PyTorch or the device is missing.
    """
    require_packages()
    import torch

    from gxtool.training.machine import machine

    artifacts = find_artifacts(checkpoints, "model")
    family = family_of(artifacts)
    with machine(TrainOptions(device=device), torch.get_num_threads()) as here:
        return Predictor(tuple(open_model(artifact, family, here) for artifact in artifacts))
