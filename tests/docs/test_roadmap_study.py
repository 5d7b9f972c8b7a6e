"""The study of Roadmap's 56 cell types: what its script computes, by hand, and that the page has its numbers."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest
import study_scripts

# Three cell types, five genes; the medians are 3, 2 and 4.
RPKM = np.array([[7, 0, 9], [3, 2, 4], [0, 5, 1], [1, 1, 0], [8, 6, 7]], dtype=float)
ON = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0], [0, 0, 0], [1, 1, 1]], dtype=bool)


@pytest.fixture(scope="module")
def study() -> ModuleType:
    return study_scripts.load("roadmap")


def test_a_gene_is_on_above_its_cell_types_median(study: ModuleType) -> None:
    assert study.genes_on(RPKM).tolist() == ON.tolist()


def test_the_average_leaves_the_predicted_cell_type_out(study: ModuleType) -> None:
    expected = [[4.5, 8, 3.5], [3, 3.5, 2.5], [3, 0.5, 2.5], [0.5, 0.5, 1], [6.5, 7.5, 7]]
    np.testing.assert_allclose(study.mean_of_others(RPKM), expected)
    changed = RPKM.copy()
    changed[:, 1] = 99
    np.testing.assert_array_equal(study.mean_of_others(changed)[:, 1], study.mean_of_others(RPKM)[:, 1])


def test_genes_that_switch_and_genes_that_others_disagree_on(study: ModuleType) -> None:
    assert study.switching(ON).tolist() == [True, False, True, False, False]
    # Gene 0 is on in one of the two others of cell types 0 and 2, gene 2 in one of the two others of 0 and 2.
    assert study.undecided(ON, 0.2).tolist() == [
        [True, False, True],
        [False] * 3,
        [True, False, True],
        [False] * 3,
        [False] * 3,
    ]


def test_relatives_and_nearest_cell_types_are_those_of_highest_correlation(study: ModuleType) -> None:
    correlation = np.array([[1, 0.1, 0.9], [0.1, 1, 0.3], [0.9, 0.3, 1]])
    np.testing.assert_array_equal(study.nearest_cell_type(RPKM, correlation), RPKM[:, [2, 2, 0]])
    np.testing.assert_array_equal(study.mean_without_relatives(RPKM, correlation, 1), RPKM[:, [1, 0, 1]])


def test_auroc_of_each_cell_type_by_counting_pairs(study: ModuleType) -> None:
    predicted = study.mean_of_others(RPKM)
    tables = study.Tables(tuple("abcde"), ("x", "y", "z"), RPKM, np.zeros(3))
    result = study.score("average", predicted, np.ones_like(ON), tables)
    # x: 4.5 and 6.5 above 3, 3 and 0.5. y: of (0.5, 7.5) against (8, 3.5, 0.5), half a pair and two.
    # z: 3.5 and 7 above 2.5, 2.5 and 1.
    np.testing.assert_allclose(study.scores_by_cell_type(result), [1, 2.5 / 6, 1])
    # Gene 0 is on where its averages are 4.5 and 3.5 and off at 8, gene 2 is on at 0.5 and off at 3 and 2.5.
    assert study.within_gene(ON, predicted) == 0


def test_a_gene_that_stands_there_twice_is_one_unit(study: ModuleType) -> None:
    tables = study.Tables(tuple("abcda"), ("x", "y", "z"), RPKM, np.zeros(3))
    result = study.score("average", study.mean_of_others(RPKM), np.ones_like(ON), tables)
    assert result.evidence.n_units == 4


@pytest.mark.real_data
def test_the_page_has_the_numbers_of_the_real_tables(study: ModuleType, real_data: Path) -> None:
    tables = study.read_tables(real_data / "epigenome" / "roadmap56")
    page = (study_scripts.STUDIES / "roadmap.md").read_text()
    for line in [*study.table_of_sets(tables), *study.table_of_facts(tables)]:
        assert line in page


@pytest.mark.real_data
def test_the_claim_holds_by_counting_ranks(real_data: Path) -> None:
    """An independent way: no verdict layer, no function of the script."""
    from scipy.stats import rankdata

    folder = real_data / "epigenome" / "roadmap56"
    published = dict(pl.read_csv(folder / "published_deepchrome_auroc.tsv", separator="\t").iter_rows())
    table = pl.read_parquet(folder / "rpkm.parquet").sort("gene")
    names = [name for name in table.columns if name.startswith("E") and name != "gene"]
    assert (table.height, len(names), set(names)) == (19_802, 56, set(published))

    def auroc(values: np.ndarray, on: np.ndarray) -> float:
        n_on = on.sum()
        return (rankdata(values)[on].sum() - n_on * (n_on + 1) / 2) / (n_on * (~on).sum())

    everyone, third = [], []
    for name in names:
        others = table.select(np.setdiff1d(names, [name]).tolist()).to_numpy().astype(float)
        average = np.log2(others + 1).mean(axis=1)
        values = table[name].to_numpy().astype(float)
        on = values > np.median(values)
        everyone.append(auroc(average, on))
        third.append(auroc(average[13_202:], on[13_202:]))
    assert (round(np.mean(everyone), 3), round(np.mean(third), 3)) == (0.945, 0.953)
    assert all(score > published[name] for name, score in zip(names, third, strict=True))
