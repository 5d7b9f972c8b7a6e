"""Lengths, names, comments and places of genes each say which assembly files belong to, or nothing."""

from __future__ import annotations

import polars as pl
import pytest

from gxtool.data.assemblies import (
    assembly_of_genes,
    differing_chromosome,
    named_assembly,
    recognised_assembly,
)


@pytest.mark.parametrize(
    ("sizes", "assembly"),
    [
        ({"chr1": 249_250_621}, "hg19"),
        ({"1": 248_956_422, "2": 5}, "hg38"),
        ({"chr22": 51_304_566}, "hg19"),
        ({"NC_000002.12": 242_193_529}, "hg38"),
        ({"chr19": 61_420_004, "chrX": 169_476_592}, "mm39"),
        ({"chr1": 60}, ""),
        ({"chr22": 51_304_566, "chr21": 46_709_983}, ""),
        ({}, ""),
    ],
)
def test_lengths_say_the_assembly(sizes, assembly):
    assert recognised_assembly(sizes) == assembly


@pytest.mark.parametrize(
    ("comment", "assembly"),
    [
        ("##description: evidence-based annotation of the human genome (GRCh38), version 43 (Ensembl 109)", "hg38"),
        ("#!genome-build GRCh37.p13", "hg19"),
        ("#!genome-version GRCm39", "mm39"),
        ("# lifted from hg19 to hg38", ""),
        ("# GRCh380", ""),
        ("# no assembly", ""),
    ],
)
def test_comments_say_the_assembly(comment, assembly):
    assert named_assembly([comment]) == assembly


def genes(**tss: int) -> pl.DataFrame:
    frame = pl.DataFrame(
        {"gene_symbol": list(tss), "tss": list(tss.values())}, {"gene_symbol": pl.String, "tss": pl.Int64}
    )
    return frame.with_columns(ensembl_id=pl.col("gene_symbol") + "_id", chrom=pl.lit("chr1"))


def test_places_of_genes_say_the_assembly_when_they_agree():
    assert assembly_of_genes(genes(TP53=7_590_855, BRCA1=41_277_499)) == "hg19"
    assert assembly_of_genes(genes(TP53=7_687_549, other=1)) == "hg38"
    assert assembly_of_genes(genes(TP53=7_687_549, BRCA1=41_277_499)) == ""
    assert assembly_of_genes(genes(other=5)) == ""
    assert assembly_of_genes(genes()) == ""
    by_id = genes(x=25_250_900).with_columns(ensembl_id=pl.lit("ENSG00000133703"), gene_symbol=pl.lit(None, pl.String))
    assert assembly_of_genes(by_id) == "hg38"


def test_chromosomes_are_compared_under_any_name_but_mitochondria_only_under_one():
    assert differing_chromosome({"1": 5, "2": 7}, {"chr1": 5, "chr2": 8}) == ("2", "chr2")
    assert differing_chromosome({"MT": 16_569}, {"chrM": 16_571}) is None
    assert differing_chromosome({"chrM": 16_569}, {"chrM": 16_571}) == ("chrM", "chrM")
    assert differing_chromosome({"a": 1}, {"b": 2}) is None
