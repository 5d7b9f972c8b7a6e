"""Tables of bins: read exactly, refused in one sentence that names the place."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gxtool.errors import InputError
from gxtool.io.bins_files import BinsFile, find_bins_files, list_cells, plain_name
from gxtool.io.bins_table import check_no_leakage, read_bins_table, read_bins_tables, write_bins_table

MARKS = ("H3K27me3", "H3K36me3")
LAYOUT = "GeneID, BinID, H3K27me3, H3K36me3, label"
# Two genes of three bins and two marks; the zeros in front of an id are part of it.
TABLE = "000003,1,0,7,1\n000003,2,4,5,1\n000003,3,9,0,1\n000419,1,2,2,0\n000419,2,0,0,0\n000419,3,1,65536,0\n"
COUNTS = [[[0, 7], [4, 5], [9, 0]], [[2, 2], [0, 0], [1, 65536]]]


def table_file(folder: Path, text: str | bytes, name: str = "train.csv") -> BinsFile:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return BinsFile("train", path, name)


def cell_folder(folder: Path, inner: bool = True, compressed: bool = False) -> Path:
    tables = folder / "classification" if inner else folder
    tables.mkdir(parents=True)
    for stem, first in (("train", "1"), ("valid", "2"), ("test", "3")):
        text = TABLE.replace("0004", f"{first}004").replace("000003", f"{first}00003").encode()
        path = tables / f"{stem}.csv{'.gz' if compressed else ''}"
        path.write_bytes(gzip.compress(text) if compressed else text)
    return folder


def zipped(folder: Path, archive: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(archive, "w") as out:
        for path in sorted(folder.rglob("*.csv*")):
            out.write(path, f"{prefix}{path.relative_to(folder).as_posix()}")
    return archive


def read(file: BinsFile, n_bins: int = 3):
    return read_bins_table(file, MARKS, n_bins)


def check_table(table) -> None:
    assert table.genes.to_list() == ["000003", "000419"]
    assert table.counts.dtype == np.uint32
    assert table.counts.tolist() == COUNTS
    assert table.labels.tolist() == [1, 0]


def test_table_is_read_with_ids_as_text_counts_as_gene_bin_mark_and_one_label_per_gene(tmp_path):
    check_table(read(table_file(tmp_path, TABLE)))


def test_source_names_file_hash_and_size_without_a_folder(tmp_path):
    assert read(table_file(tmp_path, "7,1,0,7,1\n8,1,0,7,0\n"), 1).source == {
        "name": "train.csv",
        "sha256": "9db67231d460d11339238c3bccee97b868ccc854ffa33e53ca99096eb1beb0a8",
        "bytes": 20,
    }


@pytest.mark.parametrize(
    "text",
    [
        TABLE.replace("\n", "\r\n"),
        "\N{BYTE ORDER MARK}" + TABLE,
        "\N{BYTE ORDER MARK}" + TABLE.replace("\n", "\r\n"),
        TABLE.removesuffix("\n"),
        TABLE.replace("000003", '"000003"'),
    ],
    ids=["CRLF", "BOM", "BOM and CRLF", "no last line end", "quoted ids"],
)
def test_harmless_differences_of_text_are_accepted(tmp_path, text):
    check_table(read(table_file(tmp_path, text)))


def test_gzipped_table_is_read_and_hashed_as_it_lies_on_disk(tmp_path):
    packed = gzip.compress(TABLE.encode(), mtime=0)
    table = read(table_file(tmp_path, packed, "train.csv.gz"))
    check_table(table)
    assert table.source["bytes"] == len(packed)


def test_table_without_labels_is_read_for_prediction(tmp_path):
    text = "".join(line.rsplit(",", 1)[0] + "\n" for line in TABLE.splitlines())
    table = read(table_file(tmp_path, text))
    assert table.labels is None
    assert table.counts.tolist() == COUNTS


BROKEN = [
    (
        "too few columns everywhere",
        "3,1,7\n3,2,5\n",
        f"train.csv, line 1: has 3 columns, expected 5 ({LAYOUT}), or 4 without label",
    ),
    (
        "too many columns everywhere",
        "3,1,7,8,9,1\n",
        f"train.csv, line 1: has 6 columns, expected 5 ({LAYOUT}), or 4 without label",
    ),
    (
        "a column missing on one line",
        TABLE.replace("000419,1,2,2,0", "000419,1,2,2"),
        f"train.csv, line 4: has 4 columns, expected 5 columns ({LAYOUT})",
    ),
    (
        "a column too many on one line",
        TABLE.replace("000419,1,2,2,0", "000419,1,2,2,0,0"),
        f"train.csv, line 4: has 6 columns, expected 5 columns ({LAYOUT})",
    ),
    (
        "an empty line",
        TABLE.replace("000419,1", "\n000419,1"),
        f"train.csv, line 4: is empty, expected 5 columns ({LAYOUT})",
    ),
    (
        "rows cut off at the end",
        "".join(TABLE.splitlines(keepends=True)[:5]),
        "train.csv: has 5 rows, expected a multiple of 3 (bins 1 to 3 of every gene)",
    ),
    (
        "a row missing inside",
        TABLE.replace("000003,2,4,5,1\n", ""),
        "train.csv, line 2, column 2: found bin 3, expected bin 2 (every gene has bins 1 to 3 in order)",
    ),
    (
        "bins out of order",
        TABLE.replace("000419,2", "000419,x").replace("000419,3", "000419,2").replace("000419,x", "000419,3"),
        "train.csv, line 5, column 2: found bin 3, expected bin 2 (every gene has bins 1 to 3 in order)",
    ),
    (
        "gene changing inside a block",
        TABLE.replace("000003,3", "000004,3"),
        "train.csv, line 3, column 1: found gene 000004, expected 000003 as on the lines before "
        "(bins 1 to 3 of one gene)",
    ),
    (
        "label changing inside a gene",
        TABLE.replace("000419,2,0,0,0", "000419,2,0,0,1"),
        "train.csv, line 5, column 5: found label 1, expected 0 as on the lines before (bins 1 to 3 of one gene)",
    ),
    (
        "label of 2",
        TABLE.replace("9,0,1", "9,0,2"),
        "train.csv, line 3, column 5: found label 2, expected 0 or 1",
    ),
    (
        "label of -1",
        TABLE.replace("2,2,0", "2,2,-1"),
        "train.csv, line 4, column 5 (label): found -1, expected 0 or 1",
    ),
    (
        "label as a word",
        TABLE.replace("2,2,0", "2,2,off"),
        "train.csv, line 4, column 5 (label): found off, expected 0 or 1",
    ),
    (
        "all labels equal",
        TABLE.replace(",1\n", ",0\n"),
        "train.csv, column 5: all 2 genes have label 0, expected 0 and 1",
    ),
    (
        "a negative count",
        TABLE.replace("4,5", "-4,5"),
        "train.csv, line 2, column 3 (H3K27me3): found -4, expected a read count of at least 0",
    ),
    (
        "a fractional count",
        TABLE.replace("4,5", "4,5.25"),
        "train.csv, line 2, column 4 (H3K36me3): found 5.25, expected a read count, which is a whole number",
    ),
    (
        "a count that is a word",
        TABLE.replace("4,5", "4,many"),
        "train.csv, line 2, column 4 (H3K36me3): found many, expected a read count",
    ),
    (
        "a count beyond 32 bits",
        TABLE.replace("65536", "4294967296"),
        "train.csv, line 6, column 4 (H3K36me3): found 4294967296, expected a read count of at most 4294967295",
    ),
    (
        "NaN",
        TABLE.replace("4,5", "NaN,5"),
        "train.csv, line 2, column 3 (H3K27me3): found NaN, expected a read count",
    ),
    (
        "an empty field",
        TABLE.replace("4,5", "4,"),
        "train.csv, line 2, column 4 (H3K36me3): found nothing, expected a read count",
    ),
    (
        "no gene id",
        TABLE.replace("000419,1", ",1"),
        "train.csv, line 4, column 1 (GeneID): found nothing, expected a gene id",
    ),
    (
        "a header",
        "gene,bin,mark_a,mark_b,on\n" + TABLE,
        "train.csv, line 1: found a header (gene, bin, mark_a, mark_b, on), "
        "expected the first bin of the first gene (no header)",
    ),
    (
        "a gene twice",
        TABLE + "000003,1,1,1,0\n000003,2,1,1,0\n000003,3,1,1,0\n",
        "train.csv, line 7: gene 000003 stands on line 1 already, expected every gene once",
    ),
    (
        "the DeepDiff layout",
        "ENSG00000000003_TSPAN6_1,0,0\nENSG00000000003_TSPAN6_2,1,0\n",
        "train.csv, line 1: found ENSG00000000003_TSPAN6_1 and 2 counts, which is the DeepDiff layout "
        f"(other windows, marks in another order, no label; `--set data.layout=deepdiff` reads it), expected {LAYOUT}",
    ),
    (
        "bytes that are no text",
        TABLE.encode().replace(b"000419,2", b"\xff\xfe,2"),
        "train.csv, line 5: holds bytes that are not UTF-8 text, expected comma-separated values",
    ),
    ("an empty file", "", "train.csv: is empty, expected one row per gene and bin"),
    (
        "an empty first line",
        "\n" + TABLE,
        f"train.csv, line 1: is empty, expected 5 columns ({LAYOUT})",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_broken_table_is_refused_with_file_line_found_and_expected(tmp_path, text, sentence):
    with pytest.raises(InputError) as caught:
        read(table_file(tmp_path, text))
    assert str(caught.value) == sentence
    assert caught.value.exit_code == 3


def test_another_number_of_bins_is_found_where_the_sequence_goes_on(tmp_path):
    with pytest.raises(InputError, match=r"line 3, column 2: found bin 3, expected bin 1 \(every gene has bins 1 to 2"):
        read(table_file(tmp_path, TABLE), n_bins=2)


def test_truncated_gzip_is_refused(tmp_path):
    packed = gzip.compress(TABLE.encode() * 1000)
    file = table_file(tmp_path, packed[: len(packed) // 2], "train.csv.gz")
    sentence = "train.csv.gz: the gzip stream ends too early (a cut-off download?), expected a complete file"
    for action in (file.count_lines, file.read):
        with pytest.raises(InputError) as caught:
            action()
        assert str(caught.value) == sentence


def test_file_that_only_calls_itself_gz_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"train\.csv\.gz: is not a sound gzip file \(.*\), expected a complete file"):
        read(table_file(tmp_path, TABLE, "train.csv.gz"))


def test_missing_file_is_refused(tmp_path):
    file = BinsFile("train", tmp_path / "train.csv", "E003/train.csv")
    for action in (file.count_lines, file.read):
        with pytest.raises(InputError, match=r"E003/train\.csv: cannot be read \(No such file or directory\)"):
            action()


@pytest.mark.parametrize(("text", "lines"), [(b"", 0), (b"a\n", 1), (b"a\nb", 2), (b"a\r\n\n", 2)])
def test_lines_are_counted_with_or_without_a_last_line_end(tmp_path, text, lines):
    assert table_file(tmp_path, text).count_lines() == lines
    assert table_file(tmp_path, gzip.compress(text), "train.csv.gz").count_lines() == lines


def test_gene_in_two_tables_of_a_cell_type_is_leakage(tmp_path):
    files = [BinsFile("train", tmp_path, "train.csv"), BinsFile("test", tmp_path, "test.csv")]
    check_no_leakage(files, [pl.Series(["a", "b"]), pl.Series(["c", "d", "e"])], 3)
    with pytest.raises(InputError) as caught:
        check_no_leakage(files, [pl.Series(["a", "b"]), pl.Series(["c", "d", "b"])], 3)
    assert str(caught.value) == (
        "test.csv, line 7: gene b is in train.csv, line 4 already, expected every gene in one table only"
    )


@pytest.mark.parametrize("inner", [True, False], ids=["with classification", "without"])
@pytest.mark.parametrize("compressed", [True, False], ids=["gzip", "plain"])
def test_tables_of_a_folder_are_found_in_the_order_train_val_test(tmp_path, inner, compressed):
    folder = cell_folder(tmp_path / "E003", inner, compressed)
    files = find_bins_files("E003", folder, tmp_path)
    assert [file.role for file in files] == ["train", "val", "test"]
    assert [table.genes[0] for table in read_bins_tables(files, MARKS, 3)] == ["100003", "200003", "300003"]


def test_cell_type_is_found_by_name_in_a_folder_of_many(tmp_path):
    cell_folder(tmp_path / "data" / "E003")
    cell_folder(tmp_path / "data" / "E004", inner=False)
    files = find_bins_files("E004", tmp_path / "data", tmp_path)
    assert files[1].name == str(tmp_path / "data" / "E004" / "valid.csv")
    assert list_cells(tmp_path / "data") == {n: tmp_path / "data" / n for n in ("E003", "E004")}
    with pytest.raises(InputError, match=r"data: holds 2 cell types \(E003, E004\) and none called E005, expected it"):
        find_bins_files("E005", tmp_path / "data", tmp_path)


def test_single_table_is_all_test(tmp_path):
    path = tmp_path / "new_genes.csv"
    path.write_text(TABLE)
    (file,) = find_bins_files("K562", path, tmp_path)
    assert file.role == "test"
    check_table(read(file))
    assert plain_name(path) == "new_genes"


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar"])
@pytest.mark.parametrize("prefix", ["", "E003/", "./deep/er/E003/"], ids=["at the top", "named", "nested"])
def test_archive_is_read_like_the_folder(tmp_path, kind, prefix):
    folder = cell_folder(tmp_path / "source")
    archive = tmp_path / f"E003.{kind}"
    if kind == "zip":
        zipped(folder, archive, prefix)
    else:
        with tarfile.open(archive, "w:gz" if kind == "tar.gz" else "w") as out:
            for path in sorted(folder.rglob("*.csv")):
                out.add(path, f"{prefix}{path.relative_to(folder).as_posix()}")
    files = find_bins_files("E003", archive, tmp_path / "scratch")
    assert [table.genes[0] for table in read_bins_tables(files, MARKS, 3)] == ["100003", "200003", "300003"]
    assert list_cells(archive) == {"E003": archive}
    assert files[0].name.startswith(f"{archive}: ")


def test_archive_of_many_gives_only_the_cell_type_asked_for(tmp_path):
    cell_folder(tmp_path / "all" / "E003")
    cell_folder(tmp_path / "all" / "E004")
    archive = zipped(tmp_path / "all", tmp_path / "all.zip")
    find_bins_files("E004", archive, tmp_path / "scratch")
    unpacked = sorted(
        path.relative_to(tmp_path / "scratch").parts[:2] for path in (tmp_path / "scratch").rglob("*.csv")
    )
    assert unpacked == [("E004", "E004")] * 3


@pytest.mark.parametrize("member", ["../train.csv", "/train.csv", "E003/../../train.csv"])
def test_archive_member_that_leads_out_is_refused_and_nothing_is_unpacked(tmp_path, member):
    for archive in (tmp_path / "bad.zip", tmp_path / "bad.tar.gz"):
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive, "w") as out:
                out.writestr(member, TABLE)
        else:
            with tarfile.open(archive, "w:gz") as out:
                info = tarfile.TarInfo(member)
                info.size = len(TABLE)
                out.addfile(info, io.BytesIO(TABLE.encode()))
        with pytest.raises(InputError) as caught:
            find_bins_files("E003", archive, tmp_path / "scratch")
        assert str(caught.value) == f"{archive}: member {member} leads out of the archive, expected relative names"
        assert not (tmp_path / "scratch").exists()


def test_links_inside_a_tar_are_not_followed(tmp_path):
    archive = tmp_path / "E003.tar"
    with tarfile.open(archive, "w") as out:
        info = tarfile.TarInfo("E003/train.csv")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/hostname"
        out.addfile(info)
    with pytest.raises(InputError, match=r"E003\.tar: member E003/train\.csv is a link or a device, expected"):
        find_bins_files("E003", archive, tmp_path / "scratch")


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_truncated_archive_is_refused(tmp_path, ending):
    folder = cell_folder(tmp_path / "E003")
    archive = tmp_path / f"E003{ending}"
    if ending == ".zip":
        zipped(folder, archive)
    else:
        with tarfile.open(archive, "w:gz") as out:
            out.add(folder, "E003")
    archive.write_bytes(archive.read_bytes()[:200])
    with pytest.raises(InputError, match=r"(is damaged or cut short|ends too early) \(.*\), expected a complete"):
        find_bins_files("E003", archive, tmp_path / "scratch")


def test_missing_table_is_named(tmp_path):
    folder = cell_folder(tmp_path / "E003")
    (folder / "classification" / "valid.csv").unlink()
    with pytest.raises(InputError) as caught:
        find_bins_files("E003", folder, tmp_path)
    assert str(caught.value) == (
        f"{folder}/classification: has test.csv, train.csv but no valid.csv, expected train, valid and test"
    )


def test_folder_without_tables_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"has no train\.csv, valid\.csv and test\.csv, expected the tables of cell"):
        find_bins_files("E003", tmp_path, tmp_path)
    with pytest.raises(InputError, match=r"nowhere: does not exist, expected a folder, an archive or a table of bins"):
        find_bins_files("E003", tmp_path / "nowhere", tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"notes\.txt: is no \.csv, \.csv\.gz, \.zip or \.tar\.gz"):
        find_bins_files("E003", tmp_path / "notes.txt", tmp_path)


def test_table_that_is_there_twice_is_refused(tmp_path):
    folder = cell_folder(tmp_path / "E003", inner=False)
    (folder / "train.csv.gz").write_bytes(gzip.compress(TABLE.encode()))
    with pytest.raises(InputError, match=r"train\.csv: is there with and without \.gz, expected one of them"):
        find_bins_files("E003", folder, tmp_path)


def test_no_more_than_three_tables_are_in_memory_however_many_there_are(tmp_path, monkeypatch):
    started = []

    def note(file, marks, n_bins):
        started.append(file.role)
        return read_bins_table(file, marks, n_bins)

    monkeypatch.setattr("gxtool.io.bins_table.read_bins_table", note)
    files = [table_file(tmp_path, TABLE)] * 9
    for used, table in enumerate(read_bins_tables(files, MARKS, 3), 1):
        check_table(table)
        assert len(started) <= used + 2
    assert len(started) == 9


def test_first_fault_of_several_tables_is_raised_in_order(tmp_path):
    files = [
        table_file(tmp_path, TABLE, "a.csv"),
        table_file(tmp_path, "x", "b.csv"),
        table_file(tmp_path, "", "c.csv"),
    ]
    tables = read_bins_tables(files, MARKS, 3)
    check_table(next(tables))
    with pytest.raises(InputError, match=r"b\.csv, line 1: has 1 columns"):
        next(tables)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_written_table_is_read_back_unchanged(tmp_path_factory, data):
    n_genes, n_bins, n_marks = (data.draw(st.integers(1, most)) for most in (5, 4, 3))
    counts = data.draw(hnp.arrays(np.uint32, (n_genes, n_bins, n_marks)))
    genes = data.draw(
        st.lists(
            st.from_regex(r"[A-Za-z0-9_.:\-]{1,12}", fullmatch=True), min_size=n_genes, max_size=n_genes, unique=True
        )
    )
    labels = data.draw(st.sampled_from([None, np.arange(n_genes) % 2]))
    folder = tmp_path_factory.mktemp("written")
    path = write_bins_table(folder, "val", genes, counts, labels)
    assert path == folder / "classification" / "valid.csv"
    table = read_bins_table(BinsFile("val", path, path.name), [f"mark {m}" for m in range(n_marks)], n_bins)
    assert table.genes.to_list() == genes
    assert np.array_equal(table.counts, counts)
    assert (table.labels is None) == (labels is None)
    if labels is not None:
        assert table.labels.tolist() == labels.tolist()


@settings(max_examples=60, deadline=None)
@given(line=st.integers(0, 5), column=st.integers(0, 4), value=st.sampled_from(["-1", "x", "", "1.5", "nan", "1e3"]))
def test_any_bad_field_is_found_where_it_stands(tmp_path_factory, line, column, value):
    rows = [row.split(",") for row in TABLE.splitlines()]
    rows[line][column] = value
    text = "".join(",".join(row) + "\n" for row in rows)
    file = table_file(tmp_path_factory.mktemp("bad"), text)
    place = rf"train\.csv, line {line + 1}, column {column + 1}"
    if column == 0 and value:
        # Any text is a gene id; the gene then changes inside its block, here or on the next line.
        place = rf"train\.csv, line {line + 1 if line % 3 else line + 2}, column 1: found gene"
    with pytest.raises(InputError, match=place):
        read(file)
