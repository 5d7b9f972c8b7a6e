"""What `check` says of histone tables before anything is spent, and what a mark is worth to a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from whole_look import look_at

from gxtool.errors import InputError
from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.io.bins_table import write_bins_table
from gxtool.io.dataset import Dataset
from gxtool.models.histone import encode, examples, perturb
from gxtool.models.histone.check import check as check_with
from gxtool.models.histone.config import DataConfig, HistonePerturbConfig
from gxtool.models.look import InputFacts
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


def check(sheet: list[dict[str, str]], data: DataConfig) -> InputFacts:
    return look_at(check_with, sheet, data)


def rows(*folders: Path) -> list[dict[str, str]]:
    return [{"sample": folder.name, "data": str(folder)} for folder in folders]


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    folders = [cell(tmp_path / name) for name in ("E003", "E004", "E005")]
    with ArtifactWriter(tmp_path / "examples", "examples", family="histone") as writer:
        examples.preprocess(rows(*folders), DATA, writer)
    with ArtifactWriter(tmp_path / "dataset", "dataset", family="histone") as writer:
        encode.encode([open_artifact(tmp_path / "examples")], DATA, writer)
    return Dataset.open(tmp_path / "dataset")


def test_check_says_layout_genes_classes_and_correlations(tmp_path):
    found = check(rows(cell(tmp_path / "E003")), DATA)
    facts = dict(found.facts)
    assert facts["inputs"] == "Zenodo 2652278: GeneID, BinID, H3K4me3, H3K9me3, label; 3 bins of 100 bp per gene"
    assert facts["cell types"] == "1 (E003)"
    assert facts["E003"].startswith(
        "4 genes train, 4 genes val, 4 genes test; 50 % on; reads per gene H3K4me3 7, H3K9me3 4;"
    )
    assert "correlation with label H3K4me3 +1.00, H3K9me3 -0.36" in facts["E003"]
    assert found.warnings == ()
    assert found.memory_gb > 0
    assert found.disk_gb >= 0
    assert found.minutes >= 0


def test_check_warns_of_marks_that_seem_swapped(tmp_path):
    (warning,) = check(rows(cell(tmp_path / "E003", sign=-1)), DATA).warnings
    assert warning == (
        "E003: H3K4me3 falls with expression (correlation -1.00, expected above 0): is it another mark's?"
    )


def test_check_warns_of_a_mark_without_reads_and_of_lopsided_classes(tmp_path):
    signal = np.ones((8, 3, 2), np.int64)
    signal[:, :, 1] = 0
    signal[0, 0, 0] = 5
    for role in ("train", "val", "test"):
        write_bins_table(tmp_path / "E003", role, [f"{role}{i}" for i in range(8)], signal, np.eye(8)[0])
    assert check(rows(tmp_path / "E003"), DATA).warnings == (
        "E003: H3K9me3 has no signal",
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
    assert facts["inputs"].startswith("Zenodo 2652278: GeneID, BinID, H3K4me3, H3K9me3; 3 bins")
    assert facts["new"].startswith("4 genes test; no labels; reads per gene H3K4me3 7")


def test_check_refuses_a_table_of_another_layout(tmp_path):
    cell(tmp_path / "E003")
    (tmp_path / "E003" / "classification" / "valid.csv").write_text("ENSG00000000003_TSPAN6_1,0,0\n")
    with pytest.raises(InputError, match="which is the DeepDiff layout"):
        check(rows(tmp_path / "E003"), DATA)


def test_dropping_a_mark_sets_its_reads_to_zero_and_no_others(dataset):
    taken = dataset.take(np.array([0, 5]))
    before = taken["signal"].copy()
    changes = dict(perturb.drop_mark(taken, dataset, HistonePerturbConfig()))
    assert list(changes) == ["H3K4me3", "H3K9me3"]
    assert not changes["H3K4me3"]["signal"][:, :, 0].any()
    assert (changes["H3K4me3"]["signal"][:, :, 1] == before[:, :, 1]).all()
    assert (changes["H3K9me3"]["signal"][:, :, 0] == before[:, :, 0]).all()
    assert (taken["signal"] == before).all()
    assert (changes["H3K9me3"]["labels"] == taken["labels"]).all()


def test_averaging_a_mark_gives_every_gene_the_mean_profile_of_the_training_genes(dataset):
    changes = dict(perturb.average_mark(dataset.take(np.array([0, 5, 9])), dataset, HistonePerturbConfig()))
    assert changes["H3K4me3"]["signal"][:, :, 0].tolist() == [[1, 5, 1]] * 3
    # H3K9me3, bin 1: 0, 1, 2, 3 in the train tables.
    assert changes["H3K9me3"]["signal"][:, 0, 1].tolist() == [1.5] * 3


def test_sections_and_predictions_of_the_record_can_be_loaded():
    for dotted in (*FAMILY.sections, *FAMILY.predictions.values(), *FAMILY.perturbations.values()):
        assert callable(FAMILY.load(dotted))
