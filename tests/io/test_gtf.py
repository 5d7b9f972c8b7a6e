"""Annotations: one row per gene from GTF and GFF3 as they are written in the field, or one sentence about the line."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gxtool.errors import ConfigError, InputError
from gxtool.io import gtf
from gxtool.io.gtf import read_genes


def line(feature: str, start: int, end: int, strand: str, attributes: str, chrom: str = "chr7") -> str:
    return f"{chrom}\tx\t{feature}\t{start}\t{end}\t.\t{strand}\t.\t{attributes}\n"


def write(folder: Path, text: str | bytes, name: str = "genes.gtf") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def spans(genes: pl.DataFrame) -> list[tuple]:
    return genes.select("ensembl_id", "start", "end", "strand", "tss").rows()


# GENCODE's way: versions inside the ids; gene A on +, with a canonical transcript that is not its longest, B on -.
GENCODE = (
    "##provider: GENCODE\n"
    + line("gene", 101, 500, "+", 'gene_id "ENSG00000000001.4"; gene_type "protein_coding"; gene_name "A"; level 2;')
    + line("transcript", 101, 450, "+", 'gene_id "ENSG00000000001.4"; transcript_id "T1.1"; tag "basic";')
    + line(
        "transcript",
        201,
        500,
        "+",
        'gene_id "ENSG00000000001.4"; transcript_id "T2.1"; tag "basic"; tag "MANE_Select";',
    )
    + line("exon", 201, 300, "+", 'gene_id "ENSG00000000001.4"; transcript_id "T2.1"; tag "MANE_Select";')
    + line("gene", 601, 900, "-", 'gene_id "ENSG00000000002.11"; gene_type "lncRNA"; gene_name "B";')
    + line("transcript", 601, 850, "-", 'gene_id "ENSG00000000002.11"; transcript_id "T3.1";')
    + line("transcript", 651, 900, "-", 'gene_id "ENSG00000000002.11"; transcript_id "T4.1";')
)


def test_gene_coordinates_are_half_open_and_the_tss_is_the_first_transcribed_base(tmp_path):
    found = read_genes(write(tmp_path, GENCODE))
    columns = ["ensembl_id", "ensembl_id_version", "gene_symbol", "biotype", "chrom", "start", "end", "strand", "tss"]
    assert found.genes.columns == columns
    assert found.genes.rows() == [
        ("ENSG00000000001", "ENSG00000000001.4", "A", "protein_coding", "chr7", 100, 500, "+", 100),
        ("ENSG00000000002", "ENSG00000000002.11", "B", "lncRNA", "chr7", 600, 900, "-", 899),
    ]
    assert found.genes.schema["tss"] == pl.Int64
    assert found.chrom_sizes == {}
    assert found.dropped == {"other_biotype": 0, "par_y": 0, "repeated": 0, "without_strand": 0}


def test_canonical_takes_the_tagged_transcript_and_counts_genes_that_have_none(tmp_path):
    found = read_genes(write(tmp_path, GENCODE), "canonical")
    assert spans(found.genes) == [("ENSG00000000001", 200, 500, "+", 200), ("ENSG00000000002", 600, 900, "-", 899)]
    assert found.dropped["without_canonical"] == 1


def test_longest_takes_the_widest_transcript_and_the_first_of_equals(tmp_path):
    found = read_genes(write(tmp_path, GENCODE), "longest")
    assert spans(found.genes) == [("ENSG00000000001", 100, 450, "+", 100), ("ENSG00000000002", 600, 850, "-", 849)]
    assert found.dropped["without_transcript"] == 0


def test_biotypes_keep_their_genes_and_count_the_others(tmp_path):
    found = read_genes(write(tmp_path, GENCODE), biotypes=("protein_coding", "miRNA"))
    assert found.genes["gene_symbol"].to_list() == ["A"]
    assert found.dropped["other_biotype"] == 1


@pytest.mark.parametrize(
    "content",
    [
        GENCODE.replace("\n", "\r\n"),
        GENCODE.removesuffix("\n"),
        "\N{BYTE ORDER MARK}" + GENCODE,
        GENCODE.replace("\n", "\n\n"),
        GENCODE.replace('"', ""),
        GENCODE.replace("##provider:", "#\tprovider\t"),
        gzip.compress(GENCODE.encode()),
        gzip.compress(GENCODE[:300].encode()) + gzip.compress(GENCODE[300:].encode()),
    ],
    ids=[
        "CRLF",
        "no last line end",
        "BOM",
        "empty lines",
        "no quotes",
        "tabs in a comment",
        "gzip by content",
        "gzip of two members",
    ],
)
def test_harmless_differences_are_accepted(tmp_path, content):
    genes = read_genes(write(tmp_path, content), "canonical").genes
    assert genes["ensembl_id_version"].to_list() == ["ENSG00000000001.4", "ENSG00000000002.11"]
    assert genes["tss"].to_list() == [200, 899]
    assert genes["biotype"].to_list() == ["protein_coding", "lncRNA"]


@pytest.mark.parametrize("choice", ["gene", "canonical", "longest"])
@pytest.mark.parametrize("piece", [1, 90, 400])
def test_pieces_of_any_size_give_the_same_genes(tmp_path, monkeypatch, piece, choice):
    whole = read_genes(write(tmp_path, GENCODE), choice)
    monkeypatch.setattr(gtf, "_PIECE", piece)
    pieces = read_genes(write(tmp_path, GENCODE), choice)
    assert pieces.genes.equals(whole.genes)
    assert pieces.dropped == whole.dropped


def test_version_in_an_attribute_of_its_own_is_put_together(tmp_path):
    text = line("gene", 1, 9, "+", 'gene_id "ENSG00000000001"; gene_version "13"; gene_biotype "miRNA";')
    genes = read_genes(write(tmp_path, text)).genes
    assert genes.select("ensembl_id", "ensembl_id_version", "gene_symbol", "biotype").rows() == [
        ("ENSG00000000001", "ENSG00000000001.13", None, "miRNA")
    ]


def test_ids_that_are_not_of_ensembl_keep_their_dots(tmp_path):
    text = line("gene", 1, 9, "+", 'gene_id "HLA.A.1"; gene_version "2"') + line("gene", 1, 9, "-", "gene_id MSTRG.7")
    genes = read_genes(write(tmp_path, text)).genes
    assert genes["ensembl_id"].to_list() == genes["ensembl_id_version"].to_list() == ["HLA.A.1", "MSTRG.7"]


def test_attributes_whose_names_end_alike_are_told_apart(tmp_path):
    text = line("gene", 1, 9, "+", 'havana_gene_id "H1"; gene_id "G1"; old_gene_name "X"; gene_name "a b"')
    assert read_genes(write(tmp_path, text)).genes.select("ensembl_id", "gene_symbol").rows() == [("G1", "a b")]


def test_copies_on_y_and_repeated_ids_are_dropped_and_counted(tmp_path):
    text = (
        line("gene", 1, 9, "+", 'gene_id "ENSG00000182378.15";', "chrX")
        + line("gene", 21, 29, "+", 'gene_id "ENSG00000182378.15_PAR_Y";', "chrY")
        + line("gene", 31, 39, "+", 'gene_id "ENSGR0000182378.9";', "chrY")
        + line("gene", 41, 49, "-", 'gene_id "ENSG00000182378.16";', "chr1")
    )
    found = read_genes(write(tmp_path, text))
    assert found.genes.select("ensembl_id", "ensembl_id_version", "chrom").rows() == [
        ("ENSG00000182378", "ENSG00000182378.15", "chrX")
    ]
    assert found.dropped == {"other_biotype": 0, "par_y": 2, "repeated": 1, "without_strand": 0}


def test_genes_without_a_line_span_their_transcripts(tmp_path):
    text = (
        line("exon", 11, 20, "-", 'gene_id "G1"; transcript_id "T1";')
        + line("transcript", 11, 40, "-", 'gene_id "G1"; transcript_id "T1"; gene_name "one";')
        + line("transcript", 6, 35, "-", 'gene_id "G1"; transcript_id "T2";')
    )
    found = read_genes(write(tmp_path, text))
    assert spans(found.genes) == [("G1", 5, 40, "-", 39)]
    assert found.genes["gene_symbol"].to_list() == ["one"]


@pytest.mark.parametrize("piece", [1, 1 << 20])
def test_genes_with_exons_only_span_these_and_their_longest_transcript_is_that_of_its_exons(
    tmp_path, monkeypatch, piece
):
    monkeypatch.setattr(gtf, "_PIECE", piece)
    text = (
        line("exon", 11, 20, "+", 'gene_id "G1"; transcript_id "T1";')
        + line("exon", 31, 60, "+", 'gene_id "G1"; transcript_id "T2";')
        + line("exon", 41, 50, "+", 'gene_id "G1"; transcript_id "T1";')
    )
    assert spans(read_genes(write(tmp_path, text)).genes) == [("G1", 10, 60, "+", 10)]
    assert spans(read_genes(write(tmp_path, text), "longest").genes) == [("G1", 10, 50, "+", 10)]


def test_genes_stand_in_the_order_of_the_file_whether_they_have_a_line_or_not(tmp_path):
    text = (
        line("transcript", 11, 20, "+", 'gene_id "G2"; transcript_id "T1";')
        + line("gene", 1, 9, "+", 'gene_id "G1";')
        + line("exon", 5, 9, "-", 'gene_id "G0"; transcript_id "T2";')
    )
    assert read_genes(write(tmp_path, text)).genes["ensembl_id"].to_list() == ["G2", "G1", "G0"]


def test_gene_without_a_strand_has_that_of_its_transcripts_or_is_dropped(tmp_path):
    text = (
        line("gene", 1, 9, ".", 'gene_id "agree";')
        + line("transcript", 1, 5, "-", 'gene_id "agree"; transcript_id "T1";')
        + line("transcript", 2, 9, "-", 'gene_id "agree"; transcript_id "T2";')
        + line("gene", 1, 9, "?", 'gene_id "differ";')
        + line("transcript", 1, 5, "-", 'gene_id "differ"; transcript_id "T3";')
        + line("transcript", 1, 5, "+", 'gene_id "differ"; transcript_id "T4";')
        + line("gene", 1, 9, ".", 'gene_id "alone";')
    )
    found = read_genes(write(tmp_path, text))
    assert spans(found.genes) == [("agree", 0, 9, "-", 8)]
    assert found.dropped["without_strand"] == 2


def test_transcripts_elsewhere_or_on_the_other_strand_are_not_chosen(tmp_path):
    tag = 'gene_id "G1"; transcript_id "T"; tag "Ensembl_canonical";'
    text = (
        line("gene", 101, 200, "+", 'gene_id "G1";')
        + line("transcript", 101, 190, "-", tag)
        + line("transcript", 201, 300, "+", tag)
        + line("transcript", 101, 190, "+", tag, "chr8")
    )
    found = read_genes(write(tmp_path, text), "canonical")
    assert spans(found.genes) == [("G1", 100, 200, "+", 100)]
    assert found.dropped["without_canonical"] == 1


ENSEMBL_GFF3 = (
    "##gff-version 3\n##sequence-region   7 1 159345973\n##sequence-region   MT 1 16569\n"
    + line("chromosome", 1, 159345973, ".", "ID=chromosome:7;Alias=CM000669.2", "7")
    + line(
        "gene",
        101,
        500,
        "+",
        "ID=gene:ENSG00000000001;Name=A%2CB;biotype=protein_coding;gene_id=ENSG00000000001;version=4",
        "7",
    )
    + line("mRNA", 101, 450, "+", "ID=transcript:ENST1;Parent=gene:ENSG00000000001;Name=A-1;biotype=x;version=9", "7")
    + line("exon", 101, 150, "+", "Parent=transcript:ENST1;Name=ENSE1;version=1", "7")
    + line("mRNA", 201, 500, "+", "ID=transcript:ENST2;Parent=gene:ENSG00000000001;tag=basic,Ensembl_canonical", "7")
    + "###\n"
    + line("ncRNA_gene", 601, 900, "-", "ID=gene:ENSG00000000002;biotype=lncRNA;gene_id=ENSG00000000002;version=2", "7")
    + line("lnc_RNA", 601, 900, "-", "ID=transcript:ENST3;Parent=gene:ENSG00000000002", "7")
    + "##FASTA\n>7\nACGT\n"
)


@pytest.mark.parametrize("piece", [1, 1 << 20])
def test_gff3_of_ensembl_names_genes_chromosomes_and_transcripts(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(gtf, "_PIECE", piece)
    found = read_genes(write(tmp_path, ENSEMBL_GFF3, "genes.gff3"), "canonical")
    assert found.genes.rows() == [
        ("ENSG00000000001", "ENSG00000000001.4", "A,B", "protein_coding", "7", 200, 500, "+", 200),
        ("ENSG00000000002", "ENSG00000000002.2", None, "lncRNA", "7", 600, 900, "-", 899),
    ]
    assert found.chrom_sizes == {"7": 159345973, "MT": 16569}
    assert found.dropped["without_canonical"] == 1


def test_gff3_of_gencode_has_ids_with_versions(tmp_path):
    text = (
        line(
            "gene", 101, 500, "-", "ID=ENSG00000000001.4;gene_id=ENSG00000000001.4;gene_type=miRNA;gene_name=A", "chrX"
        )
        + line("transcript", 101, 450, "-", "ID=T1.1;Parent=ENSG00000000001.4;gene_id=ENSG00000000001.4;gene_name=A")
    ).replace("chr7", "chrX")
    assert read_genes(write(tmp_path, text), "longest").genes.rows() == [
        ("ENSG00000000001", "ENSG00000000001.4", "A", "miRNA", "chrX", 100, 450, "-", 449)
    ]


def test_gff3_of_ncbi_has_symbols_for_ids_and_mature_rna_is_no_gene(tmp_path):
    text = (
        line("gene", 101, 500, "-", "ID=gene-MIR7;Dbxref=GeneID:1;Name=MIR7;gbkey=Gene;gene=MIR7;gene_biotype=miRNA")
        + line("primary_transcript", 101, 500, "-", "ID=rna-NR_1.1;Parent=gene-MIR7;gbkey=ncRNA;transcript_id=NR_1.1")
        + line("exon", 101, 500, "-", "ID=exon-NR_1.1-1;Parent=rna-NR_1.1")
        + line("miRNA", 121, 140, "-", "ID=rna-MIR7-3p;Parent=rna-NR_1.1;gbkey=ncRNA")
    )
    found = read_genes(write(tmp_path, text), "longest")
    assert found.genes.select("ensembl_id", "gene_symbol", "biotype", "tss").rows() == [("MIR7", "MIR7", "miRNA", 499)]


def test_source_names_file_hash_and_size(tmp_path):
    path = write(tmp_path, "7\tx\tgene\t1\t9\t.\t+\t.\tgene_id G1\n")
    assert read_genes(path).source == {
        "name": "genes.gtf",
        "sha256": "8bdcf7844ec382422d0dfecf7dad85b5f3ea0449e0bdd75dc483144decf60b05",
        "bytes": 30,
    }


COLUMNS = "seqname, source, feature, start, end, score, strand, frame, attributes"
GOOD = line("gene", 1, 9, "+", 'gene_id "G1";')
BROKEN = [
    (
        "spaces for tabs",
        GOOD.replace("\t", " "),
        f", line 1: has 1 column, expected 9 columns with tabs between ({COLUMNS})",
    ),
    (
        "a column missing",
        "#x\n" + GOOD + GOOD.replace("\tx\t", "\t"),
        f", line 3: has 8 columns, expected 9 columns with tabs between ({COLUMNS})",
    ),
    (
        "a tab in the attributes",
        GOOD + GOOD.replace("G1", "G\t1"),
        f", line 2: has 10 columns, expected 9 columns with tabs between ({COLUMNS})",
    ),
    (
        "a start that is no number",
        GOOD + GOOD.replace("\t1\t", "\tone\t"),
        ", line 2, column 4 (start): found one, expected a whole number of at least 1",
    ),
    (
        "a start of 0",
        GOOD + "\n" + GOOD.replace("\t1\t", "\t0\t"),
        ", line 3, column 4 (start): found 0, expected a whole number of at least 1",
    ),
    (
        "no end",
        GOOD.replace("\t9\t", "\t\t"),
        ", line 1, column 5 (end): found nothing, expected a whole number of at least 1",
    ),
    (
        "an end in front of the start",
        GOOD.replace("\t1\t", "\t11\t"),
        ", line 1, column 5 (end): found 9, expected at least the start, 11",
    ),
    (
        "an unknown strand",
        GOOD.replace("+", "1"),
        ", line 1, column 7 (strand): found 1, expected +, -, . or ?",
    ),
    (
        "no attributes",
        GOOD + "7\tx\tCDS\t1\t9\t.\t+\t.\t\n",
        ", line 2, column 9 (attributes): found nothing, expected the attributes of the line",
    ),
    (
        "no gene id",
        GOOD + line("transcript", 1, 9, "+", 'transcript_id "T1";'),
        ', line 2, column 9 (attributes): found no gene_id on a line of feature transcript, expected gene_id "..."',
    ),
    (
        "bytes that are no text",
        GOOD.encode() + b"\xff\xfe\n",
        ", line 2: holds bytes that are not UTF-8 text, expected an annotation in GTF or GFF3",
    ),
    (
        "no line of use",
        "#x\n" + line("CDS", 1, 9, "+", 'gene_id "G1";'),
        ": has no gene, transcript or exon line, expected an annotation in GTF or GFF3",
    ),
    ("an empty file", "", ": has no gene, transcript or exon line, expected an annotation in GTF or GFF3"),
    (
        "a GFF3 without genes",
        "##gff-version 3\n" + line("region", 1, 9, "+", "ID=NC_1"),
        ": has no gene, transcript or exon line, expected an annotation in GTF or GFF3",
    ),
    (
        "no strand anywhere",
        GOOD.replace("+", "."),
        ": has only genes without a strand that all transcripts agree on, expected + or -",
    ),
    (
        "nothing but copies on Y",
        line("gene", 1, 9, "+", 'gene_id "ENSG00000182378.15_PAR_Y";'),
        ": has only genes of chromosome Y that X has too, expected others",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_what_is_no_annotation_is_refused_with_its_place(tmp_path, text, sentence):
    path = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_genes(path)
    assert str(caught.value) == f"{path}{sentence}"


def test_line_of_a_fault_is_counted_over_all_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(gtf, "_PIECE", 100)
    path = write(tmp_path, "#x\n\n" + GOOD * 20 + GOOD.replace("+", "1"))
    with pytest.raises(InputError, match=r"line 23, column 7 \(strand\): found 1"):
        read_genes(path)


def test_biotypes_that_are_not_there_are_refused_with_those_that_are(tmp_path):
    with pytest.raises(InputError) as caught:
        read_genes(write(tmp_path, GENCODE + GENCODE.splitlines()[5] + "\n"), biotypes=("mRNA", "rRNA"))
    assert str(caught.value).endswith(": has genes of biotype lncRNA, protein_coding, expected mRNA or rRNA")
    with pytest.raises(InputError) as caught:
        read_genes(write(tmp_path, GOOD), biotypes=("mRNA",))
    assert str(caught.value).endswith(": names no biotype (gene_type or gene_biotype), expected mRNA")


def test_unknown_choice_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="tss choice 'first' is unknown, expected one of gene, canonical, longest"):
        read_genes(write(tmp_path, GOOD), "first")


def test_missing_and_cut_off_files_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.gtf: cannot be read \(No such file or directory\), expected an annot"):
        read_genes(tmp_path / "none.gtf")
    packed = gzip.compress((GOOD * 3000).encode())
    with pytest.raises(InputError, match="the gzip stream ends too early"):
        read_genes(write(tmp_path, packed[: len(packed) // 2], "cut.gtf.gz"))


GENES = st.lists(
    st.tuples(
        st.integers(1, 10**11 - 1),
        st.integers(1, 30),
        st.text("ABCxyz-.019", min_size=1, max_size=8),
        st.sampled_from(["chr1", "2", "X", "scaffold_7.1"]),
        st.integers(0, 3 * 10**9),
        st.integers(1, 10**6),
        st.sampled_from("+-"),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda gene: gene[0],
)


@settings(max_examples=50)
@given(genes=GENES, gff3=st.booleans(), quoted=st.booleans())
def test_written_genes_come_back(tmp_path_factory, genes, gff3, quoted):
    quote = '"' if quoted else ""
    lines, expected = [], []
    for number, version, symbol, chrom, start, length, strand in genes:
        gene_id = f"ENSG{number:011d}.{version}"
        pairs = {"ID": gene_id, "gene_id": gene_id, "gene_name": symbol}
        attributes = (
            ";".join(f"{key}={value}" for key, value in pairs.items())
            if gff3
            else " ".join(f"{key} {quote}{value}{quote};" for key, value in pairs.items())
        )
        lines.append(line("gene", start + 1, start + length, strand, attributes, chrom))
        tss = start if strand == "+" else start + length - 1
        expected.append((gene_id[:15], gene_id, symbol, None, chrom, start, start + length, strand, tss))
    found = read_genes(write(tmp_path_factory.mktemp("genes"), "".join(lines)))
    assert found.genes.rows() == expected
