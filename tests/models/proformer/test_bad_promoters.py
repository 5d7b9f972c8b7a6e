"""Bad promoters as a person meets them: one sentence on the terminal, exit code 3, nothing half-written.

What is odd and no fault is counted.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from gxtool import api
from gxtool.cli import _run
from gxtool.io.artifact import open_artifact
from gxtool.io.dataset import Dataset

LEFT, RIGHT = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"
RANDOM = np.random.default_rng(5)
COMPLEMENTS = str.maketrans("ACGT", "TGCA")


def insert(size: int = 80) -> str:
    return "".join(RANDOM.choice(list("ACGT"), size))


INSERTS = [insert() for _ in range(30)]


def line(middle: str, value: object = 3) -> str:
    return f"{LEFT}{middle}{RIGHT}\t{value}"


GOOD = [line(middle, number % 18) for number, middle in enumerate(INSERTS)]


def text(*more: str) -> bytes:
    """Return 30 sound lines and what follows them."""
    return "".join(f"{one}\n" for one in (*GOOD, *more)).encode()


def sheet(folder: Path, **columns: bytes | str | None) -> Path:
    """Write the files of one sample, each named as its column, and a samplesheet of them; None: sound promoters."""
    names = {"sample": "yeast"}
    for column, content in columns.items():
        content = text() if content is None else content
        content = content.encode() if isinstance(content, str) else content
        ending = {"submission": ".json", "variants": ".vcf", "genome": ".fa"}.get(column, ".txt")
        names[column] = column + ending + (".gz" if content.startswith(b"\x1f\x8b") else "")
        (folder / names[column]).write_bytes(content)
    path = folder / "sheet.csv"
    path.write_text(f"{','.join(names)}\n{','.join(names.values())}\n")
    return path


class Terminal:
    """Run commands in this process as the shell would, and return the exit code and what stands on stderr."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def run(self, *arguments: object) -> tuple[int, str]:
        self.monkeypatch.setattr("sys.argv", ["gxtool", *map(str, arguments)])
        self.capsys.readouterr()
        try:
            code = _run()
        except SystemExit as end:
            code = end.code
        return code, self.capsys.readouterr().err

    def refused(self, path: Path, *settings: str) -> str:
        """Return the sentence that `preprocess` refuses a sheet with; exit code and what is left behind are checked."""
        before = sorted(path.parent.iterdir())
        given = [word for setting in settings for word in ("--set", setting)]
        code, said = self.run(
            "preprocess", "--model", "proformer", "--input", path, "--output", path.parent / "out", *given
        )
        assert (code, said.count("\n")) == (3, 1), said
        assert said.startswith("gxtool: error: ")
        assert sorted(path.parent.iterdir()) == before, "something is left behind"
        return said


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys)


BROKEN = {
    "wrong alphabet": (
        text(line(INSERTS[0][:-1] + "X")),
        "line 31: found 'X' in the sequence, expected letters of DNA (A, C, G, T, N or RYSWKMBDHV)",
    ),
    "rna": (text(line("ACGU")), "line 31: found 'U' in the sequence, expected letters of DNA"),
    "protein": (b"MKVLATTEEL\t1\n", "line 1: found 'L' in the sequence, expected letters of DNA"),
    "empty line": (text("", GOOD[0]), "line 31: is empty, expected 2 columns (sequence, expression)"),
    "empty sequence": (text("\t3"), "line 31: is empty, expected a sequence"),
    "flanks without an insert": (text(line("")), "line 31: found no base between the flanks, expected a sequence"),
    "longer insert": (
        text(line(insert(101))),
        "line 31: the insert has 101 bases, expected at most 100 (data.too_long=trim cuts both ends, "
        "data.too_long=drop leaves it out)",
    ),
    "missing flanks": (
        text("ACGTACGTAC\t3"),
        f"line 31: the sequence ACGTACGTAC does not begin with {LEFT} nor end with {RIGHT}, expected both flanks "
        "(data.five_prime and data.three_prime; data.without_flanks=keep takes it whole)",
    ),
    "one flank": (text(f"{LEFT}ACGT\t3"), f"does not end with {RIGHT}, expected both flanks"),
    "expression that is text": (
        text(line("ACGT", "high")),
        "line 31: column 2 (expression): found high, expected a finite number",
    ),
    "decimal comma": (text(line("ACGT", "1,5")), "line 31: column 2 (expression): found 1,5, expected a finite"),
    "no expression": (text(line("ACGT", "")), "line 31: column 2 (expression): found nothing, expected a finite"),
    "nan": (text(line("ACGT", "nan")), "line 31: column 2 (expression): found nan, expected a finite number"),
    "inf": (text(line("ACGT", "-inf")), "line 31: column 2 (expression): found -inf, expected a finite number"),
    "overflow": (text(line("ACGT", "1e999")), "line 31: column 2 (expression): found 1e999, expected a finite number"),
    "cut off gzip": (gzip.compress(text())[:-20], "data.txt.gz: the gzip stream ends too early (a cut-off download?)"),
    "one column": (
        b"".join(one.split(b"\t")[0] + b"\n" for one in text().splitlines()),
        "line 1: has 1 column, expected 2 (sequence and expression, with a tab between)",
    ),
    "one column further down": (text(f"{LEFT}ACGT{RIGHT}"), "line 31: has 1 column, expected 2 columns (sequence, exp"),
    "commas": (text().replace(b"\t", b","), "line 1: has 1 column, expected 2 (sequence and expression, with a tab"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "line 1: holds bytes that are no text, expected a table"),
    "archive": (b"PK\x03\x04" + bytes(300), "line 1: holds bytes that are no text, expected a table of sequences as"),
    "utf-16": (text().decode().encode("utf-16"), "line 1: holds bytes that are no text, expected a table of sequences"),
    "bytes further down": (text("AC\x00GT\t3"), "line 31: holds bytes that are no text, expected a table of sequences"),
    "empty file": (b"", "data.txt: is empty, expected promoters: one sequence per line, FASTA or Parquet"),
    "empty gzip": (gzip.compress(b""), "data.txt.gz: is empty, expected promoters"),
    "header and no row": (b"sequence\texpression\n", "data.txt: holds no sequence, expected promoters"),
    "header nobody announced": (
        b"seq\texpression\n" + text(),
        r"line 1: found 'seq\texpression', a header or no DNA, expected 2 (sequence and expression, with a tab "
        "between) without header, or a header whose column of sequences data.sequence_column names",
    ),
    "header of many columns": (
        b"seq_id\tseq\tmean_value\tfold\nseq1_F\tACGT\t1\t0\n",
        "line 1: has 4 columns, expected 2 (sequence and expression, with a tab between), or a header whose column of "
        "sequences data.sequence_column names",
    ),
    "header with another value": (
        b"sequence\texpr\n" + text(),
        "line 1: has no column 'expression', expected one of expr, sequence (data.targets or data.test_targets says",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_file_is_refused_in_one_sentence(tmp_path: Path, terminal: Terminal, case: str) -> None:
    content, sentence = BROKEN[case]
    path = sheet(tmp_path, data=content)
    said = terminal.refused(path)
    assert said.startswith(f"gxtool: error: {tmp_path}/data.txt")
    assert sentence in said
    code, printed = terminal.run("check", path, "--model", "proformer")
    assert code == 3
    assert said.removeprefix("gxtool: ") in printed


@pytest.mark.parametrize("column", ["val", "test", "measured"])
def test_other_files_of_a_sample_are_looked_at_as_closely(tmp_path: Path, terminal: Terminal, column: str) -> None:
    files = {"data": None, "test": None, column: text(line("ACGX"))}
    assert f"{column}.txt, line 31: found 'X'" in terminal.refused(sheet(tmp_path, **files))


def test_inserts_of_mixed_lengths_are_padded_trimmed_or_left_out_and_counted(tmp_path: Path) -> None:
    path = sheet(tmp_path, data=text(line(insert(101)), line(insert(7)), line(insert(100)), line(insert(250))))
    found = {}
    for too_long in ("trim", "drop"):
        settings = api.Settings("proformer", set=(f"data.too_long={too_long}",))
        found[too_long] = open_artifact(api.preprocess(path, tmp_path / too_long, settings))
    lengths = {name: one.array("lengths.npy")[30:].tolist() for name, one in found.items()}
    assert lengths == {"trim": [100, 7, 100, 100], "drop": [7, 100]}
    tallies = {name: one.manifest.info["origin"]["tallies"]["yeast"] for name, one in found.items()}
    assert (tallies["trim"]["trimmed"], tallies["drop"]["dropped"]) == (2, 2)
    assert [one.manifest.dropped for one in found.values()] == [{}, {"too_long": 2}]
    warnings = api.check(path, api.Settings("proformer", set=("data.too_long=drop",))).warnings
    assert warnings == ("yeast: 2 of 34 sequences (data) are too long and left out",)


def test_sequences_without_flanks_are_kept_whole_where_asked_and_counted(tmp_path: Path) -> None:
    path = sheet(tmp_path, data=text("ACGTACGTAC\t3"))
    settings = api.Settings("proformer", set=("data.without_flanks=keep",))
    found = open_artifact(api.preprocess(path, tmp_path / "out", settings))
    assert found.array("lengths.npy")[29:].tolist() == [80, 10]
    assert found.manifest.info["origin"]["tallies"]["yeast"]["without_flanks"] == 1
    facts = dict(api.check(path, settings).facts)
    assert facts["flanks"].endswith("a sequence without them is kept whole")
    assert "1 kept whole for want of flanks" in facts["yeast, data"]
    assert api.check(path, settings).warnings == (
        "yeast: 1 of 31 sequences (data) do not stand between the flanks and are kept whole",
    )


def test_values_that_are_all_the_same_are_warned_of(tmp_path: Path) -> None:
    path = sheet(tmp_path, data=f"{line(INSERTS[0], 7)}\n{line(INSERTS[1], 7)}\n")
    assert api.check(path, api.Settings("proformer")).warnings == (
        "yeast: all values of expression in data are 7: there is nothing to learn or to score",
    )


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    settings = api.Settings("proformer")
    plain = open_artifact(api.preprocess(sheet(tmp_path, data=text()), tmp_path / "plain", settings))
    (tmp_path / "w").mkdir()
    windows = b"\xef\xbb\xbf" + text().replace(b"\n", b"\r\n")
    other = open_artifact(api.preprocess(sheet(tmp_path / "w", data=windows), tmp_path / "w" / "out", settings))
    for name in ("tokens.npy", "lengths.npy", "values.npy"):
        assert np.array_equal(plain.array(name), other.array(name))


def test_a_sequence_of_the_test_file_is_not_trained_on_and_that_is_counted(tmp_path: Path) -> None:
    other_strand = INSERTS[1].translate(COMPLEMENTS)[::-1]
    twice = f"{line(INSERTS[0].lower(), 5)}\n{line(other_strand, 5)}\n{line(insert(), 5)}\n"
    path, settings = sheet(tmp_path, data=None, test=twice), api.Settings("proformer")
    said = "yeast: 2 sequences of data stand in test too and are left out of data"
    assert said in api.check(path, settings).warnings
    api.preprocess(path, tmp_path / "examples", settings)
    dataset = Dataset.open(api.tokenize([tmp_path / "examples"], tmp_path / "dataset", settings))
    roles = {role: set(dataset.rows["group"][dataset.indices(role)]) for role in ("train", "val", "test")}
    assert len(roles["test"]) == 3
    assert not roles["test"] & (roles["train"] | roles["val"])
    assert not roles["train"] & roles["val"]
    assert dataset.artifact.manifest.dropped == {"same_sequence_in_another_role": 2}


SUBMISSIONS = {
    "duplicate keys": ('{"1": 0, "2": 0, "1": 0}', "submission.json: key '1' stands there twice, expected every key"),
    "a key beyond the test file": (
        '{"0": 0, "30": 0}',
        "submission.json: asks for test row 30, expected rows of {folder}/test.txt (from 0) whose inserts are not left",
    ),
    "a key that is no row": ('{"seq1": 0}', "submission.json: found key 'seq1', expected the number of a test row"),
    "nan": ('{"1": NaN}', "submission.json: key '1' has NaN, expected a finite number"),
    "no object": ("[0, 1]", "submission.json: holds no object, expected an object from test row numbers to"),
    "cut off": ('{"1": 0, ', "submission.json, line 1: is not JSON ("),
    "empty": ("", "submission.json, line 1: is not JSON ("),
}


@pytest.mark.parametrize("case", SUBMISSIONS)
def test_broken_submission_is_refused_in_one_sentence(tmp_path: Path, terminal: Terminal, case: str) -> None:
    content, sentence = SUBMISSIONS[case]
    path = sheet(tmp_path, test=None, submission=content)
    assert f"{tmp_path}/{sentence.format(folder=tmp_path)}" in terminal.refused(path)


GENOME = f">chr1\n{INSERTS[0]}\n>chr2\n{INSERTS[1]}\n"


def vcf(*places: tuple[str, int, str]) -> str:
    """Return a VCF in which each base (contig, position from 1, reference) becomes another one."""
    head = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\n"
    return head + "".join(f"{c}\t{p}\t.\t{ref}\t{'A' if ref != 'A' else 'C'}\n" for c, p, ref in places)


def right(contig: str, place: int) -> tuple[str, int, str]:
    return contig, place, INSERTS[int(contig.removeprefix("chr")) - 1][place - 1]


def wrong(contig: str, place: int) -> tuple[str, int, str]:
    _, _, base = right(contig, place)
    return contig, place, base.translate(COMPLEMENTS)


VARIANTS = {
    "of another genome by its contigs": (
        vcf(("chrIV", 3, "A")),
        "is a VCF of another genome: none of its contigs (chrIV) is in {folder}/genome.fa (which has chr1, chr2)",
    ),
    "of another genome by its letters": (
        vcf(wrong("chr1", 3), wrong("chr1", 9), right("chr2", 2)),
        "is a VCF of another genome: 2 of 3 reference alleles are not what stands in {folder}/genome.fa",
    ),
    "without its header": ("chr1\t3\t.\tA\tC\n", "line 1: found 'chr1\\t3\\t.\\tA\\tC', expected ##fileformat=VCF"),
    "of an amino acid": (vcf(("chr1", 3, "L")), "line 3, REF: found 'L', expected letters of DNA"),
}


@pytest.mark.parametrize("case", VARIANTS)
def test_broken_variants_are_refused_in_one_sentence(tmp_path: Path, terminal: Terminal, case: str) -> None:
    content, sentence = VARIANTS[case]
    path = sheet(tmp_path, variants=content, genome=GENOME)
    said = terminal.refused(path)
    assert f"{tmp_path}/variants.vcf" in said
    assert sentence.format(folder=tmp_path) in said


def test_reference_alleles_that_are_not_there_are_counted_or_refused(tmp_path: Path, terminal: Terminal) -> None:
    path = sheet(tmp_path, variants=vcf(right("chr1", 3), wrong("chr1", 9), right("chr2", 2)), genome=GENOME)
    facts = dict(api.check(path, api.Settings("proformer")).facts)
    assert facts["yeast, variants"] == "2 of 3 alleles; 1 whose reference allele is not in the sequence"
    found = open_artifact(api.preprocess(path, tmp_path / "kept", api.Settings("proformer")))
    assert found.manifest.dropped == {"variants_ref_mismatch": 1}
    _, _, claimed = wrong("chr1", 9)
    assert (
        f"variants.vcf, line 4: the reference allele is {claimed}, but {INSERTS[0][8]} stands in {tmp_path}/genome.fa "
        "at chr1:9, expected the same (data.ref_mismatch=drop leaves such alleles out)"
    ) in terminal.refused(path, "data.ref_mismatch=refuse")


def test_init_gives_a_commented_sheet_that_passes_check_once_it_is_filled_in(
    tmp_path: Path, terminal: Terminal
) -> None:
    assert terminal.run("init", "--model", "proformer", "--output", tmp_path)[0] == 0
    path, config = tmp_path / "samplesheet.csv", tmp_path / "config.yaml"
    content = path.read_text()
    assert content.count("\n#") >= 11, "every column is explained"
    assert f"{path}: sample NAME, column data: " in terminal.refused(path)
    path.write_text(content.replace("path/to/data", "promoters.txt"))
    (tmp_path / "promoters.txt").write_bytes(text())
    # Nothing of the configuration is changed by its comments, and a field counts once its # is gone.
    assert terminal.run("check", path, "--model", "proformer", "--config", config)[0] == 0
    config.write_text(config.read_text().replace("#data:", "data:").replace("#  length: 100 ", "  length: 79 "))
    code, said = terminal.run("check", path, "--model", "proformer", "--config", config)
    assert code == 3
    assert "promoters.txt, line 1: the insert has 80 bases, expected at most 79" in said
