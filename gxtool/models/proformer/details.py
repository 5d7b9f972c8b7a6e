"""What an evaluation of promoters says beside the metrics: the challenge's scores, and where predictions err. No torch.

A residual is predicted minus measured; there is none where test values are on another scale than those that were
trained on.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gxtool.data.sequence import gc_content
from gxtool.io.dataset import Dataset
from gxtool.measure.dream import WEIGHTS, by_row, dream_scores
from gxtool.models.proformer.benchmark import is_comparable
from gxtool.models.proformer.subsets import TABLE, Board, boards

MODEL = "model"
# Correlations over fewer rows or pairs are 1 or -1, or nearly so, by themselves.
LEAST_ROWS = 3
# Bins of measured and of predicted values, of GC content, and of lengths where there are more different ones.
DENSITY_BINS, GC_BINS, LENGTH_BINS = 40, 20, 12
# A mean of many values lies within so many of its standard errors with 95 %.
Z_95 = 1.96
_BLOCK = 1 << 16
Vector = NDArray[np.float64]


class Predictions(NamedTuple):
    """One predictor's test rows of one sample (n,): row in the dataset, number in the test set (or null), values."""

    predictor: str
    seed: int | None
    rows: np.ndarray
    labels: Vector
    values: Vector


def details(table: pl.DataFrame, dataset: Dataset) -> dict[str, Any]:
    """Return the challenge's scores, residuals by length and GC content, and a density, of every sample.

    table: row, target (its place), sample, label, predictor, seed and prediction of every test row, and whether the
    sample is measured on another scale; seeds are averaged where not said.
    """
    lists = dataset.artifact.table(TABLE) if TABLE in dataset.artifact.manifest.files else None
    numbers = dataset.rows["number"].to_numpy() if "number" in dataset.rows.columns else None
    samples = []
    for (name,), rows in table.group_by("sample", maintain_order=True):
        everyone = _predictions(rows)
        own = everyone[0]
        library = dataset.rows["sample"][int(own.rows[0])]
        scored = lists is not None and (lists["sample"] == library).any()
        other_scale = bool(rows["other_scale"][0])
        samples.append(
            {
                "sample": name,
                "scores": challenge_scores(lists, library, numbers, everyone) if scored else [],
                "other_scale": other_scale,
                "residuals": {} if other_scale else _residuals(own, dataset),
                "density": density(own.labels, own.values, same_scale=not other_scale),
            }
        )
    return {"samples": samples}


def _predictions(table: pl.DataFrame) -> list[Predictions]:
    """Return the model averaged over seeds, each of several seeds by itself, and the baselines."""
    found = [_averaged(table.filter(pl.col("predictor") == MODEL), MODEL, None)]
    seeds = table.filter(pl.col("predictor") == MODEL)["seed"].unique().sort().to_list()
    for seed in seeds if len(seeds) > 1 else []:
        found.append(_averaged(table.filter((pl.col("predictor") == MODEL) & (pl.col("seed") == seed)), MODEL, seed))
    for name in table["predictor"].unique(maintain_order=True).to_list():
        if name != MODEL:
            found.append(_averaged(table.filter(pl.col("predictor") == name), name, None))
    return found


def _averaged(table: pl.DataFrame, predictor: str, seed: int | None) -> Predictions:
    rows = table.group_by("row").agg(pl.col("label").first(), pl.col("prediction").mean()).sort("row")
    columns = (rows[name].to_numpy().astype(np.float64) for name in ("label", "prediction"))
    return Predictions(predictor, seed, rows["row"].to_numpy(), *columns)


def challenge_scores(
    lists: pl.DataFrame, sample: str, numbers: np.ndarray, everyone: list[Predictions]
) -> list[dict[str, Any]]:
    """Return the scores over each part of the test set that is there: whole, private and public.

    numbers: number in the test set of every row of the dataset. A subset of which fewer than LEAST_ROWS are there is
    listed as missing; the scores are over the weight that is left. `comparable`: published scores may stand beside.
    """
    own = lists.filter(pl.col("sample") == sample)
    there = numbers[everyone[0].rows].astype(np.int64)
    found = []
    for board in boards(lists, sample, there):
        board = board._replace(subsets={name: rows for name, rows in board.subsets.items() if len(rows) >= LEAST_ROWS})
        if board.subsets:
            content = _board_scores(board, numbers, everyone)
            found.append(content | {"comparable": is_comparable(own, content)})
    return found


def _board_scores(board: Board, numbers: np.ndarray, everyone: list[Predictions]) -> dict[str, Any]:
    predictors = []
    for one in everyone:
        own = numbers[one.rows].astype(np.int64).tolist()
        measured, predicted = (
            by_row(dict(zip(own, values.tolist(), strict=True)), 1 + max(own)) for values in (one.labels, one.values)
        )
        scores = dream_scores(board.subsets, measured, predicted)
        predictors.append(
            {
                "predictor": one.predictor,
                "seed": one.seed,
                "score_pearson": scores.score_pearson,
                "score_spearman": scores.score_spearman,
                "pearson": {subset.subset: subset.pearson for subset in scores.subsets},
                "spearman": {subset.subset: subset.spearman for subset in scores.subsets},
            }
        )
    return {
        "part": board.part,
        "subsets": [
            {"subset": one.subset, "n": one.n, "of": board.sizes[one.subset], "weight": one.weight}
            for one in scores.subsets
        ],
        "weight": scores.weight,
        "full_weight": sum(WEIGHTS.values()),
        "missing": list(scores.missing),
        "predictors": predictors,
    }


def _residuals(own: Predictions, dataset: Dataset) -> dict[str, list[dict[str, Any]]]:
    residuals = own.values - own.labels
    lengths = np.asarray(dataset.arrays["lengths"])[own.rows].astype(np.float64)
    tokens = dataset.arrays["tokens"]
    blocks = (own.rows[first : first + _BLOCK] for first in range(0, len(own.rows), _BLOCK))
    # float32 shares such as 0.35 lie beside the edges of bins, not on them, unless they are rounded.
    gc = np.round(np.concatenate([gc_content(np.asarray(tokens[rows])).astype(np.float64) for rows in blocks]), 6)
    known = np.isfinite(gc)  # an insert of N alone has none
    edges = np.round(np.linspace(0, 1, GC_BINS + 1), 6)
    return {
        "length": residual_bins(lengths, residuals, length_edges(lengths)),
        "gc": residual_bins(gc[known], residuals[known], edges),
    }


def length_edges(lengths: Vector) -> Vector:
    """Return edges (bases) of bins: one for each length between the ends, or LENGTH_BINS where those are more."""
    low, high = int(lengths.min()), int(lengths.max()) + 1
    width = -(-(high - low) // LENGTH_BINS) if high - low > 2 * LENGTH_BINS else 1
    return np.arange(low, high + width, width, dtype=np.float64)


def residual_bins(values: Vector, residuals: Vector, edges: Vector) -> list[dict[str, Any]]:
    """Return edges, n, mean and standard deviation of residuals (n,) for every bin of values (n,) that has some.

    A value on an edge belongs to the bin above it, on the last one to the last bin. low_mean and high_mean are the
    ends of a 95 % interval of the mean; they and sd are None for a single residual.
    """
    bins = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    found = []
    for place in np.unique(bins).tolist():
        own = residuals[bins == place]
        mean, n = float(own.mean()), len(own)
        sd = float(own.std(ddof=1)) if n > 1 else None
        margin = None if sd is None else Z_95 * sd / n**0.5
        found.append(
            {
                "low": float(edges[place]),
                "high": float(edges[place + 1]),
                "n": n,
                "mean": mean,
                "sd": sd,
                "low_mean": None if margin is None else mean - margin,
                "high_mean": None if margin is None else mean + margin,
            }
        )
    return found


def density(measured: Vector, predicted: Vector, *, same_scale: bool) -> dict[str, Any]:
    """Return how many rows lie in each cell: counts[i][j] belongs to bin i of predicted and bin j of measured values.

    On the same scale both have the same edges.
    """
    both = np.concatenate([measured, predicted])
    edges = [_edges(both if same_scale else values) for values in (predicted, measured)]
    counts, _, _ = np.histogram2d(predicted, measured, bins=edges)
    return {"predicted": edges[0].tolist(), "measured": edges[1].tolist(), "counts": counts.astype(int).tolist()}


def _edges(values: Vector) -> Vector:
    low, high = float(values.min()), float(values.max())
    return np.linspace(low, high if high > low else low + 1, DENSITY_BINS + 1)
