"""Tables of expression: which column is taken, and what is refused where."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gxtool.errors import InputError
from gxtool.io.expression import _GENE_COLUMN, read_expression, read_expression_table


def write(folder: Path, text: str | bytes, name: str = "expression.tsv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


PAIRS = [("ENSG00000000003", 153.5), ("TSPAN6", 0.0)]


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("ENSG00000000003,153.5\nTSPAN6,0\n", ""),
        ("ENSG00000000003\t1.535e2\nTSPAN6\t0\n", ""),
        ("gene\ttpm\nENSG00000000003.15\t153.5\nTSPAN6\t0\n", "tpm"),
        ("# made by hand\n\ngene,tpm\r\nENSG00000000003,153.5\r\n\r\nTSPAN6,0", "tpm"),
        ('\N{BYTE ORDER MARK}"gene","tpm"\n"ENSG00000000003","153.5"\n"TSPAN6","0"\n', "tpm"),
        ("tpm\nENSG00000000003\t153.5\nTSPAN6\t0\n".replace("\t", ","), "tpm"),
        ("gene_id,7\nENSG00000000003,153.5\nTSPAN6,0\n", "7"),
        (" gene , tpm\n ENSG00000000003 , 153.5\n TSPAN6 ,0 \n", "tpm"),
    ],
    ids=[
        "no header",
        "tabs",
        "header and version",
        "comments, empty lines, CRLF",
        "BOM and quotes",
        "header of R",
        "a number for a name",
        "spaces",
    ],
)
def test_only_value_column_is_taken(tmp_path, text, column):
    found = read_expression(write(tmp_path, text))
    assert found.table.schema == {"gene": pl.String, "value": pl.Float64}
    assert found.table.rows() == PAIRS
    assert found.column == column
    assert found.dropped == {"par_y": 0, "no_gene": 0}


TISSUES = "gene_id\tlength\tE003\tE114\nENSG1\t900\t1\t2\nENSG2\t800\t3\t4.25\n"


def test_column_named_like_the_sample_is_taken(tmp_path):
    found = read_expression(write(tmp_path, TISSUES), sample="E114")
    assert (found.column, found.table["value"].to_list()) == ("E114", [2.0, 4.25])


def test_column_that_is_asked_for_goes_before_that_of_the_sample(tmp_path):
    found = read_expression(write(tmp_path, TISSUES), column="length", sample="E114")
    assert (found.column, found.table["value"].to_list()) == ("length", [900.0, 800.0])


def test_header_of_r_without_a_name_for_genes_shifts_nothing(tmp_path):
    text = TISSUES.replace("gene_id\t", "")
    assert read_expression(write(tmp_path, text), sample="E003").table.rows() == [("ENSG1", 1.0), ("ENSG2", 3.0)]


@pytest.mark.parametrize("header", ["gene_id\tE003\tE114\t\n", "gene_id\tE003\tE114\n"])
def test_separator_at_the_end_of_lines_is_no_column(tmp_path, header):
    text = header + "ENSG1\t1\t2\t\nENSG2\t3\t4\t\n"
    assert read_expression(write(tmp_path, text), sample="E114").table["value"].to_list() == [2.0, 4.0]


def test_first_gene_is_not_lost_when_its_value_reads_like_the_sample(tmp_path):
    found = read_expression(write(tmp_path, "TSPAN6,5\nTNMD,6\n"), sample="5")
    assert found.table.rows() == [("TSPAN6", 5.0), ("TNMD", 6.0)]


def test_only_versions_of_ensembl_ids_are_stripped(tmp_path):
    text = "ENSG00000000003.15,1\nENSMUSG00000064336.1,2\nHLA.A.1,3\nAC012345.1,4\n"
    genes = read_expression(write(tmp_path, text)).table["gene"].to_list()
    assert genes == ["ENSG00000000003", "ENSMUSG00000064336", "HLA.A.1", "AC012345.1"]


def test_copies_on_y_and_summary_lines_are_left_out_and_counted(tmp_path):
    text = "N_unmapped,9\nENSG00000182378.15,1\nENSG00000182378.15_PAR_Y,0\nENSGR0000182378.9,0\n__no_feature,7\n"
    found = read_expression(write(tmp_path, text))
    assert found.table.rows() == [("ENSG00000182378", 1.0)]
    assert found.dropped == {"par_y": 2, "no_gene": 2}


def test_source_names_file_hash_and_size(tmp_path):
    path = write(tmp_path, "TSPAN6,5\n")
    assert read_expression(path).source == {
        "name": "expression.tsv",
        "sha256": "d02b3664ba4fd5ba3e1dd5409d86b0a121107826356c9013be7e6332ad6bab1d",
        "bytes": 9,
    }


def test_gzipped_table_is_read(tmp_path):
    path = write(tmp_path, gzip.compress(b"gene,tpm\nTSPAN6,5\n"), "expression.csv.gz")
    assert read_expression(path).table.rows() == [("TSPAN6", 5.0)]


BROKEN = [
    ("gene,tpm\nA,1\nB,NA\n", ", line 3, column 2 (tpm): found NA for gene B, expected a number"),
    ("gene,tpm\nA,1\nB,\n", ", line 3, column 2 (tpm): found nothing for gene B, expected a number"),
    ("gene,tpm\nA,1\nB,nan\n", ", line 3, column 2 (tpm): found nan for gene B, expected a number"),
    ("gene,tpm\nA,1_000\n", ", line 2, column 2 (tpm): found 1_000 for gene A, expected a number"),
    ("gene,tpm\nA,1e999\n", ", line 2, column 2 (tpm): found 1e999 for gene A, expected a finite number"),
    (
        "A,1\nB,-0.5\n",
        ", line 2, column 2 (value): found -0.5 for gene B, expected at least 0 (values that are not logarithms)",
    ),
    ("gene\ttpm\nA\t0,5\n", ", line 2, column 2 (tpm): found 0,5 for gene A, expected a number without commas"),
    ("A\t0,5\nB\t1,5\n", ", line 1, column 2 (value): found 0,5 for gene A, expected a number without commas"),
    ('gene,tpm\nA,"1,234.5"\n', ", line 2, column 2 (tpm): found 1,234.5 for gene A, expected a number without commas"),
    ("gene,tpm\nA,0,5\nB,1,5\n", ", line 2: has 3 fields, expected 2 as in the header"),
    (
        "ENSG00000000003,NA\nENSG00000000005,1\n",
        ", line 1, column 2 (value): found NA for gene ENSG00000000003, expected a number",
    ),
    ("gene,tpm\n,5\n", ", line 2, column 1: found nothing, expected the id or symbol of a gene"),
    ("gene,tpm\nA,1\nB,2\nA,1\n", ", line 4: gene A stands on line 2 already, expected every gene once"),
    (
        "ENSG00000000003.1,1\nENSG00000000003.2,2\n",
        ", line 2: gene ENSG00000000003 stands on line 1 already, expected every gene once",
    ),
    ("gene,tpm\nA,1\nB\n", ", line 3: has 1 field, expected 2 as in the header"),
    ("A,1\nB,2,3\n", ", line 2: has 3 fields, expected a gene and its value"),
    ("gene,tpm\n", ": holds no gene, expected at least one line with an id and a value"),
    ("__no_feature,7\n", ": holds no gene, expected at least one line with an id and a value"),
    ("# nothing\n", ": is empty, expected one line per gene with its id and its value"),
    ("TSPAN6\nTNMD\n", ", line 1: has 1 column, expected a gene and its value with a tab or comma between"),
    ("gene;tpm\nA;1\n", ", line 1: has 1 column, expected a gene and its value with a tab or comma between"),
    (
        "gene,x,y\nA,1,2\n",
        ", line 1: has 2 value columns (x, y), expected one, or one called as the sample, E114",
    ),
    ("gene,E114,E114\nA,1,2\n", ", line 1: column E114 stands there twice, expected it once"),
    (
        b"gene,tpm\nA,1\n\xff\xfe,2\n",
        ", line 3: holds bytes that are not UTF-8 text, expected a table of expression values",
    ),
    (
        'gene,tpm\nA,"1\n',
        ", line 2: cannot be read as CSV (unexpected end of data), expected fields with commas or tabs between",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), BROKEN)
def test_broken_tables_are_refused_with_their_place(tmp_path, text, sentence):
    path = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_expression(path, sample="E114")
    assert str(caught.value) == f"{path}{sentence}"


def test_column_that_is_not_there_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(InputError) as caught:
        read_expression(write(tmp_path, "gene,TPM,FPKM\nA,1,2\n"), column="tpm")
    assert str(caught.value).endswith(", line 1: has no column 'tpm', did you mean TPM?")
    with pytest.raises(InputError, match="line 1: has no header, expected one with column 'tpm'"):
        read_expression(write(tmp_path, "A,1\nB,2\n"), column="tpm")


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(
        InputError, match=r"none\.tsv: cannot be read \(No such file or directory\), expected a table of"
    ):
        read_expression(tmp_path / "none.tsv")


# A line that starts with what headers call their genes is a header.
GENES = st.from_regex(r"[A-Z][A-Z0-9-]{0,8}", fullmatch=True).filter(lambda name: not _GENE_COLUMN.fullmatch(name))
VALUES = st.dictionaries(GENES, st.floats(0, 1e300, allow_nan=False), min_size=1, max_size=6)


@settings(max_examples=50)
@given(values=VALUES, header=st.booleans(), separator=st.sampled_from(",\t"))
def test_written_values_come_back_exactly(tmp_path_factory, values, header, separator):
    lines = [("gene", "tpm")] * header + [(gene, repr(value)) for gene, value in values.items()]
    text = "".join(separator.join(line) + "\n" for line in lines)
    found = read_expression(write(tmp_path_factory.mktemp("values"), text))
    assert found.table.rows() == list(values.items())


@pytest.mark.parametrize(
    "text",
    [
        "gene_id\tE003\tE114\nENSG00000000003.4\t1\t2.5\nENSG00000000005\t0\t1e2\n",
        "E003\tE114\nENSG00000000003\t1\t2.5\nENSG00000000005\t0\t100\n",
        "gene_id,E003,E114,\nENSG00000000003,1,2.5,\nENSG00000000005,0,100,\n",
        "gene_id,E003,E114\nENSG00000000003,1,2.5\nENSG00000000003,1,2.5\nENSG00000000005,0,100\n__no_feature,7,7\n",
    ],
    ids=["tabs and version", "header of R", "separator at the end", "a gene twice, and no gene"],
)
def test_a_table_has_every_sample(tmp_path, text):
    found = read_expression_table(write(tmp_path, text))
    assert (found.genes, found.samples) == (("ENSG00000000003", "ENSG00000000005"), ("E003", "E114"))
    assert found.values.tolist() == [[1, 2.5], [0, 100]]
    assert (found.source["name"], found.source["bytes"]) == ("expression.tsv", len(text))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TISSUES, "line 1: column 'length' is no sample"),
        ("gene,a,a\nENSG1,1,2\n", "line 1: column 'a', expected a name for each, and once"),
        ("ENSG00000000003,1,2\nENSG00000000005,1,2\n", "has no header"),
        ("gene,a,b\n", "has no header"),
        ("gene,a,b\nENSG1,1,2\nENSG1,1,3\n", "line 3: gene ENSG1 stands on line 2 already"),
        ("gene,a,b\nENSG1,1,-2\n", r"line 2, column 3 \(b\): found -2 for gene ENSG1, expected at least 0"),
        ("gene,a,b\nENSG1,1_0,2\n", r"line 2, column 2 \(a\): found 1_0 for gene ENSG1, expected a number"),
        ("gene,a,b\nENSG1,1,nan\n", r"line 2, column 3 \(b\): found nan for gene ENSG1, expected a number"),
        ("gene,a,b\nENSG1,1\n", "line 2: has 2 fields, expected 3 as in the header"),
    ],
)
def test_a_table_that_is_wrong_is_refused_where_it_is(tmp_path, text, sentence):
    with pytest.raises(InputError, match=sentence):
        read_expression_table(write(tmp_path, text))


@pytest.mark.parametrize("text", ["gene\nA\nB\n", "gene\tE1\n", "A\t1\nB\t2\n"])
def test_table_without_samples_or_genes_is_refused(tmp_path, text):
    with pytest.raises(InputError, match="has no header, expected one that names the samples, and one line per gene"):
        read_expression_table(write(tmp_path, text))
