"""What is said of histone data: summary, report sections, check, and what a mark is worth to a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gxtool.errors import InputError
from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.io.bins_table import write_bins_table
from gxtool.io.dataset import Dataset
from gxtool.models.base import Figure, Heatmap, ReportContext, Table
from gxtool.models.histone import features, perturb, report, summary
from gxtool.models.histone.check import check
from gxtool.models.histone.config import DataConfig
from gxtool.models.registry import get_family

FAMILY = get_family("histone")
MARKS = ("H3K4me3", "H3K9me3")
DATA = DataConfig(marks=MARKS, n_bins=3)
LABELS = np.array([1, 0, 1, 0])


def counts(sign: int = 1, first: int = 0) -> np.ndarray:
    """Return four genes: H3K4me3 is high in the middle bin of those that are on (sign 1) or off (-1)."""
    signal = np.ones((4, 3, 2), np.int64)
    high = 1 if sign == 1 else 0
    signal[high == LABELS, 1, 0] = 9
    signal[:, 0, 1] = np.arange(4) + first
    return signal


def cell(folder: Path, sign: int = 1, prefix: str = "") -> Path:
    for n, role in enumerate(("train", "val", "test")):
        write_bins_table(folder, role, [f"{prefix}{role}{i}" for i in range(4)], counts(sign, n), LABELS)
    return folder


def rows(*folders: Path) -> list[dict[str, str]]:
    return [{"sample": folder.name, "data": str(folder)} for folder in folders]


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    folders = [cell(tmp_path / name) for name in ("E003", "E004", "E005")]
    with ArtifactWriter(tmp_path / "examples", "examples", family="histone") as writer:
        features.preprocess(rows(*folders), DATA, writer)
    with ArtifactWriter(tmp_path / "dataset", "dataset", family="histone") as writer:
        features.encode([open_artifact(tmp_path / "examples")], DATA, writer)
    return Dataset.open(tmp_path / "dataset")


def context(*summaries: dict) -> ReportContext:
    return ReportContext(FAMILY, (), {}, {}, {}, summaries, {})


def test_summary_holds_profiles_of_on_and_off_genes_per_mark_and_bin(dataset):
    found = dataset.artifact.json("summary.json")
    assert found["profiles"]["on"]["mean"][0] == [1, 9, 1]
    assert found["profiles"]["off"]["mean"][0] == [1, 1, 1]
    assert found["profiles"]["on"]["low"][0] == found["profiles"]["on"]["high"][0] == [1, 9, 1]
    # H3K9me3, bin 1, of genes that are on: 0, 2 (train), 1, 3 (val), 2, 4 (test), in each of three cell types.
    assert found["profiles"]["on"]["mean"][1][0] == 2
    error = 1.959964 * (10 / 6) ** 0.5 / 18**0.5
    assert found["profiles"]["on"]["low"][1][0] == pytest.approx(2 - error, abs=1e-4)


def test_summary_counts_genes_and_those_that_are_on(dataset):
    sample = dataset.artifact.json("summary.json")["samples"][1]
    assert sample["sample"] == "E004"
    assert sample["sizes"]["train"] == {"genes": 4, "on": 2}
    assert sample["mean_reads"] == [7.0, 4.5]
    assert sample["correlations"][0] == pytest.approx(1)


def test_summary_does_not_depend_on_the_block_size(dataset, monkeypatch):
    signal = dataset.arrays["signal"]
    whole = summary.summarise([(dataset.rows.drop("row"), signal)], dataset.splits, DATA)
    monkeypatch.setattr(summary, "BLOCK", 3)
    assert summary.summarise([(dataset.rows.drop("row"), signal)], dataset.splits, DATA) == whole


def test_correlation_of_a_mark_that_never_varies_is_undefined():
    assert summary.mark_correlations(np.array([[5.0, 1.0], [5.0, 9.0]]), np.array([0, 1])) == [None, pytest.approx(1)]


def test_report_shows_a_profile_per_mark_sizes_and_correlations(dataset):
    (section,) = report.data_sections(context(dataset.artifact.json("summary.json")))
    assert [type(item) for item in section.items] == [Figure, Figure, Table, Heatmap]
    figure = section.items[0]
    assert [trace.name for trace in figure.traces] == ["on", "off"]
    assert figure.traces[0].x == (-100.0, 0.0, 100.0)
    assert figure.traces[0].y == (1, 9, 1)
    assert "at most 9.00 in genes that are on and 1.00 in genes that are off" in figure.description
    table = section.items[2]
    assert table.rows[0] == ("E003", 4, 2, 4, 2, 4, 2, 7.0, 4.5)
    assert len(table.columns) == len(table.rows[0])


def test_report_of_unlabelled_data_shows_sizes_alone():
    content = {
        "marks": ["H3K4me3"],
        "n_bins": 3,
        "bin_size": 100,
        "scheme": "file",
        "samples": [
            {
                "sample": "new",
                "sizes": {role: {"genes": n, "on": None} for role, n in (("train", 0), ("val", 0), ("test", 7))},
                "mean_reads": [3.5],
                "correlations": None,
            }
        ],
    }
    (section,) = report.data_sections(context(content))
    assert [type(item) for item in section.items] == [Table]
    assert section.items[0].rows == (("new", 0, None, 0, None, 7, None, 3.5),)
    assert report.data_sections(context()) == []


def test_check_says_layout_genes_classes_and_correlations(tmp_path):
    found = check(rows(cell(tmp_path / "E003")), DATA)
    facts = dict(found.facts)
    assert facts["layout"] == "Zenodo 2652278: GeneID, BinID, H3K4me3, H3K9me3, label; 3 bins of 100 bp per gene"
    assert facts["cell types"] == "1 (E003)"
    assert facts["E003"].startswith("4 train, 4 val, 4 test genes; 50 % on; reads per gene H3K4me3 7, H3K9me3 4;")
    assert "correlation with label H3K4me3 +1.00, H3K9me3 -0.36" in facts["E003"]
    assert found.warnings == ()
    assert found.memory_gb > 0
    assert found.disk_gb >= 0
    assert found.minutes >= 0


def test_check_warns_of_marks_that_seem_swapped(tmp_path):
    (warning,) = check(rows(cell(tmp_path / "E003", sign=-1)), DATA).warnings
    assert warning == (
        "E003: H3K4me3 falls with expression (correlation -1.00, expected above 0); "
        "are the count columns in the order of data.marks?"
    )


def test_check_warns_of_a_mark_without_reads_and_of_lopsided_classes(tmp_path):
    signal = np.ones((8, 3, 2), np.int64)
    signal[:, :, 1] = 0
    signal[0, 0, 0] = 5
    for role in ("train", "val", "test"):
        write_bins_table(tmp_path / "E003", role, [f"{role}{i}" for i in range(8)], signal, np.eye(8)[0])
    assert check(rows(tmp_path / "E003"), DATA).warnings == (
        "E003: H3K9me3 has no reads",
        "E003: 12 % of the genes are on, expected about half (a median split)",
    )


def test_check_warns_of_genes_tested_in_one_cell_type_and_learned_in_another(tmp_path):
    cell(tmp_path / "E003")
    for role, name in (("train", "test"), ("val", "val"), ("test", "other")):
        write_bins_table(tmp_path / "E004", role, [f"{name}{i}" for i in range(4)], counts(), LABELS)
    (warning,) = check(rows(tmp_path / "E003", tmp_path / "E004"), DATA).warnings
    assert warning.startswith("4 genes (test0, test1, test2, test3) are tested in one cell type and trained on in")


def test_check_of_an_unlabelled_table_says_so(tmp_path):
    path = write_bins_table(tmp_path / "new", "test", ["a", "b", "c", "d"], counts(), None)
    facts = dict(check([{"sample": "new", "data": str(path)}], DATA).facts)
    assert facts["layout"].startswith("Zenodo 2652278: GeneID, BinID, H3K4me3, H3K9me3; 3 bins")
    assert facts["new"].startswith("4 test genes; no labels; reads per gene H3K4me3 7")


def test_check_refuses_a_table_of_another_layout(tmp_path):
    cell(tmp_path / "E003")
    (tmp_path / "E003" / "classification" / "valid.csv").write_text("ENSG00000000003_TSPAN6_1,0,0\n")
    with pytest.raises(InputError, match="which is the DeepDiff layout"):
        check(rows(tmp_path / "E003"), DATA)


def test_dropping_a_mark_sets_its_reads_to_zero_and_no_others(dataset):
    taken = dataset.take(np.array([0, 5]))
    before = taken["signal"].copy()
    changes = dict(perturb.drop_mark(taken, dataset))
    assert list(changes) == ["H3K4me3", "H3K9me3"]
    assert not changes["H3K4me3"]["signal"][:, :, 0].any()
    assert (changes["H3K4me3"]["signal"][:, :, 1] == before[:, :, 1]).all()
    assert (changes["H3K9me3"]["signal"][:, :, 0] == before[:, :, 0]).all()
    assert (taken["signal"] == before).all()
    assert (changes["H3K9me3"]["labels"] == taken["labels"]).all()


def test_averaging_a_mark_gives_every_gene_the_mean_profile_of_the_training_genes(dataset):
    changes = dict(perturb.average_mark(dataset.take(np.array([0, 5, 9])), dataset))
    assert changes["H3K4me3"]["signal"][:, :, 0].tolist() == [[1, 5, 1]] * 3
    # H3K9me3, bin 1: 0, 1, 2, 3 in the train tables.
    assert changes["H3K9me3"]["signal"][:, 0, 1].tolist() == [1.5] * 3


def test_sections_and_predictions_of_the_record_can_be_loaded():
    for dotted in (*FAMILY.sections, *FAMILY.predictions.values(), *FAMILY.perturbations.values()):
        assert callable(FAMILY.load(dotted))
