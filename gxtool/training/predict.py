"""Trained models at work: one in a notebook, or all of a run over a dataset. Importing this needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from gxtool.config import Config
from gxtool.errors import InputError
from gxtool.io.artifact import Artifact, ArtifactWriter, find_artifacts, open_artifact
from gxtool.io.dataset import Dataset
from gxtool.io.runtime import Stopwatch
from gxtool.models.base import Family
from gxtool.models.recorded import config_of
from gxtool.models.registry import get_family
from gxtool.training.options import DEFAULT_OPTIONS, TrainOptions, require_packages
from gxtool.training.row_checks import require_same_rows

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from gxtool.training.machine import Machine


@dataclass(frozen=True)
class Model:
    """A trained network with what is needed to use it; of several targets it may be asked about one, by its place."""

    artifact: Artifact
    family: Family
    network: PreTrainedModel
    machine: Machine
    target: int | None = None

    def predict(
        self,
        data: Dataset | Mapping[str, np.ndarray],
        indices: np.ndarray | None = None,
        batch_size: int = 0,
    ) -> np.ndarray:
        """Return one prediction per row, in the family's unit, of a dataset or of arrays named as in one.

        They are (n,); of a model of T targets that is not asked about one of them (n, T). batch_size: rows per forward
        pass; 0: chosen from the network's activations.

        Raises:
            InputError: a dataset whose rows are not of the kind the model was trained on.
        """
        from gxtool.training.feeding import Rows
        from gxtool.training.inference import infer

        if isinstance(data, Dataset):
            require_same_rows(self.artifact, data)
            data = data.arrays
        if indices is None:
            indices = np.arange(len(next(iter(data.values()))))
        rows = Rows(data, self.family, indices)
        predictions = infer(self.network, rows, self.family, self.machine, batch_size).predictions
        return predictions if self.target is None or predictions.ndim == 1 else predictions[:, self.target]


def load_model(path: Path, device: str = "auto") -> Model:
    """Load a trained model's folder.

    Raises:
        InputError: it is no model artifact, or its weights cannot be read.
        DependencyError: PyTorch or the device is missing.
    """
    require_packages()
    import torch

    from gxtool.training.machine import Machine, choose_device

    artifact = open_artifact(Path(path), "model")
    return open_model(artifact, family_of([artifact]), Machine(choose_device(device), torch.get_num_threads()))


def open_model(artifact: Artifact, family: Family, here: Machine) -> Model:
    """Return a trained model on the machine that is to run it."""
    from gxtool.training.networks import load_network

    return Model(artifact, family, load_network(family, artifact).to(here.device), here)


def predict(
    checkpoints: Sequence[Path],
    dataset: Path,
    output: Path,
    config: Config | None = None,
    options: TrainOptions = DEFAULT_OPTIONS,
) -> Path:
    """Predict every row of a dataset, averaged over the models that apply to its sample.

    `config` (its `evaluation` and `resources` count) defaults to the one that the models were trained with.

    Raises:
        InputError: the models' rows differ from the dataset's, or no model applies to a sample.
    """
    require_packages()
    from gxtool.training.machine import machine

    watch = Stopwatch()
    artifacts = find_artifacts(checkpoints, "model")
    family = family_of(artifacts)
    opened = Dataset.open(Path(dataset), family.name)
    config = config or config_of(artifacts[0], family)
    with machine(options, config.resources.threads) as here:
        table = averaged(predict_models(applicable(artifacts, opened), family, opened, here, config))
    table = with_rows(opened, table)
    known = [name for name in ("target", "label") if name in table.columns]
    columns = ["sample", "group", *known, "prediction", "sd"]
    manifest = artifacts[0].manifest
    with ArtifactWriter(
        output, "predictions", family=family.name, preset=manifest.preset, overwrite=options.overwrite
    ) as writer:
        for parent in (opened.artifact, *artifacts):
            writer.add_parent(parent)
        writer.write_table("predictions.parquet", table.select(columns))
        for name, function in family.predictions.items():
            family.load(function)(table, writer.take(name))
            writer.taken(name)
        writer.describe(
            rows={"predicted": len(table)}, info={"run": manifest.info.get("run"), "models": len(artifacts)}
        )
        watch.write(writer.folder, {"device": here.device.type, "threads": here.threads})
    return Path(output)


def family_of(models: Sequence[Artifact]) -> Family:
    """Return the one family that all models belong to, as it is for what they predict.

    Raises:
        InputError: there are several.
    """
    for model in models:
        if model.manifest.family != models[0].manifest.family:
            first = models[0].manifest.family
            raise InputError(
                f"{model.path}: is a model of family {model.manifest.family}, expected {first} as the others"
            )
    rows = models[0].manifest.info.get("data", {})
    return get_family(models[0].manifest.family).for_target(rows.get("target"))


def predict_models(
    work: Sequence[tuple[Artifact, np.ndarray]], family: Family, dataset: Dataset, here: Machine, config: Config
) -> pl.DataFrame:
    """Return row, target, seed, fold, model (its place in `work`) and prediction of every model on its rows, one at a
    time; a target is named by its place.
    """
    parts = []
    for place, (artifact, indices) in enumerate(work):
        model = open_model(artifact, family, here)
        predictions = model.predict(dataset, indices, config.evaluation.batch_size)
        parts.append(prediction_rows(place, artifact, indices, predictions))
    return pl.concat(parts)


def prediction_rows(place: int, artifact: Artifact, indices: np.ndarray, predictions: np.ndarray) -> pl.DataFrame:
    """Return what one model predicts, (n,) or (n, T), as the rows that `predict_models` makes."""
    columns = predictions.reshape(len(indices), -1)
    n_targets = columns.shape[1]
    return pl.DataFrame(
        {
            "row": pl.Series(np.repeat(indices, n_targets), dtype=pl.UInt32),
            "target": pl.Series(np.tile(np.arange(n_targets), len(indices)), dtype=pl.UInt32),
            "model": place,
            "seed": artifact.manifest.seed,
            "fold": artifact.manifest.info.get("fold", 0),
            "prediction": columns.ravel(),
        }
    )


def averaged(predictions: pl.DataFrame) -> pl.DataFrame:
    """Return row, target, mean prediction over models and its standard deviation (null for one model)."""
    grouped = predictions.group_by("row", "target", maintain_order=True)
    return grouped.agg(pl.col("prediction").mean(), pl.col("prediction").std().alias("sd")).sort("row", "target")


def label_rows(dataset: Dataset) -> pl.DataFrame:
    """Return row, target (its place) and label of every row."""
    labels = np.asarray(dataset.arrays["labels"])
    rows, n_targets = dataset.rows["row"].to_numpy(), dataset.n_targets
    places = np.tile(np.arange(n_targets, dtype=np.uint32), len(rows))
    return pl.DataFrame({"row": np.repeat(rows, n_targets), "target": places, "label": labels.ravel()})


def with_rows(dataset: Dataset, table: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of rows.parquet beside target, label, prediction and sd, in the order of the dataset.

    Customary formats may need columns of the family's own, such as the sequence as it was given.
    """
    return dataset.rows.join(_with_targets(dataset, table), on="row", how="inner", maintain_order="left").drop("row")


def _with_targets(dataset: Dataset, table: pl.DataFrame) -> pl.DataFrame:
    """Return row, mean and sd of `averaged`, with each target's name, and its label where one is known."""
    if not dataset.targets:
        return table.drop("target")
    if "labels" in dataset.arrays and "label" not in dataset.rows.columns:
        table = table.join(label_rows(dataset), on=("row", "target"), how="left", maintain_order="left")
    return table.with_columns(pl.Series("target", dataset.targets).gather(table["target"]))


def applicable(models: Sequence[Artifact], dataset: Dataset) -> list[tuple[Artifact, np.ndarray]]:
    """Pair models with the rows they predict: all rows, those of their sample, or those of samples new to all."""
    trained_on = {model.manifest.info.get("sample") for model in models}
    rows_of = {sample: np.flatnonzero((dataset.rows["sample"] == sample).to_numpy()) for sample in dataset.samples}
    new = [] if None in trained_on else [sample for sample in dataset.samples if sample not in trained_on]
    if new and len(trained_on) > 1:
        raise InputError(
            f"{dataset.artifact.path}: sample {new[0]} is none of those the models were trained on "
            f"({', '.join(sorted(trained_on))}), expected models of one sample, or one model of all samples"
        )
    work = []
    for model in models:
        sample = model.manifest.info.get("sample")
        chosen = (
            dataset.samples if sample is None else [name for name in dataset.samples if name == sample or name in new]
        )
        if chosen:
            work.append((model, np.sort(np.concatenate([rows_of[name] for name in chosen]))))
    return work
