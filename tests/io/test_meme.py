"""Motifs in the minimal MEME format: what is read, under which name, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gxtool.errors import InputError
from gxtool.io.meme import read_meme

TEXT = """MEME version 4

ALPHABET= ACGT

strands: + -

Background letter frequencies (from uniform background):
A 0.30000 C 0.20000 G 0.20000
T 0.30000

MOTIF M1 first
letter-probability matrix: alength= 4 w= 2 nsites= 20 E= 0
 1.0  0.0  0.0  0.0
 0.1  0.2  0.3  0.4
URL http://x.invalid/M1

MOTIF M2 second
letter-probability matrix: alength= 4 w= 1
 0.25 0.25 0.25 0.25
"""


def write(path: Path, text: str = TEXT) -> Path:
    path.write_text(text)
    return path


def test_motifs_with_their_background(tmp_path: Path) -> None:
    one, two = read_meme(write(tmp_path / "a.meme"))
    assert (one.name, two.name) == ("first", "second")
    assert one.probabilities.tolist() == [[1, 0, 0, 0], [0.1, 0.2, 0.3, 0.4]]
    assert two.probabilities.shape == (1, 4)
    assert one.background == pytest.approx([0.3, 0.2, 0.2, 0.3])


def test_names_that_are_not_all_different_give_way_to_ids(tmp_path: Path) -> None:
    found = read_meme(write(tmp_path / "a.meme", TEXT.replace("second", "first")))
    assert [motif.name for motif in found] == ["M1", "M2"]
    found = read_meme(write(tmp_path / "b.meme", TEXT.replace("M2 second", "M2")))
    assert [motif.name for motif in found] == ["M1", "M2"]


def test_without_background_letters_are_as_likely(tmp_path: Path) -> None:
    start, end = TEXT.index("Background"), TEXT.index("MOTIF")
    (one, _) = read_meme(write(tmp_path / "a.meme", TEXT[:start] + TEXT[end:]))
    assert one.background.tolist() == [0.25] * 4


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("MEME version 4", "motifs", "has no line that begins with MEME version"),
        ("MOTIF", "Motif", "has no line that begins with MOTIF"),
        ("ALPHABET= ACGT", "ALPHABET= ACGU", "line 3: the alphabet is ACGU, expected ACGT"),
        ("T 0.30000", "U 0.30000", "line 7: the frequencies below are of A C G U, expected A, C, G and T"),
        ("T 0.30000", "T 0.70000", "line 8: found 0.30000 0.20000 0.20000 0.70000, expected 4 probabilities"),
        ("MOTIF M2 second", "MOTIF", "line 17: has no name"),
        ("MOTIF M2 second", "MOTIF M1 second", "line 17: motif M1 stands on line 11 already"),
        ("w= 2", "w= 3", "line 12: motif first has 2 rows of probabilities, expected w= 3"),
        ("alength= 4 w= 2", "alength= 20 w= 2", r"motif first has 20 letters \(alength\), expected 4"),
        (" 0.1  0.2  0.3  0.4", " 0.1  0.2  0.3", "line 14: found 0.1 0.2 0.3, expected 4 probabilities"),
        (" 0.1  0.2  0.3  0.4", " 0.1  0.2  0.3  0.9", "line 14: found .* add up to 1"),
        (" 0.1  0.2  0.3  0.4", " 0.1  x  0.3  0.4", "line 14: found 0.1 x"),
        (" 0.1  0.2  0.3  0.4", "-0.1  0.4  0.3  0.4", "line 14: found -0.1"),
        (" 0.1  0.2  0.3  0.4", " nan  0.4  0.3  0.4", "line 14: found nan"),
        ("letter-probability matrix: alength= 4 w= 1\n", "", "line 17: motif second has no letter-probability matrix"),
    ],
)
def test_what_is_no_meme_is_refused_in_one_sentence(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in TEXT
    with pytest.raises(InputError, match=fault) as error:
        read_meme(write(tmp_path / "a.meme", TEXT.replace(old, new)))
    assert "\n" not in str(error.value)


@given(st.lists(st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4).filter(any), min_size=1), min_size=1))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, counts: list) -> None:
    motifs = [np.array(rows) / np.sum(rows, axis=1, keepdims=True) for rows in counts]
    lines = ["MEME version 5"]
    for number, rows in enumerate(motifs):
        lines += [f"MOTIF m{number}", f"letter-probability matrix: alength= 4 w= {len(rows)}"]
        lines += [" ".join(f"{value:.6f}" for value in row) for row in rows]
    found = read_meme(write(tmp_path_factory.mktemp("meme") / "a.meme", "\n".join(lines)))
    assert [motif.name for motif in found] == [f"m{number}" for number in range(len(motifs))]
    for motif, rows in zip(found, motifs, strict=True):
        assert motif.probabilities == pytest.approx(rows, abs=1e-5)
