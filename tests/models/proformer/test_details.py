"""What an evaluation says beside the metrics: the challenge's scores, residuals by bins, densities, by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gxtool.io.artifact import ArtifactWriter
from gxtool.io.dataset import Dataset
from gxtool.models.base import ReportContext
from gxtool.models.proformer import details as rules
from gxtool.models.proformer import errors_report, scores_report
from gxtool.models.proformer.details import density, details, length_edges, residual_bins
from gxtool.models.proformer.published import EXAMPLE, PUBLISHED
from gxtool.models.registry import get_family

FAMILY = get_family("proformer")
# Test rows 2 to 7 of a dataset of 8; the first two are trained on.
NUMBERS = [None, None, 10, 11, 12, 13, 14, 15]
MEASURED = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
INSERTS = ["AACC", "AACCG", "AAAAAACCCC", "ACGT", "NNNN", "GGGG"]


def tokens(text: str, length: int = 12) -> list[int]:
    left = (length - len(text)) // 2
    return [4] * left + ["ACGTN".index(letter) for letter in text] + [4] * (length - left - len(text))


def dataset(path: Path, lists: pl.DataFrame | None) -> Dataset:
    inserts = ["ACGT", "ACGA", *INSERTS]
    rows = pl.DataFrame({"row": range(8), "sample": "lib", "group": list("abcdefgh"), "number": NUMBERS})
    roles = pl.DataFrame({"row": range(8), "scheme": "file", "fold": 0, "role": ["train"] * 2 + ["test"] * 6})
    with ArtifactWriter(path, "dataset", family="proformer") as writer:
        writer.write_array("tokens.npy", np.array([tokens(text) for text in inserts], np.uint8))
        writer.write_array("lengths.npy", np.array([len(text) for text in inserts], np.uint16))
        writer.write_array("labels.npy", np.array([0, 0, *MEASURED], np.float32))
        writer.write_table("rows.parquet", rows)
        writer.write_table("splits.parquet", roles)
        if lists is not None:
            writer.write_table("subsets.parquet", lists)
        writer.describe(info={"scheme": "file"})
    return Dataset.open(path)


def scored(*predictors: tuple[str, int | None, list[float]], other_scale: bool = False) -> pl.DataFrame:
    parts = [
        pl.DataFrame({"row": range(2, 8), "label": MEASURED, "prediction": map(float, values)})
        .with_columns(predictor=pl.lit(name), seed=pl.lit(seed, pl.Int64), sample=pl.lit("lib"), target=pl.lit(0))
        .with_columns(other_scale=other_scale)
        for name, seed, values in predictors
    ]
    return pl.concat(parts)


def lists(public: bool) -> pl.DataFrame:
    """Return the list `high` of rows 10 to 13 and 20, SNVs of three pairs, low of two rows; 10 and one pair public."""
    rows = [("high", n, None) for n in (10, 11, 12, 13, 20)] + [
        ("SNVs", a, b) for a, b in ((11, 10), (12, 11), (14, 13))
    ]
    rows += [("low", 14, None), ("low", 15, None)]
    types = {"subset": pl.String, "first": pl.UInt32, "second": pl.UInt32}
    table = pl.DataFrame(rows, schema=types, orient="row").with_columns(sample=pl.lit("lib"), listed=pl.lit(True))
    shown = ((pl.col("first") == 10) & (pl.col("subset") == "high")) | (pl.col("first") == 14) & (
        pl.col("subset") == "SNVs"
    )
    return table.with_columns(public=shown if public else pl.lit(None, pl.Boolean))


def test_scores_of_seeds_their_mean_and_baselines_over_what_is_there(tmp_path):
    table = scored(("model", 1, [0, 2, 1, 3, 9, 9]), ("model", 2, [0, 0, 3, 3, 9, 9]), ("gc", None, [5, 4, 3, 2, 1, 0]))
    (sample,) = details(table, dataset(tmp_path / "d", lists(public=False)))["samples"]
    (board,) = sample["scores"]
    assert [(one["subset"], one["n"], one["of"], one["weight"]) for one in board["subsets"]] == [
        ("all", 6, None, 1.0),
        ("high", 4, 5, 0.3),
        ("SNVs", 3, 3, 1.25),
    ]
    # low has two rows, too few; the others have no list.
    assert board["missing"] == ["low", "yeast", "random", "challenging", "motif_perturbation", "motif_tiling"]
    assert (board["weight"], board["full_weight"]) == (pytest.approx(2.55), pytest.approx(4.65))
    assert [(one["predictor"], one["seed"]) for one in board["predictors"]] == [
        ("model", None),
        ("model", 1),
        ("model", 2),
        ("gc", None),
    ]
    mean, first, _, baseline = board["predictors"]
    # high: measured 0, 1, 2, 3. The mean of seeds is 0, 1, 2, 3; seed 1 says 0, 2, 1, 3: r = rho = 0.8.
    assert mean["pearson"]["high"] == pytest.approx(1)
    assert first["pearson"]["high"] == first["spearman"]["high"] == pytest.approx(0.8)
    assert baseline["pearson"]["high"] == pytest.approx(-1)
    # SNVs: every measured difference is 1, which correlates with nothing.
    assert np.isnan(mean["pearson"]["SNVs"])
    assert np.isnan(mean["score_pearson"])


def test_a_single_seed_is_not_said_twice(tmp_path):
    found = details(scored(("model", 4, MEASURED)), dataset(tmp_path / "d", lists(public=False)))
    (entry,) = found["samples"][0]["scores"][0]["predictors"]
    assert (entry["predictor"], entry["seed"]) == ("model", None)


def test_private_part_is_without_public_rows_and_public_part_too_small_to_score(tmp_path):
    found = details(scored(("model", 1, MEASURED)), dataset(tmp_path / "d", lists(public=True)))
    boards = {one["part"]: one for one in found["samples"][0]["scores"]}
    assert set(boards) == {"whole", "private"}
    # Rows 10, 13 and 14 were public: of high 11 and 12 are left and there, too few.
    assert [(one["subset"], one["n"], one["of"]) for one in boards["private"]["subsets"]] == [("all", 3, None)]
    assert "high" in boards["private"]["missing"]


def test_without_lists_there_are_no_scores(tmp_path):
    (sample,) = details(scored(("model", 1, MEASURED)), dataset(tmp_path / "d", None))["samples"]
    assert sample["scores"] == []


def test_residuals_by_length_and_gc_of_a_case_by_hand(tmp_path):
    predicted = [0.5, 1.0, 2.0, 2.0, 6.0, 5.0]
    (sample,) = details(scored(("model", 1, predicted)), dataset(tmp_path / "d", None))["samples"]
    assert not sample["other_scale"]
    # Lengths 4, 5, 10, 4, 4, 4; residuals 0.5, 0, 0, -1, 2, 0.
    by_length = {(one["low"], one["high"]): one for one in sample["residuals"]["length"]}
    assert {key: (one["n"], one["mean"]) for key, one in by_length.items()} == {
        (4.0, 5.0): (4, pytest.approx(0.375)),
        (5.0, 6.0): (1, 0.0),
        (10.0, 11.0): (1, 0.0),
    }
    # Deviations 0.125, -1.375, 1.625, -0.375: their squares are 4.6875, so sd = 1.25 and its error 0.625.
    four = by_length[4.0, 5.0]
    assert four["sd"] == pytest.approx(1.25)
    assert (four["low_mean"], four["high_mean"]) == (pytest.approx(0.375 - 1.225), pytest.approx(0.375 + 1.225))
    assert by_length[5.0, 6.0]["sd"] is by_length[5.0, 6.0]["low_mean"] is None
    # GC 0.5, 0.6, 0.4, 0.5, unknown, 1: a share on an edge belongs to the bin above it, 1 to the last bin.
    by_gc = [(one["low"], one["high"], one["n"], one["mean"]) for one in sample["residuals"]["gc"]]
    assert by_gc == [(0.4, 0.45, 1, 0.0), (0.5, 0.55, 2, -0.25), (0.6, 0.65, 1, 0.0), (0.95, 1.0, 1, 0.0)]


def test_values_on_another_scale_have_no_residuals(tmp_path):
    predicted = [11.0, 11.0, 14.0, 16.0, 18.0, 20.0]
    found = details(scored(("model", 1, predicted), other_scale=True), dataset(tmp_path / "d", None))
    (sample,) = found["samples"]
    assert (sample["other_scale"], sample["residuals"]) == (True, {})
    edges = sample["density"]
    assert (edges["measured"][0], edges["measured"][-1]) == (0, 5)
    assert (edges["predicted"][0], edges["predicted"][-1]) == (11, 20)
    (section,) = errors_report.error_sections(context(found))
    assert section.text == "Test values of lib are on another scale than training values: there are no residuals."
    (cells,) = section.items
    assert cells["lib, cnn"].description.endswith("Predicted and measured values are on different scales.")


def test_many_different_lengths_share_bins():
    assert length_edges(np.array([48.0, 50.0])).tolist() == [48, 49, 50, 51]
    edges = length_edges(np.array([48.0, 112.0]))
    # 65 lengths in 12 bins of 6 bases; the last reaches beyond the longest.
    assert (edges[0], edges[1], edges[-1]) == (48, 54, 114)


def test_last_edge_belongs_to_the_last_bin():
    found = residual_bins(np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 4.0]), np.array([0.0, 1.0, 2.0]))
    assert [(one["n"], one["mean"]) for one in found] == [(1, 1.0), (2, 3.0)]


def test_density_counts_cells_of_predicted_by_measured(monkeypatch):
    monkeypatch.setattr(rules, "DENSITY_BINS", 3)
    found = density(np.array([0.0, 0.5, 3.0]), np.array([2.5, 2.6, 0.1]), same_scale=True)
    assert found["predicted"] == found["measured"] == [0, 1, 2, 3]
    assert found["counts"] == [[0, 0, 1], [0, 0, 0], [2, 0, 0]]
    other = density(np.array([0.0, 1.0]), np.array([5.0, 5.0]), same_scale=False)
    assert other["predicted"] == pytest.approx([5, 5 + 1 / 3, 5 + 2 / 3, 6])


def context(found: dict) -> ReportContext:
    return ReportContext(FAMILY, (), {}, {}, {}, (), {}, details={"cnn": found})


def test_report_shows_scores_by_subset_and_says_what_is_missing(tmp_path):
    table = scored(("model", 1, MEASURED), ("kmer_ridge", None, [0, 2, 1, 3, 9, 9]))
    found = details(table, dataset(tmp_path / "d", lists(public=True)))
    (section,) = scores_report.score_sections(context(found))
    assert "Whole set: low, yeast, random, challenging, motif_perturbation and motif_tiling are missing" in section.text
    assert (
        "of all and high only a part is there, so scores are over a weight of 2.55 of 4.65; they are not"
        in section.text
    )
    figures, scores, pearsons, _ = section.items
    assert [trace.name for trace in figures["lib"].traces] == ["cnn", "kmer ridge"]
    assert "ublished" not in figures["lib"].description
    assert scores.columns[:3] == ("Predictor", "ScorePearson, whole", "ScoreSpearman, whole")
    assert [line[0] for line in scores.rows] == ["cnn", "kmer ridge"]
    assert pearsons.columns == ("Subset", "Part", "Scored", "Of", "Weight", "cnn", "kmer ridge")
    high = next(line for line in pearsons.rows if line[0] == "high")
    assert high == ("high", "whole", 4, 5, 0.3, pytest.approx(1), pytest.approx(0.8))


def test_report_shows_published_scores_beside_the_whole_challenge(tmp_path):
    found = details(scored(("model", 1, MEASURED)), dataset(tmp_path / "d", lists(public=False)))
    board = found["samples"][0]["scores"][0]
    board |= {"missing": [], "comparable": True}
    (section,) = scores_report.score_sections(context(found))
    figures, _, published, pearsons, _ = section.items
    assert [trace.name for trace in figures["lib"].traces] == ["cnn", "published"]
    assert figures["lib"].traces[1].y == (EXAMPLE.pearson["all"], EXAMPLE.pearson["high"], EXAMPLE.pearson["SNVs"])
    assert [line[:3] for line in published.rows[:2]] == [
        ("autosome.org (LegNet)", 0.829, 0.860),
        ("Proformer", 0.781, 0.827),
    ]
    assert all(line[-1] for line in published.rows)
    assert next(line for line in pearsons.rows if line[0] == "high")[-1] == 0.6201


def test_whole_lists_that_are_not_the_challenges_have_no_published_scores_beside_them(tmp_path):
    found = details(scored(("model", 1, MEASURED)), dataset(tmp_path / "d", lists(public=False)))
    board = found["samples"][0]["scores"][0]
    assert not board["comparable"]
    board["missing"] = []
    for one in board["subsets"]:
        one["of"] = one["n"]
    (section,) = scores_report.score_sections(context(found))
    assert "every list is there, whole, but they are not the challenge's" in section.text
    assert "Published scores" not in " ".join(getattr(item, "title", "") for item in section.items)


def test_report_shows_where_predictions_err(tmp_path):
    found = details(scored(("model", 1, MEASURED)), dataset(tmp_path / "d", None))
    (section,) = errors_report.error_sections(context(found))
    assert "another scale" not in section.text
    cells, by_gc, by_length = (item["lib, cnn"] for item in section.items)
    assert sum(count for line in cells.z for count in line if count) == 6
    # Rows run downwards: the highest predictions stand in the first.
    assert cells.y[0] > cells.y[-1]
    assert cells.z[0][-1] == 1
    # Only bins of several sequences have a mean that says something.
    assert by_gc.traces[0].x == (0.525,)
    assert by_length.traces[0].x == (4.0,)
    assert scores_report.score_sections(context(found)) == []
    assert errors_report.error_sections(ReportContext(FAMILY, (), {}, {}, {}, (), {})) == []


def test_published_scores_are_those_of_the_sources():
    found = {one.name: one for one in PUBLISHED}
    assert found["Proformer"].pearson == {"all": 0.962}  # the root of .926
    assert (found["Camformers"].score_pearson, found["Camformers"].score_spearman) == (0.763, 0.823)
    assert found["Peppa"].score_spearman is None
    assert EXAMPLE.pearson.keys() == EXAMPLE.spearman.keys()
