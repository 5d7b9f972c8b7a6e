"""Changes of marks: what moves, what stays, and what each change is called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gxtool.io.artifact import ArtifactWriter
from gxtool.io.dataset import Dataset
from gxtool.models.histone import perturb
from gxtool.models.histone.config import HistonePerturbConfig

MARKS = ["H3K4me3", "H3K9me3"]
# Two genes, five bins, two marks: mark 0 counts 1 to 5 (and ten times that), mark 1 is 7 everywhere.
SIGNAL = np.stack([np.stack([scale * np.arange(1, 6), np.full(5, 7)], axis=1) for scale in (1, 10)]).astype(np.uint16)
ROWS = {"signal": SIGNAL}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    rows = pl.DataFrame({"row": [0, 1], "sample": ["E003"] * 2, "group": ["a", "b"]})
    splits = rows.select("row").with_columns(scheme=pl.lit("file"), fold=pl.lit(0), role=pl.lit("train"))
    with ArtifactWriter(tmp_path / "dataset", "dataset", family="histone") as writer:
        writer.write_array("signal.npy", SIGNAL)
        writer.write_table("rows.parquet", rows)
        writer.write_table("splits.parquet", splits)
        writer.describe(info={"marks": MARKS, "n_bins": 5, "bin_size": 100, "scheme": "file", "samples": ["E003"]})
    return Dataset.open(tmp_path / "dataset")


def changes(function: str, dataset: Dataset, **config: object) -> dict[str, list]:
    """Return change -> the first gene's first mark, after checking that nothing was changed in place."""
    before = SIGNAL.copy()
    made = getattr(perturb, function)(ROWS, dataset, HistonePerturbConfig(**config))
    found = {name: (rows["signal"][0, :, 0].tolist(), rows["signal"][0, :, 1].tolist()) for name, rows in made}
    assert (before == SIGNAL).all()
    return found


def test_a_mark_is_scaled(dataset: Dataset) -> None:
    found = changes("scale_mark", dataset, scales=(0.5, 2))
    assert list(found) == ["H3K4me3 x0.5", "H3K4me3 x2", "H3K9me3 x0.5", "H3K9me3 x2"]
    assert found["H3K4me3 x0.5"] == ([0.5, 1, 1.5, 2, 2.5], [7] * 5)
    assert found["H3K9me3 x2"] == ([1, 2, 3, 4, 5], [14] * 5)


def test_a_mark_is_shifted_and_nothing_comes_round(dataset: Dataset) -> None:
    found = changes("shift_mark", dataset, shift_bins=(2, -1, 9, 0))
    assert found["H3K4me3 +200 bp"] == ([0, 0, 1, 2, 3], [7] * 5)
    assert found["H3K4me3 -100 bp"] == ([2, 3, 4, 5, 0], [7] * 5)
    assert found["H3K4me3 +900 bp"] == ([0] * 5, [7] * 5)
    assert found["H3K9me3 +0 bp"] == ([1, 2, 3, 4, 5], [7] * 5)


def test_one_bin_is_blanked(dataset: Dataset) -> None:
    found = changes("blank_bin", dataset)
    assert len(found) == 10
    assert found["H3K4me3:2"] == ([1, 0, 3, 4, 5], [7] * 5)
    assert found["H3K9me3:5"] == ([1, 2, 3, 4, 5], [7, 7, 7, 7, 0])


def test_a_run_of_bins_is_blanked_and_the_last_may_be_shorter(dataset: Dataset) -> None:
    found = changes("blank_run", dataset, run_bins=2)
    assert list(found)[:3] == ["H3K4me3:1-2", "H3K4me3:3-4", "H3K4me3:5-5"]
    assert found["H3K4me3:3-4"] == ([1, 2, 0, 0, 5], [7] * 5)


def test_the_path_begins_with_nothing_and_ends_with_the_signal(dataset: Dataset) -> None:
    signed = {"signal": np.array([[[3.0, -7.0]]], np.float32)}
    for t, expected in ((0.0, [0, 0]), (0.5, [1, np.sqrt(8) * -1 + 1]), (1.0, [3, -7])):
        name, values, _ = perturb.signal_path(signed, dataset, t)
        assert name == "signal"
        # Half of log 4 is log 2, half of log 8 is log of its root.
        assert values.ravel() == pytest.approx(expected, rel=1e-6)


def test_the_derivative_of_the_path_is_its_slope(dataset: Dataset) -> None:
    step = 1e-4
    ends = [perturb.signal_path(ROWS, dataset, 0.3 + way * step)[1].astype(np.float64) for way in (-1, 1)]
    slope = perturb.signal_path(ROWS, dataset, 0.3)[2]
    assert (ends[1] - ends[0]) / (2 * step) == pytest.approx(slope, rel=1e-2)


def test_places_are_named_by_mark_and_bin(dataset: Dataset) -> None:
    named = dict(perturb.signal_places(SIGNAL, dataset))
    assert named["H3K4me3:4"].tolist() == [4, 40]
    assert named["H3K9me3:1"].tolist() == [7, 7]


def test_attention_is_read_where_a_network_pays_any(dataset: Dataset) -> None:
    alpha = np.moveaxis(SIGNAL, 2, 1).astype(np.float32)  # (n, C, N)
    outputs = {"attentions": (alpha, np.array([[0.25, 0.75], [0.5, 0.5]]))}
    assert dict(perturb.attention(outputs, dataset))["H3K4me3:5"].tolist() == [5, 50]
    assert dict(perturb.attention_marks(outputs, dataset))["H3K9me3"].tolist() == [0.75, 0.5]
    assert list(perturb.attention({}, dataset)) == []


def test_the_mean_profile_is_that_of_the_training_genes(dataset: Dataset) -> None:
    assert perturb.mean_profile(dataset)[:, 0].tolist() == [5.5, 11, 16.5, 22, 27.5]
