"""The published benchmark is recognised by its test genes and cell types, and by nothing else."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from gxtool.models.histone import benchmark
from gxtool.models.histone.benchmark import CELL_TYPES, ROADMAP, benchmark_of, fingerprint

GENES = ["000003", "000005", "000419"]


def rows(cells: list[str], genes: list[str]) -> pl.DataFrame:
    return pl.DataFrame(
        {"sample": [cell for cell in cells for _ in genes], "group": [gene for _ in cells for gene in genes]}
    )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make three genes the published ones."""
    monkeypatch.setattr(benchmark, "TEST_GENES", fingerprint(GENES))


def test_fingerprint_does_not_depend_on_the_order_of_genes_or_on_one_that_stands_twice():
    # sha256 of "000003\n000005\n000419"
    assert fingerprint(GENES) == "a8f7a7b1d0f03c4851cb1c9c247686ddcf5f090138d395b55db4f61ace2cdf21"
    assert fingerprint([*reversed(GENES), "000003"]) == fingerprint(GENES)


def test_published_test_genes_of_all_56_cell_types_are_the_benchmark(small):
    assert len(CELL_TYPES) == 56
    assert benchmark_of(rows(sorted(CELL_TYPES), GENES), "file") == ROADMAP


@pytest.mark.parametrize(
    ("cells", "genes", "scheme"),
    [
        (sorted(CELL_TYPES)[1:], GENES, "file"),
        ([*sorted(CELL_TYPES)[1:], "K562"], GENES, "file"),
        ([*sorted(CELL_TYPES), "K562"], GENES, "file"),
        (sorted(CELL_TYPES), GENES[1:], "file"),
        (sorted(CELL_TYPES), [*GENES, "000457"], "file"),
        (sorted(CELL_TYPES), GENES, "chromosome"),
    ],
    ids=["cell type missing", "another cell type", "one more", "gene missing", "one more gene", "another split"],
)
def test_other_rows_are_not(small, cells, genes, scheme):
    assert benchmark_of(rows(cells, genes), scheme) == ""


def test_a_gene_that_one_cell_type_lacks_is_noticed(small):
    table = rows(sorted(CELL_TYPES), GENES)
    assert benchmark_of(table[1:], "file") == ""


@pytest.mark.real_data
def test_fingerprint_is_that_of_the_last_third_of_the_benchmarks_genes(real_data: Path):
    genes = pl.read_parquet(real_data / "epigenome" / "roadmap56" / "rpkm.parquet")
    assert set(genes.columns[5:]) == CELL_TYPES
    assert fingerprint(gene[-6:] for gene in sorted(genes["gene"])[13202:]) == benchmark.TEST_GENES
    # The toy tables hold the first genes of each published file.
    toy = real_data / "epigenome" / "attentivechrome_toy" / "Toy" / "classification" / "test.csv"
    first = sorted(genes["gene"])[13202][-6:]
    assert toy.read_text().startswith(f"{first},1,")
