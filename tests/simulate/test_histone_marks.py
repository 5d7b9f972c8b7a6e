"""Simulated tables: the true format, the same bytes for the same seed, and the signal that was planted."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gxtool.errors import ConfigError
from gxtool.simulate import histone_marks as simulator

NAMES = [mark.name for mark in simulator.MARKS]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A small simulation, read back by nothing of ours: cell type -> rows of the train table."""
    folder = tmp_path_factory.mktemp("simulated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(simulator.SIZES, "test", simulator.Size(2, (600, 30, 20)))
        simulator.simulate(folder, "test", 7)
    return folder


def read(path):
    return [line.split(",") for line in path.read_text().splitlines()]


def test_tables_are_the_published_layout(simulated):
    rows = read(simulated / "SIM01" / "classification" / "train.csv")
    assert len(rows) == 600 * 100
    assert {len(row) for row in rows} == {8}
    assert [row[0] for row in rows[:100]] == ["000001"] * 100
    assert [int(row[1]) for row in rows[:100]] == list(range(1, 101))
    assert all(value.isdigit() for row in rows[:500] for value in row)
    assert {row[7] for row in rows[100:200]} in ({"0"}, {"1"})


def test_genes_are_the_same_in_all_cell_types_and_in_one_table_each(simulated):
    ids = {
        cell: [[row[0] for row in read(simulated / cell / "classification" / f"{stem}.csv")[::100]] for stem in stems]
        for cell in ("SIM01", "SIM02")
        for stems in [("train", "valid", "test")]
    }
    assert ids["SIM01"] == ids["SIM02"]
    assert [len(genes) for genes in ids["SIM01"]] == [600, 30, 20]
    assert len({gene for genes in ids["SIM01"] for gene in genes}) == 650


def test_samplesheet_names_every_cell_type(simulated):
    assert (simulated / "samplesheet.csv").read_text() == "sample,data\nSIM01,SIM01\nSIM02,SIM02\n"


def test_truth_holds_weight_of_every_mark_and_bin(simulated):
    truth = json.loads((simulated / "truth.json").read_text())
    weights = np.array(truth["weights"])
    assert truth["marks"] == NAMES == ["H3K27me3", "H3K36me3", "H3K4me1", "H3K4me3", "H3K9me3"]
    assert weights.shape == (5, 100)
    assert np.abs(weights[NAMES.index("H3K4me3")]).argmax() in (49, 50)
    assert not weights[NAMES.index("H3K4me3"), :15].any()
    assert not weights[NAMES.index("H3K9me3")].any()
    assert (weights[NAMES.index("H3K27me3")] <= 0).all()
    assert weights[NAMES.index("H3K36me3"), 90] > weights[NAMES.index("H3K36me3"), 10]


def test_classes_are_halves_and_activity_itself_errs(simulated):
    truth = json.loads((simulated / "truth.json").read_text())
    for cell, auroc in truth["activity_auroc"].items():
        labels = [row[7] for row in read(simulated / cell / "classification" / "train.csv")[::100]]
        assert 0.4 < labels.count("1") / 600 < 0.6
        assert 0.88 < auroc < 0.97


def test_marks_rise_and_fall_with_the_label_as_planted(simulated):
    table = np.array(read(simulated / "SIM01" / "classification" / "train.csv"), dtype=np.int64)
    sums = np.log1p(table[:, 2:7].reshape(600, 100, 5).sum(axis=1))
    labels = table[::100, 7]
    found = {name: np.corrcoef(sums[:, m], labels)[0, 1] for m, name in enumerate(NAMES)}
    assert found["H3K4me3"] > 0.4
    assert found["H3K36me3"] > 0.3
    assert found["H3K4me1"] > 0.15
    assert found["H3K27me3"] < -0.3
    assert abs(found["H3K9me3"]) < 0.15


def test_counts_vary_more_than_poisson(simulated):
    table = np.array(read(simulated / "SIM01" / "classification" / "train.csv"), dtype=np.int64)
    background = table[:, 5].reshape(600, 100)[:, 0]
    assert background.var() > 1.2 * background.mean()


def test_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path, monkeypatch):
    monkeypatch.setitem(simulator.SIZES, "test", simulator.Size(1, (6, 4, 5)))
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulator.simulate(tmp_path / name, "test", seed)
    contents = {
        name: {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.*")} for name in ("a", "b", "c")
    }
    assert contents["a"] == contents["b"]
    assert contents["a"]["train.csv"] != contents["c"]["train.csv"]


def test_published_size_is_offered():
    assert simulator.SIZES["full"] == (56, (6601, 6601, 6600))


def test_unknown_size_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="size huge: expected one of demo, full"):
        simulator.simulate(tmp_path, "huge", 1)


def test_stored_direction_is_mirrored_for_half_of_the_genes():
    activity = np.full(4000, 3.0)
    counts = simulator._counts(activity, np.arange(4000) < 2000, 1.0, np.random.default_rng(0))
    body = counts[:, :, NAMES.index("H3K36me3")].mean(axis=1, where=np.arange(100) >= 65)
    assert body[2000:].mean() > 2 * body[:2000].mean()
