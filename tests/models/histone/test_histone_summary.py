"""What is said of a dataset: profiles, shares of nothing, correlations, and marks that look wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from gxtool.models.histone import summary
from gxtool.models.histone.config import DataConfig

MARKS = ("H3K4me3", "H3K9me3")
DATA = DataConfig(marks=MARKS, n_bins=3)
LABELS = [1, 0, 1, 0]


def rows(sample: str, labels: list | None = LABELS, dtype: Any = pl.UInt8) -> pl.DataFrame:
    frame = pl.DataFrame({"sample": [sample] * 4, "group": ["a", "b", "c", "d"]})
    return frame if labels is None else frame.with_columns(pl.Series("label", labels, dtype=dtype))


def signal(dtype: Any = np.uint16) -> np.ndarray:
    """Return four genes: H3K4me3 is high in the middle bin of the first and third; H3K9me3 counts up in bin 1."""
    values = np.ones((4, 3, 2), dtype)
    values[[0, 2], 1, 0] = 9
    values[:, 0, 1] = [0, 1, 2, 3]
    return values


def split(roles: list[str], scheme: str = "file", fold: int = 0, places: list[int] | None = None) -> pl.DataFrame:
    places = list(range(len(roles))) if places is None else places
    return pl.DataFrame({"row": places, "scheme": scheme, "fold": fold, "role": roles}).with_columns(
        pl.col("row").cast(pl.UInt32), pl.col("fold").cast(pl.Int32)
    )


SPLIT = split(["train", "train", "val", "test"])


def summarise(values: np.ndarray | None = None, **changes: Any) -> dict[str, Any]:
    parts = [(changes.pop("rows", rows("E003")), signal() if values is None else values)]
    return summary.summarise(parts, changes.pop("splits", SPLIT), changes.pop("data", DATA), **changes)


def test_profiles_are_means_over_genes_that_are_on_and_off() -> None:
    found = summarise()["profiles"]
    assert found["on"]["mean"] == [[1, 9, 1], [1, 1, 1]]
    assert found["off"]["mean"] == [[1, 1, 1], [2, 1, 1]]
    assert found["on"]["low"][0] == found["on"]["high"][0] == [1, 9, 1]
    # H3K9me3, bin 1, of genes that are on: 0 and 2, so a standard deviation of 1 over two genes.
    assert found["on"]["high"][1][0] == pytest.approx(1 + 1.959964 / 2**0.5, abs=1e-4)
    assert found["on"]["low"][1][0] == 0


def test_genes_are_counted_by_role_and_in_all() -> None:
    (sample,) = summarise()["samples"]
    assert sample["sizes"] == {
        "train": {"genes": 2, "on": 1},
        "val": {"genes": 1, "on": 1},
        "test": {"genes": 1, "on": 0},
    }
    assert (sample["genes"], sample["on"]) == (4, 2)
    assert sample["mean_reads"] == [7.0, 3.5]
    assert sample["correlations"][0] == pytest.approx(1)


def test_shares_of_bins_and_genes_without_signal() -> None:
    values = signal()
    values[1, :, 1] = 0
    (sample,) = summarise(values)["samples"]
    # H3K9me3: bin 1 of the first gene and all three bins of the second are 0, of 12.
    assert sample["zero_bins"] == [0, 0.3333]
    assert sample["silent_genes"] == [0, 0.25]


def test_log_expression_divides_genes_at_the_median_of_their_sample() -> None:
    values = [5.5, 0.0, 9.25, 1.0]
    found = summarise(rows=rows("E003", values, pl.Float32), facts={"target": "log_expression"})
    assert found["target"] == "log_expression"
    assert found["samples"][0]["on"] == 2
    assert found["profiles"]["on"]["mean"][0] == [1, 9, 1]
    assert 0.8 < found["samples"][0]["correlations"][0] < 1


def test_rows_without_labels_have_one_profile() -> None:
    found = summarise(rows=rows("new", None))
    assert list(found["profiles"]) == ["all"]
    assert found["profiles"]["all"]["mean"][0] == [1, 5, 1]
    assert found["samples"][0]["correlations"] is None
    assert found["samples"][0]["on"] is None


def test_of_several_folds_the_first_gives_roles_and_rows_may_have_none() -> None:
    folds = pl.concat(
        [
            split(["test", "val", "train"], "chromosome", 0, [3, 0, 2]),
            split(["train", "test", "val"], "chromosome", 1, [3, 0, 2]),
        ]
    )
    found = summarise(splits=folds)
    assert (found["scheme"], found["n_folds"]) == ("chromosome", 2)
    sizes = found["samples"][0]["sizes"]
    assert {role: sizes[role]["genes"] for role in sizes} == {"train": 1, "val": 1, "test": 1}
    assert sizes["test"]["on"] == 0
    assert found["samples"][0]["genes"] == 4


def test_rows_of_later_parts_find_their_roles_and_parts_may_number_their_rows() -> None:
    second = rows("E004").with_row_index("row")
    parts = [(rows("E003"), signal()), (second, signal())]
    found = summary.summarise(parts, split(["train"] * 4 + ["test", "test", "test", "val"]), DATA)
    assert [sample["sample"] for sample in found["samples"]] == ["E003", "E004"]
    assert found["samples"][0]["sizes"]["train"]["genes"] == 4
    assert found["samples"][1]["sizes"]["test"] == {"genes": 3, "on": 2}


def test_facts_stand_with_the_data_and_with_their_sample() -> None:
    found = summarise(
        facts={
            "signal_kind": "mean",
            "orientation": "strand",
            "assembly": "hg38",
            "matched": {"E003": {"genes": 9, "expression": 7, "both": 4}, "E004": {}},
            "outside": {"E003": 2},
            "blacklisted": {"E003": 31},
            "missing_marks": {"E004": ["H3K9me3"]},
        }
    )
    assert (found["signal_kind"], found["orientation"], found["assembly"]) == ("mean", "strand", "hg38")
    (sample,) = found["samples"]
    assert (sample["matched"]["both"], sample["outside"], sample["blacklisted"]) == (4, 2, 31)
    assert "missing_marks" not in sample


def test_a_missing_mark_counts_nowhere_and_is_said() -> None:
    values = signal(np.float32)
    values[:, :, 1] = 0
    parts = [(rows("E003"), signal(np.float32)), (rows("E004"), values)]
    facts = {"signal_kind": "mean", "missing_marks": {"E004": ["H3K9me3"]}}
    found = summary.summarise(parts, split(["train"] * 8), DATA, facts)
    assert found["profiles"]["off"]["mean"][1] == [2, 1, 1]
    sample = found["samples"][1]
    assert sample["mean_reads"] == [7.0, None]
    assert sample["zero_bins"] == [0, None]
    assert sample["warnings"] == ["H3K9me3 was not measured: it is 0 everywhere, and a channel says so"]


def test_a_mark_without_signal_is_said() -> None:
    values = signal()
    values[:, :, 1] = 0
    assert summarise(values)["samples"][0]["warnings"] == ["H3K9me3 has no signal in any gene"]


def test_log_ratios_may_be_negative() -> None:
    values = signal(np.float32) - 4
    found = summarise(values, facts={"signal_kind": "log2_ratio"})
    assert found["profiles"]["off"]["low"][0] == [-3, -3, -3]
    assert found["samples"][0]["correlations"][0] == pytest.approx(1)


def test_summary_does_not_depend_on_the_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = summarise()
    monkeypatch.setattr(summary, "BLOCK", 3)
    assert summarise() == whole


def test_correlation_of_a_mark_that_never_varies_is_undefined() -> None:
    assert summary.mark_correlations(np.array([[5.0, 1.0], [5.0, 9.0]]), np.array([0, 1])) == [None, pytest.approx(1)]


FLAT = np.ones(2)


def test_marks_that_go_with_expression_as_expected_give_no_warning() -> None:
    assert summary.mark_warnings(("H3K4me3", "H3K27me3"), (0.4, -0.3), FLAT, 1000) == []
    # Two standard errors of a correlation of 100 genes are 0.2.
    assert summary.mark_warnings(("H3K36me3", "H3K27me3"), (0.1, 0.19), FLAT, 100) == []


def test_a_mark_of_active_genes_that_falls_is_warned_of() -> None:
    assert summary.mark_warnings(("H3K36me3", "H3K4me1"), (-0.2, -0.5), FLAT, 1000) == [
        "H3K36me3 falls with expression (correlation -0.20, expected above 0): is it another mark's?"
    ]


def test_a_mark_of_silent_genes_that_rises_is_warned_of() -> None:
    assert summary.mark_warnings(("H3K27me3", "H3K4me1"), (0.3, 0.2), FLAT, 1000) == [
        "H3K27me3 rises with expression (correlation +0.30, expected 0 or below): is it another mark's?"
    ]


def test_two_marks_that_go_wrong_in_opposite_ways_look_swapped() -> None:
    assert summary.mark_warnings(("H3K27me3", "H3K4me3"), (0.3, -0.4), FLAT, 1000) == [
        "H3K4me3 falls and H3K27me3 rises with expression (correlations -0.40 and +0.30): these two look swapped"
    ]


def test_a_body_mark_that_stands_at_the_tss_looks_swapped() -> None:
    shares = np.array([0.8, 3.2])
    assert summary.mark_warnings(("H3K4me3", "H3K36me3"), (0.3, 0.3), shares, 1000) == [
        "H3K36me3 is 3.2 times as high at the TSS as around it and H3K4me3 0.8 times, expected the other way round: "
        "these two look swapped"
    ]
    assert summary.mark_warnings(("H3K36me3", "H3K4me3"), (0.3, 0.3), shares, 1000) == []


def test_promoter_share_compares_the_bins_around_the_tss_with_the_window() -> None:
    # Bins of 500 bp: the four inner ones lie within 1,000 bp of the TSS, 4 on average; the window has 3.
    values = np.array([[[1], [1], [6], [8], [1], [1]]], dtype=np.uint16)
    assert summary.promoter_shares(values, 500)[0] == pytest.approx(4 / 3)
    assert summary.promoter_shares(values, 400)[0] == pytest.approx(4 / 3)
    assert np.isnan(summary.promoter_shares(np.zeros((2, 4, 1)), 500)).all()
