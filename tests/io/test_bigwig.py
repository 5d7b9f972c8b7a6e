"""bigWig tracks: means over all bases of a bin, from files small enough to check by hand."""

from __future__ import annotations

import struct
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pybigtools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gxtool.errors import InputError
from gxtool.io.bigwig import BigWigTrack, integrate
from gxtool.io.bigwig_format import BigWigFile, Intervals
from gxtool.io.tracks import open_track

SIZES = {"chr1": 100, "chr2": 30}
SIGNAL = [("chr1", 10, 20, 2.0), ("chr1", 35, 40, -4.0), ("chr1", 90, 100, 8.0), ("chr2", 0, 30, 1.5)]


def write_bigwig(path: Path, sizes: dict[str, int] = SIZES, signal: list = SIGNAL) -> Path:
    pybigtools.open(str(path), "w").write(sizes, iter(signal))
    return path


@pytest.fixture
def bigwig(tmp_path: Path) -> Path:
    return write_bigwig(tmp_path / "signal.bw")


def bins(path: Path, chroms: list[str], starts: list[int], ends: list[int], n_bins: int) -> list[list[float]]:
    with open_track(path) as track:
        means = track.bins(chroms, np.array(starts), np.array(ends), n_bins)
    assert means.dtype == np.float32
    return means.tolist()


def test_uncovered_bases_count_as_zero(bigwig: Path) -> None:
    # 10-20 has 2 on every base; 5-15 on half of them; 30-40 has -4 on half of them.
    assert bins(bigwig, ["chr1"] * 3, [0, 5, 30], [20, 25, 50], 2) == [[0, 2], [1, 1], [-2, 0]]


def test_outside_of_the_chromosome_is_zero(bigwig: Path) -> None:
    # Of 90-110 and 25-35 only a part is there, -20-10 ends before any value, 200-220 and -40--20 are elsewhere.
    chroms = ["chr1", "chr2", "chr1", "chr1", "chr2"]
    found = bins(bigwig, chroms, [90, 25, -20, 200, -40], [110, 35, 10, 230, -10], 1)
    assert found == [[4], [0.75], [0], [0], [0]]


def test_chromosome_that_the_file_does_not_have_is_zero(bigwig: Path) -> None:
    assert bins(bigwig, ["chr9", "chr2", "chr"], [0, 0, 0], [30, 30, 30], 3) == [[0] * 3, [1.5] * 3, [0] * 3]


def test_file_without_data_is_zero(tmp_path: Path) -> None:
    path = big_endian_bigwig(tmp_path / "a.bw", [])
    assert bins(path, ["c"], [0], [60], 2) == [[0, 0]]


def test_windows_in_any_order_and_of_any_size_keep_their_rows(bigwig: Path) -> None:
    found = bins(bigwig, ["chr2", "chr1", "chr2", "chr1"], [6, 80, 0, 10], [12, 100, 2, 40], 2)
    assert found == [[1.5, 1.5], [0, 8], [1.5, 1.5], [pytest.approx(20 / 15), pytest.approx(-20 / 15)]]


def test_no_windows_give_no_rows(bigwig: Path) -> None:
    with open_track(bigwig) as track:
        assert track.bins([], np.empty(0, np.int64), np.empty(0, np.int64), 4).shape == (0, 4)


def test_track_says_what_it_is(bigwig: Path) -> None:
    with open_track(bigwig) as track:
        assert (track.kind, track.n_mapped, track.chrom_sizes) == ("bigwig", None, SIZES)
        assert track.path == str(bigwig)
        assert track.source["name"] == "signal.bw"
        assert track.source["bytes"] == bigwig.stat().st_size
        assert len(track.source["sha256"]) == 64


def test_window_that_bins_do_not_divide_is_refused(bigwig: Path) -> None:
    with open_track(bigwig) as track, pytest.raises(ValueError, match="window 5-12 cannot be cut into 2 bins"):
        track.bins(["chr1", "chr1"], np.array([0, 5]), np.array([10, 12]), 2)


def test_nan_in_the_file_counts_as_zero(tmp_path: Path) -> None:
    path = write_bigwig(tmp_path / "a.bw", {"chr1": 40}, [("chr1", 0, 10, float("nan")), ("chr1", 10, 20, 3.0)])
    assert bins(path, ["chr1"], [0], [40], 4) == [[0, 3, 0, 0]]


def test_infinite_value_is_named(tmp_path: Path) -> None:
    path = write_bigwig(tmp_path / "a.bw", {"chr1": 40}, [("chr1", 5, 10, 1.0), ("chr1", 10, 20, float("inf"))])
    with open_track(path) as track, pytest.raises(InputError) as caught:
        track.bins(["chr1"], np.array([0]), np.array([40]), 4)
    assert str(caught.value) == f"{path}: found the value inf at 10-20, expected finite numbers"


def test_sum_up_to_a_position_inside_between_and_around_intervals() -> None:
    signal = Intervals(np.array([2, 5]), np.array([4, 8]), np.array([3.0, -1.0]))
    assert integrate(signal, np.array([0, 2, 3, 4, 5, 7, 8, 99])).tolist() == [0, 0, 3, 6, 6, 4, 3, 3]


@st.composite
def signals(draw: st.DrawFn) -> list:
    """Ascending intervals on a chromosome of 300 bp."""
    edges = sorted(draw(st.sets(st.integers(0, 300), min_size=2, max_size=60)))
    values = st.floats(-1e4, 1e4, width=32).map(lambda value: round(value, 3))
    pairs = pairwise(edges)
    found = [("chr1", start, end, draw(values)) for start, end in pairs if draw(st.booleans())]
    return found or [("chr1", edges[0], edges[1], 1.0)]


@given(
    signal=signals(),
    windows=st.lists(st.tuples(st.integers(-100, 350), st.integers(1, 40)), min_size=1, max_size=12),
    n_bins=st.integers(1, 5),
)
def test_means_are_those_of_the_bases(tmp_path_factory, signal, windows, n_bins) -> None:
    path = write_bigwig(tmp_path_factory.mktemp("bw") / "a.bw", {"chr1": 300, "chr2": 7}, signal)
    bases = np.zeros(1000)  # position p is bases[p + 200]
    for _, start, end, value in signal:
        bases[200 + start : 200 + end] = value
    starts = [start for start, _ in windows]
    ends = [start + width * n_bins for start, width in windows]
    expected = [
        bases[200 + start : 200 + end].reshape(n_bins, -1).mean(axis=1) for start, end in zip(starts, ends, strict=True)
    ]
    found = bins(path, ["chr1"] * len(windows), starts, ends, n_bins)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * np.abs(bases).max())


def test_windows_read_in_many_groups_are_those_read_in_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    edges = np.sort(rng.choice(90_000, 20_000, replace=False)).tolist()
    signal = [("chr1", start, end, float(end % 97)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
    path = write_bigwig(tmp_path / "a.bw", {"chr1": 90_000}, signal)
    starts = rng.integers(-500, 90_000, 300).tolist()
    ends = [start + 700 for start in starts]
    one = bins(path, ["chr1"] * 300, starts, ends, 7)
    monkeypatch.setattr("gxtool.io.bigwig._AT_ONCE", 3000)
    np.testing.assert_allclose(bins(path, ["chr1"] * 300, starts, ends, 7), one, rtol=1e-6, atol=1e-6)


def big_endian_bigwig(path: Path, blocks: list[bytes]) -> Path:
    """Write a file of chromosome c (number 0, 60 bp) with uncompressed blocks and none of the optional parts."""
    chroms, index = 64, 64 + 32 + 4 + 9
    data = index + 48 + 4 + 32 * len(blocks)
    content = struct.pack(">IHHQQQHHQQIQ", 0x888FFC26, 4, 0, chroms, data, index, 0, 0, 0, 0, 0, 0)
    content += struct.pack(">IIIIQQ", 0x78CA8C91, 1, 1, 8, 1, 0) + struct.pack(">BBH1sII", 1, 0, 1, b"c", 0, 60)
    content += struct.pack(">IIQIIIIQII", 0x2468ACE0, 9, len(blocks), 0, 0, 0, 60, 0, 9, 0)
    content += struct.pack(">BBH", 1, 0, len(blocks))
    at = data
    for block in blocks:
        _, start, end = struct.unpack(">III", block[:12])
        content += struct.pack(">IIIIQQ", 0, start, 0, end, at, len(block))
        at += len(block)
    path.write_bytes(content + b"".join(blocks))
    return path


def test_all_notations_in_the_other_byte_order(tmp_path: Path) -> None:
    # Starts of spans of 3 bp; spans of 2 bp at steps of 4 bp; and intervals.
    variable = struct.pack(">IIIIIBBHIfIf", 0, 0, 9, 0, 3, 2, 0, 2, 0, 1.0, 6, 2.0)
    fixed = struct.pack(">IIIIIBBHff", 0, 20, 26, 4, 2, 3, 0, 2, 5.0, -5.0)
    graph = struct.pack(">IIIIIBBHIIf", 0, 40, 50, 0, 0, 1, 0, 1, 40, 50, 0.5)
    path = big_endian_bigwig(tmp_path / "a.bw", [variable, fixed, graph])
    with BigWigTrack(path) as track:
        bases = track.bins(["c"], np.array([0]), np.array([60]), 60)[0]
    expected = np.zeros(60)
    expected[0:3], expected[6:9], expected[20:22], expected[24:26], expected[40:50] = 1, 2, 5, -5, 0.5
    assert bases.tolist() == expected.tolist()


def refusal(path: Path | str) -> str:
    with pytest.raises(InputError) as caught, open_track(path) as track:
        track.bins(["chr1"], np.array([0]), np.array([100]), 2)
    return str(caught.value)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9])
def test_file_cut_short_is_named(tmp_path: Path, share: float) -> None:
    signal = [("chr1", 10 * number, 10 * number + 7, number / 7) for number in range(9000)]
    whole = write_bigwig(tmp_path / "whole.bw", {"chr1": 90_000}, signal).read_bytes()
    path = tmp_path / "cut.bw"
    path.write_bytes(whole[: int(len(whole) * share)])
    assert refusal(path) == f"{path}: ends too early (a cut-off download?), expected a complete bigWig file"


def test_damaged_block_is_named(bigwig: Path, tmp_path: Path) -> None:
    with BigWigTrack(bigwig) as track:
        offset, size = track._file.blocks[["offset", "size"]][0].item()
    content = bytearray(bigwig.read_bytes())
    content[offset : offset + size] = bytes(size)
    path = tmp_path / "broken.bw"
    path.write_bytes(content)
    assert refusal(path).startswith(f"{path}: is damaged (block at byte {offset}: ")


def said_of(path: Path) -> list[str]:
    """Return what a file is refused with, nothing when it gives numbers."""
    try:
        with BigWigTrack(path) as track:
            track.bins(["chr1", "chr2"], np.array([0, 5]), np.array([100, 25]), 10)
    except InputError as error:
        return [str(error)]
    return []


def test_damage_anywhere_gives_numbers_or_one_sentence(bigwig: Path, tmp_path: Path) -> None:
    rng, whole, path = np.random.default_rng(1), bigwig.read_bytes(), tmp_path / "damaged.bw"
    sentences = []
    for _ in range(400):
        content = np.frombuffer(whole, np.uint8).copy()
        places = rng.integers(4, len(content), 3)
        content[places] = rng.integers(0, 256, 3)
        path.write_bytes(content.tobytes()[: rng.integers(4, 2 * len(content))])
        sentences += said_of(path)
    assert 50 < len(sentences) < 380
    assert all(sentence.startswith(f"{path}: ") for sentence in sentences)


def test_block_in_no_known_notation_is_named(tmp_path: Path) -> None:
    path = big_endian_bigwig(tmp_path / "a.bw", [struct.pack(">IIIIIBBH", 0, 0, 9, 0, 3, 7, 0, 0)])
    with BigWigTrack(path) as track, pytest.raises(InputError, match="is none of the three notations"):
        track.bins(["c"], np.array([0]), np.array([60]), 1)


def test_overlapping_intervals_are_named(tmp_path: Path) -> None:
    block = struct.pack(">IIIIIBBHIIfIIf", 0, 0, 9, 0, 0, 1, 0, 2, 0, 6, 1.0, 5, 9, 1.0)
    path = big_endian_bigwig(tmp_path / "a.bw", [block])
    with BigWigTrack(path) as track, pytest.raises(InputError, match="intervals that overlap or are empty"):
        track.bins(["c"], np.array([0]), np.array([60]), 1)


def test_index_that_goes_in_circles_is_named(tmp_path: Path) -> None:
    path = big_endian_bigwig(tmp_path / "a.bw", [struct.pack(">IIIIIBBH", 0, 0, 9, 0, 3, 1, 0, 0)])
    content = bytearray(path.read_bytes())
    node = 64 + 32 + 4 + 9 + 48
    content[node] = 0  # a branch ...
    content[node + 20 : node + 28] = struct.pack(">Q", node)  # ... to itself
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"a tree goes in circles at byte {node}"):
        BigWigFile(path)


def test_other_files_are_named(tmp_path: Path, bigwig: Path) -> None:
    missing, empty, text, bed = (tmp_path / name for name in ("missing.bw", "empty.bw", "text.bw", "peaks.bb"))
    empty.touch()
    text.write_text("chr1\t0\t10\n")
    bed.write_bytes(struct.pack("<I", 0x8789F2EB) + bytes(60))
    assert refusal(missing) == f"{missing}: cannot be read (No such file or directory), expected a file"
    assert refusal(tmp_path) == f"{tmp_path}: cannot be read (Is a directory), expected a file"
    assert refusal(empty) == f"{empty}: is empty, expected a BAM, CRAM or bigWig file"
    expected = "expected a BAM, CRAM or bigWig file"
    made = "(`bedGraphToBigWig` makes a bigWig)"
    assert refusal(text) == f"{text}: is text (such as wiggle, bedGraph or BED), {expected} {made}"
    assert refusal(bed) == f"{bed}: is a bigBed file, which holds intervals without a signal, {expected}"
    named = f"{bigwig}##idx##{text}"
    assert refusal(named) == f"{named}: names an index, expected none (a bigWig file has its own inside)"


def test_gzipped_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "signal.bw"
    path.write_bytes(zlib.compress(b"chr1\t0\t10\n", wbits=31))
    assert refusal(path) == (
        f"{path}: is gzipped text (such as wiggle, bedGraph or BED), expected a BAM, CRAM or bigWig file "
        "(`bedGraphToBigWig` makes a bigWig)"
    )


def test_gzipped_bigwig_is_told_to_be_unpacked(tmp_path: Path, bigwig: Path) -> None:
    path = tmp_path / "signal.bw.gz"
    path.write_bytes(zlib.compress(bigwig.read_bytes(), wbits=31))
    assert refusal(path) == (
        f"{path}: is a gzipped bigWig file, expected it unpacked (`gunzip` does it: windows are read from within the "
        "file)"
    )


def test_gzipped_bigbed_and_bam_packed_twice_are_named(tmp_path: Path) -> None:
    path = tmp_path / "peaks.bb.gz"
    path.write_bytes(zlib.compress(struct.pack("<I", 0x8789F2EB) + bytes(60), wbits=31))
    assert "is a gzipped bigBed file, which holds intervals without a signal" in refusal(path)
    path.write_bytes(zlib.compress(zlib.compress(b"BAM\1", wbits=31), wbits=31))
    assert "is gzipped twice" in refusal(path)
