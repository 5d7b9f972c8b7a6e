"""Variants and motifs of a samplesheet: which sequences they become, what is counted, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from promoter_datasets import join

from gxtool.cli import _run
from gxtool.errors import InputError
from gxtool.io.artifact import open_artifact
from gxtool.io.dataset import Dataset
from gxtool.models.look import Look
from gxtool.models.proformer.check import check
from gxtool.models.proformer.config import DataConfig
from gxtool.models.proformer.variants import letters_to_tokens

#          1234567890123
CONTIG = "AACCGGTTACGTA"
VCF = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\n"
PLAIN = {"five_prime": "", "three_prime": "", "length": 6}
MEME = "MEME version 4\nMOTIF M1 REB1\nletter-probability matrix: alength= 4 w= 1\n1 0 0 0\n"


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def genome(folder: Path) -> str:
    return write(folder / "genome.fa", f">chr1 made up\n{CONTIG[:7]}\n{CONTIG[7:].lower()}\n>chr2\nACGT\n")


def make(folder: Path, *sheet: dict[str, str], **data: Any) -> Dataset:
    return join(folder, sheet, DataConfig(**{**PLAIN, **data}))


def called(folder: Path, *lines: str, **row: str) -> dict[str, str]:
    """Return a row of a samplesheet with a VCF of these lines."""
    text = VCF + "".join(line.replace(" ", "\t") + "\n" for line in lines)
    return {"sample": "yeast", "variants": write(folder / "a.vcf", text), "genome": genome(folder), **row}


def test_letters_become_tokens_row_by_row() -> None:
    import polars as pl

    assert letters_to_tokens(pl.Series(["ACGTN", "RaTCg"])).tolist() == [[0, 1, 2, 3, 4], [4, 0, 3, 1, 2]]
    assert letters_to_tokens(pl.Series([], dtype=pl.String)).shape[0] == 0


def test_alleles_stand_in_the_middle_of_their_window(tmp_path: Path) -> None:
    row = called(tmp_path, "1 6 rs7 G T", "chr1 7 . TT T,TTCC", "chr1 1 . A C", "chr2 4 . T <DEL>,A")
    found = make(tmp_path, row)
    table = found.artifact.table("variants.parquet")
    assert table.columns == ["sample", "name", "ref", "alt", "reference", "alternative"]
    assert table.rows() == [
        ("yeast", "rs7 (1:6 G>T)", "G", "T", "CGGTTA", "CGTTTA"),
        ("yeast", "chr1:7 TT>T", "TT", "T", "GGTTAC", "GGTACG"),
        ("yeast", "chr1:7 TT>TTCC", "TT", "TTCC", "GGTTAC", "GTTCCA"),
        ("yeast", "chr1:1 A>C", "A", "C", "NNAACC", "NNCACC"),
        ("yeast", "chr2:4 T>A", "T", "A", "CGTNNN", "CGANNN"),
    ]
    summary = found.artifact.json("summary.json")["variants"]["yeast"]
    assert summary == {"read": 6, "symbolic": 1, "elsewhere": 0, "ref_mismatch": 0, "too_long": 0, "kept": 5}
    names = [item["name"] for item in found.artifact.manifest.info["inputs"]]
    assert names == ["yeast/a.vcf", "yeast/genome.fa"]


def test_a_sample_of_variants_alone_has_their_reference_sequences_to_predict(tmp_path: Path) -> None:
    found = make(tmp_path, called(tmp_path, "chr1 7 . TT T,TTCC", "chr1 6 . G T"))
    assert found.rows["sequence"].to_list() == ["GGTTAC", "CGGTTA"]
    assert found.arrays["tokens"].tolist() == [[2, 2, 3, 3, 0, 1], [1, 2, 2, 3, 3, 0]]
    assert found.indices("test").tolist() == [0, 1]
    assert "labels" not in found.arrays


def test_what_cannot_be_used_is_left_out_and_counted(tmp_path: Path) -> None:
    lines = ("chr1 6 . G T", "chr1 7 . T A", "chr3 1 . A C", "chr1 2 . C G", "chr1 3 . C GGGGGGG", "chr1 4 . C *")
    found = make(tmp_path, called(tmp_path, *lines))
    assert found.artifact.table("variants.parquet")["name"].to_list() == ["chr1:6 G>T", "chr1:7 T>A"]
    tally = {"read": 6, "symbolic": 1, "elsewhere": 1, "ref_mismatch": 1, "too_long": 1, "kept": 2}
    assert found.artifact.json("summary.json")["variants"]["yeast"] == tally
    assert open_artifact(tmp_path / "examples0").manifest.dropped == {
        "variants_symbolic": 1,
        "variants_elsewhere": 1,
        "variants_ref_mismatch": 1,
        "variants_too_long": 1,
    }


def test_samples_are_joined(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    one = called(tmp_path, "chr1 6 . G T", motifs=write(tmp_path / "m.meme", MEME))
    two = called(tmp_path / "other", "chr1 7 . T A", sample="human")
    found = make(tmp_path, one, two)
    assert found.artifact.table("variants.parquet")["sample"].to_list() == ["yeast", "human"]
    assert set(found.artifact.json("summary.json")["variants"]) == {"yeast", "human"}
    assert found.artifact.json("summary.json")["motifs"] == {"yeast": ["REB1"]}
    assert found.artifact.json("motifs.json")["yeast"][0]["probabilities"] == [[1, 0, 0, 0]]


def test_variants_in_sequences_of_their_own_are_read_as_promoters(tmp_path: Path) -> None:
    text = "id\tsequence\tstart\tref\talt\np1\tggACGTcc\t3\tC\tA\np2\tGGACGTCC\t4\tGT\tG\n"
    row = {"sample": "a", "variants": write(tmp_path / "v.tsv", text)}
    found = make(tmp_path, row, five_prime="GG", three_prime="CC")
    assert found.artifact.table("variants.parquet").select("name", "reference", "alternative").rows() == [
        ("p1 4 C>A", "NACGTN", "NAAGTN"),
        ("p2 5 GT>G", "NACGTN", "NACGNN"),
    ]


def test_pairs_of_sequences(tmp_path: Path) -> None:
    text = "id\tref_sequence\talt_sequence\np1\tACGT\tACCT\np2\tACGTACG\tACCT\np3\tAAAA\tCCCC\n"
    row = {"sample": "a", "variants": write(tmp_path / "v.tsv", text)}
    found = make(tmp_path, row, too_long="drop")
    table = found.artifact.table("variants.parquet")
    assert table.select("name", "ref", "reference", "alternative").rows() == [
        ("p1", "", "NACGTN", "NACCTN"),
        ("p3", "", "NAAAAN", "NCCCCN"),
    ]
    assert found.artifact.json("summary.json")["variants"]["a"]["too_long"] == 1
    with pytest.raises(InputError, match=r"v\.tsv, line 3: the insert has 7 bases, expected at most 6"):
        make(tmp_path / "refused", row)


REFUSED = {
    "another genome by contigs": (
        ("chrX 6 . G T", "Y 6 . G T"),
        {},
        r"a\.vcf: is a VCF of another genome: none of its contigs \(chrX, Y\) is in .*genome\.fa \(which has chr1",
    ),
    "another genome by letters": (
        ("chr1 6 . A T", "chr1 7 . T A", "chr1 8 . G A", "chr3 1 . A T"),
        {},
        r"a\.vcf: is a VCF of another genome: 2 of 3 reference alleles are not what stands in .*genome\.fa",
    ),
    "a mismatch that is refused": (
        ("chr1 7 . T A", "chr1 8 . T A", "chr1 6 . A T"),
        {"ref_mismatch": "refuse"},
        r"a\.vcf, line 5: the reference allele is A, but G stands in .*genome\.fa at chr1:6, expected the same",
    ),
    "nothing that can be used": (
        ("chr1 6 . G <DEL>", "chr2 1 . A *"),
        {},
        r"none of 2 alleles can be used \(2 symbolic \(<DEL>, \*, breakends\)\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_variants_that_do_not_belong_are_refused(tmp_path: Path, case: str) -> None:
    lines, data, fault = REFUSED[case]
    with pytest.raises(InputError, match=fault) as error:
        make(tmp_path, called(tmp_path, *lines), **data)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "examples0").exists()


def test_columns_that_need_each_other(tmp_path: Path) -> None:
    row = called(tmp_path, "chr1 6 . G T")
    with pytest.raises(InputError, match=r"sample yeast: has variants in a genome \(.*a\.vcf\) without column genome"):
        make(tmp_path, {key: value for key, value in row.items() if key != "genome"})
    promoters = write(tmp_path / "a.txt", "ACGT\t1\nACCT\t2\n")
    with pytest.raises(InputError, match="sample yeast: has genome without variants"):
        make(tmp_path, {"sample": "yeast", "data": promoters, "genome": row["genome"]})
    pairs = write(tmp_path / "v.tsv", "id\tref_sequence\talt_sequence\np1\tACGT\tACCT\n")
    with pytest.raises(InputError, match=r"sample yeast: has genome, but .*v\.tsv holds sequences of its own"):
        make(tmp_path, {**row, "variants": pairs})


def test_alleles_that_are_not_in_their_sequence(tmp_path: Path) -> None:
    header, good, bad = "id\tsequence\tpos\tref\talt\n", "p1\tACGT\t3\tG\tA\n", "p2\tACGT\t2\tG\tA\n"
    row = {"sample": "a", "variants": write(tmp_path / "v.tsv", header + good + bad)}
    assert make(tmp_path, row).artifact.json("summary.json")["variants"]["a"]["ref_mismatch"] == 1
    with pytest.raises(InputError, match=r"v\.tsv, line 3: the reference allele is G, but C stands in its sequence"):
        make(tmp_path / "b", row, ref_mismatch="refuse")
    write(tmp_path / "v.tsv", header + good + bad + bad)
    with pytest.raises(InputError, match="2 of 3 reference alleles are not what stands in their sequence"):
        make(tmp_path / "c", row)


def test_letters_of_the_genome_that_are_no_dna(tmp_path: Path) -> None:
    row = called(tmp_path, "chr1 6 . G T")
    write(tmp_path / "genome.fa", f">chr1\n{CONTIG.replace('TT', 'T*')}\n")
    with pytest.raises(InputError, match=r"genome\.fa: chr1 holds letters that are no DNA around base 6"):
        make(tmp_path, row)


def test_check_says_what_variants_and_motifs_there_are(tmp_path: Path) -> None:
    row = called(tmp_path, "chr1 6 . G T", "chr1 7 . T A", "chr1 8 . C A", motifs=write(tmp_path / "m.meme", MEME))
    found = check([row], DataConfig(**PLAIN), Look())
    facts = dict(found.facts)
    assert facts["yeast, variants"] == "2 of 3 alleles; 1 whose reference allele is not in the sequence"
    assert facts["yeast, motifs"] == "1 (REB1)"


def test_the_command_line_says_it_in_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    called(tmp_path, "chrX 6 . G T")
    sheet = write(tmp_path / "sheet.csv", "sample,variants,genome\nyeast,a.vcf,genome.fa\n")
    arguments = ["preprocess", "--model", "proformer", "--input", sheet, "--output", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["gxtool", *arguments])
    assert _run() == 3
    said = capsys.readouterr().err
    assert said.startswith("gxtool: error: ")
    assert "is a VCF of another genome" in said
    write(tmp_path / "sheet.csv", "sample,variants,genome,motifs\nyeast,a.vcf,genome.fa,m.meme\n")
    called(tmp_path, "chr1 6 . G T")
    write(tmp_path / "m.meme", MEME.replace("1 0 0 0", "1 1 0 0"))
    assert _run() == 3
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "m.meme, line 4: found 1 1 0 0, expected 4 probabilities" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.vcf", "genome.fa", "m.meme", "sheet.csv"]
