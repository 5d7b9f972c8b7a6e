"""Variants as VCF and as tables: where they stand, what is no sequence, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gxtool.errors import InputError
from gxtool.io.variants import read_variants

HEADER = "##fileformat=VCFv4.2\n##contig=<ID=chr2>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_positions_become_0_based_and_alternatives_rows_of_their_own(tmp_path: Path) -> None:
    text = HEADER + "chr2\t7\trs1\tA\tC,gt\t.\t.\t.\nchrX\t1\t.\tAC\tA\n"
    found = read_variants(write(tmp_path / "a.vcf", text))
    assert found.kind == "genome"
    assert found.table.rows() == [
        (4, "rs1", "chr2", 6, "A", "C"),
        (4, "rs1", "chr2", 6, "A", "GT"),
        (5, None, "chrX", 0, "AC", "A"),
    ]
    assert found.symbolic == 0
    assert found.source["name"] == "a.vcf"
    packed = tmp_path / "b.vcf.gz"
    packed.write_bytes(gzip.compress(text.replace("\n", "\r\n").encode()))
    assert read_variants(packed).table.equals(found.table)


def test_alleles_that_are_no_sequence_are_counted(tmp_path: Path) -> None:
    lines = "1\t7\t.\tA\t<DEL>,*,G\n1\t8\t.\tA\t.\n1\t9\t.\tA\tA[2:30[,]3:4]T,.TT,TT.\n"
    found = read_variants(write(tmp_path / "a.vcf", HEADER + lines))
    assert (len(found.table), found.symbolic) == (1, 7)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", r"holds no variant|has no line of #CHROM"),
        (HEADER, "holds no variant, expected variants as VCF"),
        ("1\t7\t.\tA\tC\n", "line 1: found '1.t7.t..tA.tC', expected ##fileformat=VCF"),
        ("##fileformat=VCFv4.2\n1\t7\t.\tA\tC\n", "line 2: stands before the header, expected a line of #CHROM"),
        ("##fileformat=VCFv4.2\n", "has no line of #CHROM, POS, ID, REF, ALT, expected a VCF with its header"),
        (HEADER + "1\t7\t.\tA\n", "line 4: has 4 columns, expected at least 5 with tabs"),
        (HEADER + "1 7 . A C\n", "line 4: has 1 column, expected at least 5"),
        (HEADER + "1\t0\t.\tA\tC\n", "line 4, POS: found '0', expected a whole number of at least 1"),
        (HEADER + "1\t1e3\t.\tA\tC\n", "line 4, POS: found '1e3'"),
        (HEADER + "1\t7\t.\t\tC\n", "line 4, REF: found nothing, expected letters of DNA"),
        (HEADER + "1\t7\t.\tA\tC,U\n", "line 4, ALT: found 'U', expected letters of DNA"),
        (HEADER + "1\t7\t.\tA\tC,\n", "line 4, ALT: found nothing"),
    ],
)
def test_a_vcf_that_is_none_is_refused_in_one_sentence(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault) as error:
        read_variants(write(tmp_path / "a.vcf", text))
    assert "\n" not in str(error.value)


def test_bcf_and_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.bcf").write_bytes(b"BCF\x02\x02abc")
    with pytest.raises(InputError, match="is BCF, expected VCF as text"):
        read_variants(tmp_path / "a.bcf")
    (tmp_path / "a.vcf").write_bytes(HEADER.encode() + b"1\t7\t\xff\tA\tC\n")
    with pytest.raises(InputError, match="line 4: holds bytes that are not UTF-8 text"):
        read_variants(tmp_path / "a.vcf")
    (tmp_path / "cut.vcf.gz").write_bytes(gzip.compress(HEADER.encode() * 99)[:-9])
    with pytest.raises(InputError, match="ends too early"):
        read_variants(tmp_path / "cut.vcf.gz")


def test_tables_of_three_kinds(tmp_path: Path) -> None:
    genome = read_variants(write(tmp_path / "a.tsv", "chrom\tstart\tref\talt\nII\t6\ta\tC,G\n"))
    assert (genome.kind, genome.table.rows()) == (
        "genome",
        [(2, None, "II", 6, "A", "C"), (2, None, "II", 6, "A", "G")],
    )
    sequence = read_variants(
        write(tmp_path / "b.csv", "Id,note,sequence,pos,ref,alt\np1,x,ACGT,4,T,<DEL>\np1,y,ACGT,4,T,A\n")
    )
    assert (sequence.kind, sequence.table.rows(), sequence.symbolic) == (
        "sequence",
        [(3, "p1", "ACGT", 3, "T", "A")],
        1,
    )
    pair = read_variants(write(tmp_path / "c.tsv", "id\tref_sequence\talt_sequence\np1\tACGT\tACCT\n\n"))
    assert (pair.kind, pair.table.rows()) == ("pair", [(2, "p1", "ACGT", "ACCT")])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a,b\n1,2\n", "line 1: has columns a, b, expected VCF or chrom, pos, ref, alt; or id, sequence"),
        ("chrom,pos,start,ref,alt\n", "line 1: expected either pos .* or start"),
        ("chrom,ref,alt\n", "line 1: expected either pos"),
        ("sequence,pos,ref,alt\n", "line 1: has columns sequence, pos"),
        ("chrom,pos,pos,ref,alt\n", "line 1: column pos stands there twice"),
        ("chrom,pos,ref,alt\n", "holds no variant"),
        ("chrom,pos,ref,alt\n1,2,A\n", "line 2: has 3 columns, expected 4 as in the header"),
        ("chrom,start,ref,alt\n1,-1,A,C\n", "line 2, start: found '-1', expected a whole number of at least 0"),
        ("chrom,start,ref,alt\n1,3,A,5\n", "line 2, alt: found '5', expected letters of DNA"),
        ("\n\n", "is empty"),
    ],
)
def test_a_table_that_is_none_is_refused_in_one_sentence(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        read_variants(write(tmp_path / "a.csv", text))


ALLELE = st.text("ACGT", min_size=1, max_size=5)


@given(st.lists(st.tuples(st.integers(1, 10**9), ALLELE, st.lists(ALLELE, min_size=1, max_size=3)), min_size=1))
def test_every_allele_that_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, lines: list) -> None:
    path = tmp_path_factory.mktemp("vcf") / "a.vcf"
    path.write_text(HEADER + "".join(f"c\t{pos}\t.\t{ref}\t{','.join(alts)}\n" for pos, ref, alts in lines))
    expected = [(pos - 1, ref, alt) for pos, ref, alts in lines for alt in alts]
    assert read_variants(path).table.select("start", "ref", "alt").rows() == expected
