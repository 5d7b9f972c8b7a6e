"""Text that may be packed: bounds that hold whatever a stream unpacks to, and what is no text of ours."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from gxtool.errors import InputError
from gxtool.io.archives import archive_members, unpack
from gxtool.io.bed import read_bed
from gxtool.io.dream_subsets import read_subsets
from gxtool.io.expression import read_expression
from gxtool.io.fasta import read_contigs
from gxtool.io.gtf import read_genes
from gxtool.io.meme import read_meme
from gxtool.io.packed import read_content, read_lines
from gxtool.io.promoters import PromoterReader, PromoterSource
from gxtool.io.samplesheet import read_samplesheet
from gxtool.io.submission import read_predictions, read_submission
from gxtool.io.variants import read_variants

READERS = {
    "samplesheet": lambda path: read_samplesheet(path, ["sample"]),
    "bed": read_bed,
    "gtf": read_genes,
    "fasta": lambda path: list(read_contigs(path)),
    "expression": read_expression,
    "variants": read_variants,
    "meme": read_meme,
    "promoters": lambda path: list(PromoterReader(PromoterSource(path))),
    "submission": read_submission,
    "predictions": read_predictions,
}


def refusal(read: object, path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)  # type: ignore[operator]
    sentence = str(caught.value)
    assert sentence.startswith(str(path))
    assert "\n" not in sentence
    assert len(sentence) < 700
    return sentence


def gzip_of(pattern: bytes, size: int) -> bytes:
    """Return a gzip file of a pattern repeated up to `size` bytes, without ever holding them."""
    packer, out, piece = zlib.compressobj(9, wbits=31), [], pattern * ((1 << 20) // len(pattern))
    for _ in range(size // len(piece)):
        out.append(packer.compress(piece))
    return b"".join([*out, packer.flush()])


BOMBS = {
    "zeros": b"\0",
    "one line": b"ACGT",
    "blank lines": b" " * 63 + b"\n",
    "comments": b"#" * 63 + b"\n",
    "rows": b"a" * 60 + b"\t1 \n",
}
"""What a stream repeats; a power of two of bytes each."""

CHILD = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from test_packed import READERS
from gxtool.errors import InputError
for path in map(Path, sys.argv[2:]):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        READERS[sys.argv[1]](path)
        said = "read"
    except InputError as error:
        said = str(error)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, said)
"""


@pytest.fixture(scope="module")
def bombs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Write gzip files of a few hundred KB that unpack to 16 MiB each."""
    folder = tmp_path_factory.mktemp("bombs")
    for name, pattern in BOMBS.items():
        (folder / f"{name.replace(' ', '-')}.gz").write_bytes(gzip_of(pattern, 16 << 20))
    return sorted(folder.iterdir())


@pytest.mark.parametrize("reader", READERS)
def test_no_gzip_bomb_takes_memory(bombs: list[Path], reader: str) -> None:
    command = [sys.executable, "-c", CHILD.format(here=str(Path(__file__).parent)), reader, *map(str, bombs)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    lines = result.stdout.splitlines()
    for path, line in zip(bombs, lines, strict=True):
        grown, _, said = line.partition(" ")
        assert said.startswith(str(path)), said
        assert int(grown) < 120_000, line


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("sample\tdata\nE003\tx\n".encode("utf-16"), "UTF-16"),
        (b"a\tb\rc\td\re\tf\r", "lines that end with CR alone"),
        (b"sample\tda\x00ta\nE003\tx\n", "null byte"),
        (b"x" * (17 << 20), "a line of more than"),
    ],
    ids=["UTF-16", "CR only", "null byte", "a line of 17 MiB"],
)
def test_no_text_of_ours_is_named(tmp_path: Path, reader: str, content: bytes, sentence: str) -> None:
    own = {
        "fasta": {"UTF-16": "begins with", "lines that": "begins with", "null": "begins with", "a line": "begins with"},
        "promoters": {
            "UTF-16": "no text",
            "lines that": "line 1",
            "null": "line 1",
            "a line": "a line of more than 16 MiB",
        },
    }
    expected = next((text for key, text in own.get(reader, {}).items() if sentence.startswith(key)), sentence)
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    assert expected in refusal(READERS[reader], path)


def test_field_beyond_the_limit_of_csv_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'sample,data\nE003,"' + b"x" * 140_000 + b'"\n')
    table = tmp_path / "b.csv"
    table.write_bytes(b'id,ref_sequence,alt_sequence\nx,A,"' + b"A" * 140_000 + b'"\n')
    for read, file in ((READERS["samplesheet"], path), (read_expression, path), (read_variants, table)):
        assert "line 2: holds a field of more than 131,072 characters, expected a closing quote" in refusal(read, file)
    (tmp_path / "yeast_seqs.csv").write_bytes(b'pos\n"' + b"x" * 140_000 + b'"\n')
    with pytest.raises(InputError, match="holds a field of more than 131,072 characters"):
        read_subsets(tmp_path)


def test_quote_that_is_not_closed_does_not_take_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'sample,data\nE003,"x\n' + b"E004,y\n" * 100_000)
    assert "expected a closing quote" in refusal(READERS["samplesheet"], path)


@pytest.mark.parametrize("number", ["9" * 20, "9" * 5000, "1e999", "-1", "1_000", "٣"])
def test_numbers_that_are_none_of_64_bits_are_named(tmp_path: Path, number: str) -> None:
    texts = {
        "bed": f"chr1\t0\t{number}\n",
        "gtf": f'chr1\tx\tgene\t1\t{number}\t.\t+\t.\tgene_id "a";\n',
        "expression": "a\t1\nb\t" + (number if not number.startswith("9") else "1e999") + "\n",
        "variants": f"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\n1\t{number}\t.\tA\tC\n",
        "predictions": "ACGT\t" + (number if number == "1e999" else "x") + "\n",
    }
    for reader, text in texts.items():
        path = tmp_path / f"{reader}.txt"
        path.write_text(text, encoding="utf-8")
        assert "found" in refusal(READERS[reader], path)


def test_whole_table_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"abc\n" * 1000)
    assert read_content(path, "a", "text", 4000).text == path.read_bytes()
    with pytest.raises(InputError, match="holds more than"):
        read_content(path, "a", "text", 3999)
    with pytest.raises(InputError, match="holds more than"):
        list(read_lines(path, "a", "text", largest=3999))
    with pytest.raises(InputError, match="line 1: holds a line of more than 2 bytes"):
        list(read_lines(path, "a", "text", longest=2))


def test_lines_of_a_hundred_thousand_rows_are_read_in_seconds(tmp_path: Path) -> None:
    import time

    path = tmp_path / "a.csv"
    path.write_text("sample,data\n" + "".join(f"s{n},data/{n}.csv\n" for n in range(100_000)))
    start = time.process_time()
    assert len(read_samplesheet(path, ["sample", "data"])) == 100_000
    assert time.process_time() - start < 10


def archive(folder: Path, kind: str, members: dict[str, bytes]) -> Path:
    path = folder / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in members.items():
                packed.writestr(name, content)
    else:
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as packed:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                packed.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_members_that_unpack_to_far_more_than_their_size_are_refused(tmp_path: Path, kind: str) -> None:
    path = archive(tmp_path, kind, {"train.csv": bytes(100 << 20)})
    with pytest.raises(InputError, match="unpacks to more than 250 times"):
        unpack(path, ["train.csv"], tmp_path / "out", 1 << 30)
    written = [file.stat().st_size for file in tmp_path.glob("out/*")]
    assert sum(written) <= 65 << 20


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_member_beyond_the_bound_of_a_table_is_refused(tmp_path: Path, kind: str) -> None:
    path = archive(tmp_path, kind, {"a/train.csv": b"12345", "../x/test.csv": b"1", "notes.txt": b"1"})
    with pytest.raises(InputError, match="leads out of the archive"):
        archive_members(path, ["train.csv", "test.csv"])
    path = archive(tmp_path, kind, {"a/train.csv": b"12345", "notes.txt": b"1"})
    assert archive_members(path, ["train.csv"]) == [("a/train.csv", 5)]
    with pytest.raises(InputError, match=r"a/train.csv: holds more than"):
        unpack(path, ["a/train.csv"], tmp_path / "out", 4)


def test_header_of_a_tar_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 3 << 30
    path.write_bytes(gzip.compress(header.tobuf() + bytes(1 << 20)))
    with pytest.raises(InputError, match="is damaged or cut short .*a header of 3,221,225,472 bytes"):
        archive_members(path, ["train.csv"])


def test_encrypted_zip_is_named(tmp_path: Path) -> None:
    path = archive(tmp_path, "zip", {"train.csv": b"1,2\n"})
    content = bytearray(path.read_bytes())
    for signature, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(signature) + place] |= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="encrypted"):
        unpack(path, ["train.csv"], tmp_path / "out", 1 << 20)
