"""BED: three columns are read, everything else is left alone or refused in one sentence."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gxtool.errors import InputError
from gxtool.io.bed import read_bed


def write(folder: Path, text: str | bytes, name: str = "regions.bed") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "chr1\t0\t10\nchr2\t5\t5\n",
        "chr1 0 10\nchr2  5\t5\n".replace("  5\t5", " 5 5"),
        "chr1\t0\t10\r\nchr2\t5\t5",
        "\N{BYTE ORDER MARK}track name=x\nbrowser position chr1:1-2\n# a note\n\nchr1\t0\t10\n   \nchr2\t5\t5\n",
        "chr1\t0\t10\tpeak 1\t900\t.\t3.5\nchr2\t5\t5\n",
    ],
    ids=["tabs", "spaces", "CRLF and no last line end", "headers, comments and empty lines", "more columns"],
)
def test_intervals_are_read_as_they_stand(tmp_path, text):
    table = read_bed(write(tmp_path, text))
    assert table.schema == {"chrom": pl.String, "start": pl.Int64, "end": pl.Int64}
    assert table.rows() == [("chr1", 0, 10), ("chr2", 5, 5)]


@pytest.mark.parametrize("name", ["regions.bed.gz", "regions.bed"])
def test_gzipped_file_is_known_by_name_or_by_content(tmp_path, name):
    assert read_bed(write(tmp_path, gzip.compress(b"chr1\t3\t9\n"), name)).rows() == [("chr1", 3, 9)]


def test_chromosome_called_like_a_header_is_none(tmp_path):
    assert read_bed(write(tmp_path, "track7\t3\t9\n")).rows() == [("track7", 3, 9)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("chr1\t3\t9\nchr1\t3\n", ", line 2: has 2 columns, expected at least chrom, start and end"),
        ("chr1,3,9\n", ", line 1: has 1 column, expected at least chrom, start and end"),
        ("#x\nchr1\t-3\t9\n", ", line 2, column 2 (start): found -3, expected a whole number of at least 0"),
        ("chr1\t3\t9.5\n", ", line 1, column 3 (end): found 9.5, expected a whole number of at least 0"),
        ("chr1\t\t9\n", ", line 1, column 2 (start): found nothing, expected a whole number of at least 0"),
        ("chr1\t9\t3\n", ", line 1, column 3 (end): found 3, expected at least the start, 9"),
        ("chrom\tstart\tend\n", ", line 1, column 2 (start): found start, expected a whole number of at least 0"),
        (b"chr1\t3\t9\n\xff\xfe\t1\t2\n", ", line 2: holds bytes that are not UTF-8 text, expected intervals in BED"),
        ("# nothing here\n", ": holds no interval, expected intervals in BED"),
        ("", ": holds no interval, expected intervals in BED"),
    ],
)
def test_what_is_no_bed_is_refused_with_its_place(tmp_path, text, sentence):
    path = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_bed(path)
    assert str(caught.value) == f"{path}{sentence}"


def test_missing_and_cut_off_files_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.bed: cannot be read \(No such file or directory\), expected interv"):
        read_bed(tmp_path / "none.bed")
    packed = gzip.compress(b"chr1\t3\t9\n" * 1000)
    with pytest.raises(InputError, match="the gzip stream ends too early"):
        read_bed(write(tmp_path, packed[: len(packed) // 2], "cut.bed.gz"))


INTERVALS = st.tuples(st.text("abcXY012._-", min_size=1), st.integers(0, 2**40), st.integers(0, 2**20))


@settings(max_examples=50)
@given(st.lists(INTERVALS, min_size=1, max_size=6))
def test_written_intervals_come_back(tmp_path_factory, intervals):
    rows = [(chrom, start, start + length) for chrom, start, length in intervals]
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    assert read_bed(write(tmp_path_factory.mktemp("bed"), text)).rows() == rows
