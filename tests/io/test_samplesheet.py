"""Samplesheets: what a spreadsheet saves is accepted, what is wrong is named by line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gxtool.errors import InputError
from gxtool.io.samplesheet import ANY, format_samplesheet, read_samplesheet, require_path, resolve_path

ROWS = [{"sample": "E003", "data": "a/E003"}, {"sample": "E123", "data": "/b/E123"}]


def sheet(folder: Path, content: bytes) -> Path:
    path = folder / "samplesheet.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        b"sample,data\nE003,a/E003\nE123,/b/E123\n",
        b"sample,data\r\nE003,a/E003\r\nE123,/b/E123\r\n",
        b"\xef\xbb\xbfsample,data\nE003,a/E003\nE123,/b/E123",
        b"sample\tdata\nE003\ta/E003\nE123\t/b/E123\n",
        b"data,sample\na/E003,E003\n\n/b/E123,E123\n",
        b'sample,data\n E003 ,"a/E003"\n"E123", /b/E123\n',
        b"# sample: a name, then\ta path\nsample,data\n# the next one\nE003,a/E003\nE123,/b/E123\n",
    ],
    ids=["plain", "CRLF", "byte-order mark", "tabs", "other order, empty line", "spaces and quotes", "comments"],
)
def test_ways_of_saving_the_same_sheet(tmp_path: Path, content: bytes) -> None:
    assert read_samplesheet(sheet(tmp_path, content), ["sample", "data"]) == ROWS


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty, expected a header with sample, data"),
        (b"sample,data\n", "has a header and no samples"),
        (b"sample,dta\nE003,a\n", "line 1: unknown column 'dta', did you mean data?"),
        (b"sample\nE003\n", "line 1: column data is missing (found sample), expected sample, data"),
        (b"sample,data,data\nE003,a,b\n", "line 1: column data stands there twice"),
        (b"sample,data\nE003\n", "line 2: has 1 fields, expected 2 as in the header"),
        (b"sample,data\nE003,a\nE123,\n", "line 3: column data is empty, expected a value"),
        (b"sample,data\nE003,a\nE123,b\nE003,c\n", "line 4: sample E003 stands on line 2 already"),
        (b"sample,data\n\xff\xfe,a\n", "line 2: holds bytes that are not UTF-8 text"),
        (b'sample,data\n"E003,a\n', "cannot be read as CSV"),
        (b"Sample,data\nE003,a\n", "line 1: unknown column 'Sample', did you mean sample?"),
        (b"sample;data\nE003;a\n", "line 1: has semicolons between its columns ('sample;data'), expected commas or"),
        (b"sample|data\nE003|a\n", "line 1: has bars between its columns"),
        (b"sample data\nE003 a\n", "line 1: has spaces between its columns"),
        (b'"sample\tdata"\n"E003\ta"\n', "line 1: has tabs inside of quotes between its columns"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = sheet(tmp_path, content)
    with pytest.raises(InputError) as caught:
        read_samplesheet(path, ["sample", "data"])
    assert str(caught.value).startswith(str(path))
    assert sentence in str(caught.value)


def test_a_missing_sheet_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: cannot be read"):
        read_samplesheet(tmp_path / "none.csv", ["sample"])


def test_optional_columns_may_be_absent(tmp_path: Path) -> None:
    path = sheet(tmp_path, b"sample,donor\nE003,\n")
    assert read_samplesheet(path, ["sample"], ["donor", "tissue"]) == [{"sample": "E003", "donor": ""}]


def test_relative_paths_belong_to_the_sheet(tmp_path: Path) -> None:
    assert resolve_path("E003", str(tmp_path)) == str(tmp_path / "E003")
    assert resolve_path("/data/E003", "/elsewhere") == "/data/E003"
    assert resolve_path("s3://bucket/E003", "/elsewhere") == "s3://bucket/E003"
    assert resolve_path("E003", "https://host/record/files") == "https://host/record/files/E003"


def test_a_missing_file_names_sheet_sample_and_column(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"s\.csv: sample E003, column data: .*gone does not exist"):
        require_path(Path("s.csv"), {"sample": "E003"}, "data", str(tmp_path / "gone"))
    require_path(Path("s.csv"), {"sample": "E003"}, "data", "s3://bucket/E003")


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8).filter(
    lambda text: not text.startswith(("\ufeff", "#"))
)


@given(st.lists(NAMES, min_size=1, max_size=5, unique=True), NAMES)
def test_any_sheet_survives_a_round_trip(tmp_path_factory: pytest.TempPathFactory, names: list[str], data: str) -> None:
    rows = [{"sample": name, "data": data} for name in names]
    path = tmp_path_factory.mktemp("sheet") / "s.csv"
    path.write_text(format_samplesheet(rows), encoding="utf-8")
    assert read_samplesheet(path, ["sample", "data"]) == rows


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("Sample,data", "column sample is missing: found 'Sample' instead, expected sample, data"),
        ("sampel,data", "column sample is missing: found 'sampel' instead"),
        ("id,data", "column sample is missing (found id, data), expected sample, data"),
    ],
)
def test_a_missing_column_says_what_stands_there_instead(tmp_path: Path, header: str, sentence: str) -> None:
    path = sheet(tmp_path, f"{header}\nE003,a\n".encode())
    with pytest.raises(InputError) as caught:
        read_samplesheet(path, ["sample", "data"], [ANY])
    assert sentence in str(caught.value)


def test_ten_thousand_columns_are_answered_at_once(tmp_path: Path) -> None:
    path = sheet(tmp_path, b",".join(b"c%d" % n for n in range(10_000)) + b"\nx\n")
    with pytest.raises(InputError) as caught:
        read_samplesheet(path, ["sample"], [ANY])
    assert len(str(caught.value)) < 1200
