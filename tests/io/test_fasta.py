"""FASTA contig by contig: line ends, packing, blocks of any size, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gxtool.errors import InputError
from gxtool.io import fasta
from gxtool.io.fasta import read_contigs

TEXT = b">chr1 first one > of two\r\nACgt\r\nN\r\n\r\n>2\nGG GG\nT"


@pytest.mark.parametrize("block", [1, 2, 3, 5, 7, 1 << 24])
def test_contigs_in_order_whatever_is_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(fasta, "_BLOCK", block)
    (tmp_path / "a.fa").write_bytes(TEXT)
    assert list(read_contigs(tmp_path / "a.fa")) == [("chr1", b"ACgtN"), ("2", b"GGGGT")]
    (tmp_path / "a.fa.gz").write_bytes(gzip.compress(TEXT[:20]) + gzip.compress(TEXT[20:]))  # as bgzip writes it
    assert list(read_contigs(tmp_path / "a.fa.gz", lambda name: name == "2")) == [("chr1", None), ("2", b"GGGGT")]


def test_an_empty_contig_has_no_letters(tmp_path: Path) -> None:
    (tmp_path / "a.fa").write_bytes(b">a\n>b\nAC\n>c")
    assert list(read_contigs(tmp_path / "a.fa")) == [("a", b""), ("b", b"AC"), ("c", b"")]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"", "is empty, expected sequences in FASTA"),
        (b"ACGT\n", "begins with b'A', expected sequences in FASTA"),
        (b">a\nAC\n> \nGG\n", "sequence 2 has no name"),
        (b">a\nAC\n>a\nGG\n", "sequence a stands there twice"),
    ],
)
def test_what_is_no_fasta_is_refused(tmp_path: Path, text: bytes, fault: str) -> None:
    (tmp_path / "a.fa").write_bytes(text)
    with pytest.raises(InputError, match=fault):
        list(read_contigs(tmp_path / "a.fa"))


@given(st.lists(st.text("ACGTN", max_size=30), min_size=1, max_size=4), st.integers(1, 12), st.integers(1, 40))
def test_every_letter_comes_back(
    tmp_path_factory: pytest.TempPathFactory, contigs: list[str], width: int, block: int
) -> None:
    path = tmp_path_factory.mktemp("fasta") / "a.fa"
    lines = []
    for number, letters in enumerate(contigs):
        lines += [f">c{number}", *(letters[first : first + width] for first in range(0, len(letters), width))]
    path.write_text("\n".join(lines) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fasta, "_BLOCK", block)
        assert [letters.decode() for _, letters in read_contigs(path)] == contigs
