"""Real annotations, intervals and expression: values counted with awk, or read off the lines by eye."""

from __future__ import annotations

from pathlib import Path

import pytest

from gxtool.errors import InputError
from gxtool.io.bed import read_bed
from gxtool.io.bins_files import BinsFile
from gxtool.io.deepdiff import find_deepdiff_files, is_deepdiff, list_deepdiff_cells, read_deepdiff_table
from gxtool.io.expression import read_expression
from gxtool.io.gtf import read_genes

pytestmark = pytest.mark.real_data

DEEPDIFF_MARKS = ("H3K4me1", "H3K4me3", "H3K9me3", "H3K27me3", "H3K36me3")


@pytest.fixture
def ensembl(real_data) -> Path:
    return real_data / "epigenome" / "kallisto_test" / "transcripts.gtf.gz"


def test_ensembl_genes_have_versions_from_their_own_attribute_and_tss_on_both_strands(ensembl):
    found = read_genes(ensembl)
    genes = found.genes
    assert genes["tss"].to_list() == [
        36071357,
        53939642,
        53938764,
        53954833,
        53973125,
        53985064,
        53990623,
        53994894,
        54009105,
        54016930,
        54032852,
    ]
    assert genes["strand"].to_list() == ["-", "-", *["+"] * 9]
    assert genes.row(0) == (
        "ENSG00000168671",
        "ENSG00000168671.9",
        "UGT3A2",
        "protein_coding",
        "5",
        36035016,
        36071358,
        "-",
        36071357,
    )
    assert found.source["bytes"] == 4427


def test_ensembl_file_of_2017_tags_no_canonical_transcript_so_genes_keep_their_own_tss(ensembl):
    found = read_genes(ensembl, "canonical")
    assert found.dropped["without_canonical"] == 11
    assert found.genes.equals(read_genes(ensembl).genes)


def test_longest_transcripts_are_shorter_than_five_of_the_ensembl_genes(ensembl):
    genes, whole = read_genes(ensembl, "longest").genes, read_genes(ensembl).genes
    moved = genes.filter((genes["start"] != whole["start"]) | (genes["end"] != whole["end"]))
    assert moved.select("gene_symbol", "start", "end", "tss").rows() == [
        ("UGT3A2", 36035016, 36066891, 36066890),
        ("HOXC10", 53985185, 53990279, 53985185),
        ("HOXC6", 53990623, 54028922, 53990623),
        ("HOXC9", 53994894, 54002888, 53994894),
        ("HOXC4", 54016930, 54055327, 54016930),
    ]


def test_protein_coding_leaves_out_the_antisense_rna(ensembl):
    found = read_genes(ensembl, biotypes=("protein_coding",))
    assert len(found.genes) == 10
    assert "HOXC13-AS" not in found.genes["gene_symbol"].to_list()
    assert found.dropped["other_biotype"] == 1


@pytest.mark.parametrize(
    ("locus", "choice", "expected"),
    [
        ("CFHR2", "gene", ("ENSG00000080910.14", "chr1", 196943737, 196959622, "+", 196943737)),
        ("CFHR2", "canonical", ("ENSG00000080910.14", "chr1", 196943737, 196959622, "+", 196943737)),
        ("CD99", "gene", ("ENSG00000002586.20", "chrX", 2691186, 2741309, "+", 2691186)),
        ("CD99", "canonical", ("ENSG00000002586.20", "chrX", 2691294, 2741309, "+", 2691294)),
        ("CD99", "longest", ("ENSG00000002586.20", "chrX", 2691186, 2741300, "+", 2691186)),
        ("GCFC2", "gene", ("ENSG00000005436.14", "chr2", 75662704, 75710985, "-", 75710984)),
        ("GCFC2", "canonical", ("ENSG00000005436.14", "chr2", 75662704, 75710915, "-", 75710914)),
        ("GCFC2", "longest", ("ENSG00000005436.14", "chr2", 75662707, 75710985, "-", 75710984)),
        ("HBE1", "gene", ("ENSG00000213931.7", "chr11", 5268344, 5505652, "-", 5505651)),
        ("HBE1", "canonical", ("ENSG00000213931.7", "chr11", 5268344, 5269945, "-", 5269944)),
    ],
)
def test_gencode_loci_without_gene_lines_are_built_from_their_transcripts(real_data, locus, choice, expected):
    found = read_genes(real_data / "gxbert" / "reference" / f"borzoi_{locus}_example.gtf", choice)
    columns = ("ensembl_id_version", "chrom", "start", "end", "strand", "tss")
    assert found.genes.select(columns).rows() == [expected]
    assert found.genes.select("gene_symbol", "biotype").rows() == [(locus, "protein_coding")]


def test_gene_whose_transcripts_lie_on_both_strands_is_not_usable(real_data):
    with pytest.raises(InputError) as caught:
        read_genes(real_data / "epigenome" / "deeptools_test" / "test.gtf")
    assert str(caught.value).endswith(
        "test.gtf: has only genes without a strand that all transcripts agree on, expected + or -"
    )


def test_deepdiff_table_holds_200_genes_of_200_windows(real_data):
    path = real_data / "epigenome" / "deepdiff" / "Cell1.test.csv"
    table = read_deepdiff_table(BinsFile("test", path, path.name), DEEPDIFF_MARKS, 200)
    assert is_deepdiff(path)
    assert table.counts.shape == (200, 200, 5)
    assert table.genes[0] == "ENSG00000000003"
    assert table.genes[199] == "ENSG00000008226"
    assert table.counts.sum(axis=(0, 1)).tolist() == [115033, 154845, 57280, 47077, 69759]
    assert table.counts[2, 100].tolist() == [0, 54, 1, 2, 1]  # line 501, DPM1 at its TSS
    assert table.counts[2, :, 1].sum() == 1513
    assert table.labels is None


def test_folder_with_one_deepdiff_table_says_which_are_missing(real_data):
    folder = real_data / "epigenome" / "deepdiff"
    assert list_deepdiff_cells(folder) == {"Cell1": folder}
    with pytest.raises(InputError, match=r"has Cell1\.test\.csv but no Cell1\.train\.csv, expected train, valid and"):
        find_deepdiff_files("Cell1", folder)


def test_deepdiff_with_another_number_of_windows_is_refused(real_data):
    path = real_data / "epigenome" / "deepdiff" / "Cell1.test.csv"
    with pytest.raises(InputError) as caught:
        read_deepdiff_table(BinsFile("test", path, path.name), DEEPDIFF_MARKS, 100)
    assert str(caught.value) == (
        "Cell1.test.csv, line 101, column 1: found bin 101, expected bin 1 (every gene has bins 1 to 100 in order)"
    )


def test_deepdiff_expression_has_no_header_and_every_gene_of_the_test_table(real_data):
    folder = real_data / "epigenome" / "deepdiff"
    found = read_expression(folder / "Cell1.expr.csv", sample="Cell1")
    assert (len(found.table), found.column) == (19795, "")
    assert found.table.row(0) == ("ENSG00000000003", 153.0)
    assert found.table["value"].sum() == 240114053
    assert (found.table["value"] == 0).sum() == 3745
    assert found.table["value"].median() == 1202
    assert found.table.row(found.table["value"].arg_max()) == ("ENSG00000196565", 2254685.0)
    path = folder / "Cell1.test.csv"
    table = read_deepdiff_table(BinsFile("test", path, path.name), DEEPDIFF_MARKS, 200)
    assert set(table.genes) <= set(found.table["gene"])


def test_intervals_of_borzoi_and_of_narrow_peaks_are_read(real_data):
    folds = read_bed(real_data / "gxbert" / "reference" / "borzoi_sequences_human.bed.gz")
    assert len(folds) == 55497
    assert (folds.row(0), folds.row(-1)) == (("chr4", 82524421, 82721029), ("chr17", 4965854, 5162462))
    assert (folds["end"] - folds["start"]).unique().to_list() == [196608]
    assert (folds["chrom"] == "chr1").sum() == 4404
    peaks = read_bed(real_data / "epigenome" / "macs3_test" / "ctcf_chr22_peaks.narrowPeak")
    assert peaks.row(0) == ("chr22", 17255466, 17255847)
    assert ((peaks["end"] - peaks["start"]).sum(), len(peaks)) == (307969, 730)
