"""The study of the histone family's default: how it divides genes, its table by hand, and one division for real."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import polars as pl
import pytest
import study_scripts

from gxtool import api
from gxtool.io.dataset import Dataset

CELL = Path("epigenome") / "derived_deepchrome_layout" / "E123"


@pytest.fixture(scope="module")
def study() -> ModuleType:
    return study_scripts.load("histone_defaults")


def test_table_has_means_and_differences_with_their_standard_errors(study: ModuleType) -> None:
    found = [
        {"network": 0.9, "logistic_regression": 0.8},
        {"network": 0.8, "logistic_regression": 0.8},
        {"network": 0.7, "logistic_regression": 0.5},
    ]
    assert study.table(found).splitlines()[2:] == [
        "| network | 0.800 ± 0.058 | +0.100 ± 0.058 |",
        "| logistic_regression | 0.700 ± 0.100 | +0.000 ± 0.000 |",
    ]


@pytest.mark.real_data
def test_divisions_are_of_genes_to_learn_from_alone(study: ModuleType, real_data: Path, tmp_path: Path) -> None:
    settings = api.Settings("histone", "convnet")
    (tmp_path / "sheet.csv").write_text(f"sample,data\nK562,{real_data / CELL}\n")
    api.preprocess(tmp_path / "sheet.csv", tmp_path / "examples", settings)
    whole = Dataset.open(api.tokenize([tmp_path / "examples"], tmp_path / "whole", settings))
    untouched = set(whole.splits.filter(pl.col("role") == "test")["row"])
    parts = []
    for seed in (1, 2):
        study.divide(whole, tmp_path / f"{seed}", seed)
        splits = Dataset.open(tmp_path / f"{seed}").splits
        assert dict(splits.group_by("role").len().iter_rows()) == {"train": 200, "val": 100, "test": 100}
        assert splits["row"].is_unique().all()
        assert not untouched & set(splits["row"])
        parts.append(set(splits.filter(pl.col("role") == "test")["row"]))
    assert parts[0] != parts[1]


@pytest.mark.real_data
@pytest.mark.slow
def test_one_division_scores_every_recipe_beside_the_baselines(study: ModuleType, real_data: Path) -> None:
    pytest.importorskip("torch")
    (found,) = study.measure(real_data / CELL, 1)
    assert set(found) > {*study.RECIPES, study.BASELINE, "gradient_boosting"}
    # The first division, whose test genes are 100: all of them rank them far better than chance (0.05 is their error).
    assert all(value > 0.8 for name, value in found.items() if name != "gene_average")
