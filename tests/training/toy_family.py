"""A family small enough to read at a glance: three numbers per row, two classes. The room must not know it.

`install()` makes it the only family there is, in this process.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gxtool.config import Config, Section
from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.measure.baselines import BaselineResult, Split
from gxtool.measure.baselines import train_mean as mean_of_labels
from gxtool.models import registry
from gxtool.models.base import Family, Reference, Run

N_FEATURES = 3
SAMPLES = ("liver", "lung")


class DataConfig(Section):
    """Nothing to choose."""


class ModelConfig(Section):
    """The network's sizes."""

    hidden_size: int = 5
    dropout: float = 0.3
    greedy_forward: bool = False


class ToyConfig(Config):
    """The toy's sections."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()


@dataclass(frozen=True)
class ToyFamily(Family):
    """A record whose dotted names lead into this module."""

    def load(self, dotted: str) -> Any:
        """Return what this module, or the one of the network, calls so."""
        attribute = dotted.partition(":")[2]
        if attribute == "ToyModel":
            import toy_model

            return toy_model.ToyModel
        return getattr(sys.modules[__name__], attribute)


FAMILY = ToyFamily(
    name="toy",
    title="Toy",
    summary="three numbers, two classes",
    kind="binary",
    default_preset="small",
    parameters={},
    columns=(),
    metrics=("auroc", "accuracy", "brier"),
    config="toy:ToyConfig",
    model="toy:ToyModel",
    expand="",
    check="",
    preprocess="",
    encode="",
    collate="toy:collate",
    fit="toy:fit",
    predict="toy:predict",
    features="toy:features",
    baselines={"first_number": "toy:first_number", "train_mean": "toy:train_mean"},
    sections=(),
    simulate="",
    predictions={"predictions.tsv": "toy:write_tsv"},
    references=(
        Reference("easy", "auroc", 0.51, "made up", "toy benchmark"),
        Reference("never", "auroc", 1.01, "made up", "toy benchmark"),
        Reference("elsewhere", "auroc", 0.6, "made up", "another benchmark"),
    ),
    benchmark="toy:benchmark_of",
)


def install() -> None:
    """Make the toy the only family of this process."""
    registry.families = lambda: {"toy": FAMILY}


def run(name: str = "toy-run", model: Mapping[str, Any] | None = None, **training: Any) -> Run:
    """Return a run with these training fields."""
    config = ToyConfig.model_validate(
        {
            "model": dict(model or {}),
            "training": {"epochs": 3, "batch_size": 10, "learning_rate": 0.02, **training},
            "evaluation": {"level": 0.9},
            "resources": {"threads": 1},
        }
    )
    return Run(FAMILY, "small", config, name)


def write_dataset(path: Path, counts: Mapping[str, int] | None = None, labelled: bool = True, **info: Any) -> Path:
    """Write a dataset of `counts` rows per sample: half train, a quarter val, a quarter test; groups never repeat.

    A row's label is 1 when its first number, with some noise, lies above 0.
    """
    counts = counts or {"liver": 94, "lung": 61}
    generator = np.random.default_rng(7)
    n = sum(counts.values())
    numbers = generator.normal(size=(n, N_FEATURES)).astype(np.float32)
    labels = (numbers[:, 0] + 0.5 * generator.normal(size=n) > 0).astype(np.uint8)
    # Two rows of every sample and role are known, so that both classes are everywhere.
    samples = [sample for sample, count in counts.items() for _ in range(count)]
    roles = [("train", "val", "train", "test")[i % 4] for count in counts.values() for i in range(count)]
    rows = pl.DataFrame({"row": pl.Series(range(n), dtype=pl.UInt32), "sample": samples})
    rows = rows.with_columns(pl.Series("group", [f"g{i:04d}" for i in range(n)]))
    splits = rows.select("row").with_columns(scheme=pl.lit("file"), fold=pl.lit(0), role=pl.Series(roles))
    with ArtifactWriter(path, "dataset", family="toy") as writer:
        writer.write_array("numbers.npy", numbers)
        if labelled:
            writer.write_array("labels.npy", labels)
            rows = rows.with_columns(pl.Series("label", labels))
        writer.write_table("rows.parquet", rows)
        writer.write_table("splits.parquet", splits)
        writer.describe(info={"scheme": "file", "samples": list(counts), "names": ["x", "y", "z"], **info})
    return path


def with_weights(model: Path, path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """Copy a trained model with other weights and a manifest that knows of them."""
    import safetensors.torch

    source = open_artifact(model)
    weights = safetensors.torch.load_file(model / "model.safetensors")
    change(weights)
    with ArtifactWriter(path, "model", family="toy", preset="small", seed=source.manifest.seed) as writer:
        for name in source.manifest.files:
            if name != "model.safetensors":
                writer.adopt(name, source)
        safetensors.torch.save_file(weights, writer.take("model.safetensors"), {"format": "pt"})
        writer.taken("model.safetensors")
        for name in source.manifest.info["beside"]:
            writer.write_beside(name, (model / name).read_text(encoding="utf-8"))
        writer.describe(rows=source.manifest.rows, info=source.manifest.info)
    return path


def collate(arrays: Mapping[str, np.ndarray], resources: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Name the arrays as forward's arguments."""
    batch = {"numbers": arrays["numbers"]}
    return batch | ({"labels": arrays["labels"].astype(np.int64)} if "labels" in arrays else {})


def fit(dataset: Any, train_rows: np.ndarray, model: ModelConfig) -> dict[str, Any]:
    """Return the mean of each number over the training rows."""
    numbers = dataset.arrays["numbers"][train_rows]
    return {"centre": numbers.mean(axis=0), "n_features": numbers.shape[1]}


def predict(logits: np.ndarray) -> np.ndarray:
    """Return the probability of label 1."""
    return 1 / (1 + np.exp(logits[:, 0].astype(np.float64) - logits[:, 1]))


def features(arrays: Mapping[str, np.ndarray], dataset: Any) -> tuple[np.ndarray, list[str]]:
    """Return the numbers themselves."""
    return np.asarray(arrays["numbers"], dtype=np.float32), ["x", "y", "z"]


def first_number(split: Split, seed: int) -> BaselineResult:
    """Predict from the first number alone, which is nearly the truth."""
    predictions = 1 / (1 + np.exp(-split.test[:, 0].astype(np.float64)))
    return BaselineResult(predictions, {"feature": "x"}, len(split.train), len(split.train))


def train_mean(split: Split, seed: int) -> BaselineResult:
    """Predict the share of 1 among the training rows."""
    return mean_of_labels(split)


def write_tsv(table: pl.DataFrame, path: Path) -> None:
    """Write what the toy's users are used to."""
    table.select("sample", "group", "prediction").write_csv(path, separator="\t")


def benchmark_of(rows: pl.DataFrame, scheme: str) -> str:
    """Recognise the rows that `write_dataset` makes without being told how many, all of them."""
    return "toy benchmark" if dict(rows["sample"].value_counts().iter_rows()) == {"liver": 23, "lung": 15} else ""


def details(table: pl.DataFrame, dataset: Any) -> dict[str, Any]:
    """Say who predicted how many rows, and that NaN is known to be nothing."""
    counts = dict(table.group_by("predictor").len().sort("predictor").iter_rows())
    return {"rows": counts, "samples": dataset.samples, "columns": table.columns, "unknown": float("nan")}
