"""The noise ceiling of an evaluation: what of it was measured more than once, and the score that this leaves room for.

Two sources, per scored sample and target, of its test rows alone: replicates of their values (`replicates.parquet` of
the dataset; a label is then the mean of them), or groups with several test rows, such as a sequence that a table holds
twice (each label is then one measurement). The ceiling is the score of a perfect prediction with labels as noisy as
these: of Pearson's r and R² for values, of AUROC for classes above and below the median. No torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from gxtool.errors import InputError
from gxtool.io.dataset import Dataset
from gxtool.io.replicates import read_replicates
from gxtool.measure.ceiling import Bounds, NoiseCeiling, class_ceiling, noise_ceiling, repeat_score
from gxtool.measure.jackknife import FEWEST_UNITS
from gxtool.measure.metrics import find_metric
from gxtool.training.scoring import MODEL

REPLICATES, REPEATED = "replicates", "repeated rows"
OF_CLASSES = "auroc"
SEED = 0


def add_ceilings(
    samples: Sequence[Mapping[str, Any]], dataset: Dataset, table: pl.DataFrame, primary: str, level: float
) -> list[dict[str, Any]]:
    """Return the samples of metrics.json, each with `ceiling` where something of it was measured more than once.

    `table` is the evaluation's, of predictions of the test rows.
    """
    replicates, kind = read_replicates(dataset.artifact), find_metric(primary).kind
    if kind == "binary" and replicates.is_empty():
        return [dict(sample) for sample in samples]
    tested = table.filter(pl.col("predictor") == MODEL).unique(["sample", "row"])
    rows_of = {name: rows.sort("row") for (name,), rows in tested.partition_by("sample", as_dict=True).items()}
    found = []
    for sample in samples:
        ceiling = sample_ceiling(replicates, dataset, rows_of[sample["sample"]], kind, level)
        if ceiling:
            ceiling["reached_by"] = _reached_by(sample, ceiling["metrics"].get(primary), primary)
        found.append({**sample, **({"ceiling": ceiling} if ceiling else {})})
    return found


def sample_ceiling(
    replicates: pl.DataFrame, dataset: Dataset, rows: pl.DataFrame, kind: str, level: float
) -> dict[str, Any] | None:
    """Return the ceiling of one sample's test rows (row, target, group, label); None where nothing allows one.

    kind: `binary` where labels are classes.
    """
    own = replicates.filter(pl.col("target") == rows["target"][0])
    try:
        if len(own) and kind == "binary":
            return _of_classes(*_classes(own, dataset, rows), level)
        if len(own):
            return _of_values(REPLICATES, _matrix(own, rows), None, level)
        return None if kind == "binary" else _of_values(REPEATED, repeated(rows), 1.0, level)
    except InputError:  # measurements that are constant, or fewer than two
        return None


def repeated(rows: pl.DataFrame) -> np.ndarray:
    """Return two measurements (2, n) of each group that has several rows (group, label), in an order drawn at random.

    A table that is sorted by its values would otherwise put the smaller one first.
    """
    drawn = rows.select("group", "label").sample(fraction=1, shuffle=True, seed=SEED)
    pairs = drawn.group_by("group").agg(pl.col("label").head(2)).filter(pl.col("label").list.len() > 1)
    measured = np.array(pairs.sort("group")["label"].to_list(), np.float64).reshape(-1, 2).T
    # A table whose lines stand there twice has measured nothing twice.
    return measured[:, :0] if (measured[0] == measured[1]).all() else measured


def _matrix(replicates: pl.DataFrame, rows: pl.DataFrame) -> np.ndarray:
    """Return the measurements (m, n) of the rows that have all of them."""
    wide = (
        replicates.join(rows.select("row"), on="row").sort("replicate").pivot("replicate", index="row", values="value")
    )
    return wide.drop_nulls().drop("row").to_numpy().T


def _classes(replicates: pl.DataFrame, dataset: Dataset, rows: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return measurements (m, n) and the classes they give: above the median of that measurement in the sample."""
    sample = dataset.rows.filter(pl.col("sample") == dataset.rows["sample"][int(rows["row"][0])]).select("row")
    medians = replicates.join(sample, on="row").group_by("replicate").agg(pl.col("value").median())
    measured = _matrix(replicates, rows)
    return measured, measured > medians.sort("replicate")["value"].to_numpy()[:, None]


def _of_values(source: str, measured: np.ndarray, depth: float | None, level: float) -> dict[str, Any] | None:
    if measured.shape[1] < FEWEST_UNITS:
        return None
    ceiling: NoiseCeiling = noise_ceiling(measured, depth, level=level)
    metrics = {"pearson": ceiling.perfect, "r2_pearson": ceiling.again, "r2_score": ceiling.again}
    return _record(source, measured, ceiling.between, metrics)


def _of_classes(measured: np.ndarray, positive: np.ndarray, level: float) -> dict[str, Any] | None:
    if measured.shape[1] < FEWEST_UNITS:
        return None
    repeat, _ = repeat_score(OF_CLASSES, measured, positive, level)
    perfect = class_ceiling(repeat, len(measured))
    return _record(REPLICATES, measured, noise_ceiling(measured, level=level).between, {OF_CLASSES: perfect})


def _record(source: str, measured: np.ndarray, between: Bounds, metrics: Mapping[str, Bounds]) -> dict[str, Any]:
    return {
        "source": source,
        "n_measurements": len(measured),
        "n_units": measured.shape[1],
        "between": between._asdict(),
        "metrics": {name: bounds._asdict() for name, bounds in metrics.items()},
    }


def _reached_by(sample: Mapping[str, Any], ceiling: Mapping[str, float] | None, primary: str) -> list[str]:
    """Return the predictors whose interval of the primary metric reaches the ceiling: the model, then baselines.

    A score without an interval (too few units, or perfect) reaches it by itself.
    """
    if ceiling is None:
        return []
    scores = {"model": sample["model"], **{name: one["metrics"] for name, one in sample["baselines"].items()}}
    ends = {name: own[primary]["high"] or own[primary]["estimate"] for name, own in scores.items()}
    return [name for name, end in ends.items() if Bounds(**ceiling).reached_by(end)]
