"""BAM and CRAM tracks: reads counted in bins, from files small enough to check by hand."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gxtool.errors import InputError
from gxtool.io.bam import CountRules, count_overlaps, merge
from gxtool.io.tracks import open_track

SIZES = {"chr1": 1000, "chr2": 300}
MINUS, SECONDARY, QC_FAIL, DUPLICATE, SUPPLEMENTARY = 0x10, 0x100, 0x200, 0x400, 0x800
needs_bedtools = pytest.mark.skipif(not shutil.which("bedtools"), reason="bedtools is not installed")


class Read(NamedTuple):
    """A read as it stands in the file; `length` is that of its template, signed."""

    chrom: str
    start: int
    cigar: str = "10M"
    flag: int = 0
    mapq: int = 60
    length: int = 0


def write_reads(path: Path, reads: Sequence[Read], sizes: dict[str, int] = SIZES, **options: str) -> Path:
    """Write reads sorted by position, and the index."""
    contigs = [{"SN": name, "LN": size} for name, size in sizes.items()]
    header = pysam.AlignmentHeader.from_dict({"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": contigs})
    mode = "wc" if path.suffix == ".cram" else "wb"
    with pysam.AlignmentFile(str(path), mode, header=header, **options) as file:
        order = list(sizes)
        for number, read in enumerate(sorted(reads, key=lambda read: (order.index(read.chrom), read.start))):
            record = pysam.AlignedSegment(header)
            record.query_name, record.flag, record.mapping_quality = f"r{number}", read.flag, read.mapq
            record.reference_name, record.reference_start = read.chrom, read.start
            record.cigarstring, record.template_length = read.cigar, read.length
            if read.length:
                record.next_reference_name, record.next_reference_start = read.chrom, read.start
            n_bases = record.infer_query_length() or 10
            record.query_sequence, record.query_qualities = "A" * n_bases, pysam.qualitystring_to_array("I" * n_bases)
            file.write(record)
    pysam.index(str(path))
    return path


def counts(path: Path | str, chroms: list[str], starts: list[int], ends: list[int], n_bins: int, **rules: int) -> list:
    with open_track(path, CountRules(**rules)) as track:
        found = track.bins(chroms, np.array(starts), np.array(ends), n_bins)
    assert found.dtype == np.uint32
    return found.tolist()


def multicov(path: Path, chroms: Sequence[str], starts: Sequence[int], ends: Sequence[int], n_bins: int) -> list:
    """Count with bedtools, bin by bin; bins lie inside the chromosome."""
    bed = path.with_suffix(".bed")
    lines = []
    for chrom, start, end in zip(chroms, starts, ends, strict=True):
        step = (end - start) // n_bins
        lines += [f"{chrom}\t{start + step * b}\t{start + step * (b + 1)}\n" for b in range(n_bins)]
    bed.write_text("".join(lines))
    command = ["bedtools", "multicov", "-bams", str(path), "-bed", str(bed)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return np.reshape([int(line.split("\t")[-1]) for line in done.stdout.splitlines()], (-1, n_bins)).tolist()


def test_read_on_an_edge_counts_in_both_bins(tmp_path: Path) -> None:
    path = write_reads(tmp_path / "a.bam", [Read("chr1", 95), Read("chr1", 100), Read("chr1", 110), Read("chr2", 95)])
    # 95-105 lies in both bins, 100-110 in the second, 110-120 in neither: ends are outside.
    assert counts(path, ["chr1"], [90], [110], 2) == [[1, 2]]
    assert counts(path, ["chr1", "chr2"], [105, 104], [106, 105], 1) == [[1], [1]]


def test_outside_of_the_chromosome_nothing_counts(tmp_path: Path) -> None:
    path = write_reads(tmp_path / "a.bam", [Read("chr1", 0), Read("chr1", 990), Read("chr2", 295)])
    found = counts(path, ["chr1"] * 4 + ["chr2"], [-20, 980, 1000, -40, 280], [20, 1020, 1040, 0, 320], 4)
    # The read 295-305 reaches beyond chr2; the part beyond does not count.
    assert found == [[0, 0, 1, 0], [0, 1, 0, 0], [0] * 4, [0] * 4, [0, 1, 0, 0]]


def test_chromosome_that_is_absent_or_has_no_reads_is_zero(tmp_path: Path) -> None:
    path = write_reads(tmp_path / "a.bam", [Read("chr1", 5)])
    assert counts(path, ["chr2", "1", "chr1"], [0, 0, 0], [30, 30, 30], 3) == [[0] * 3, [0] * 3, [1, 1, 0]]


def test_no_windows_give_no_rows(tmp_path: Path) -> None:
    with open_track(write_reads(tmp_path / "a.bam", [Read("chr1", 5)])) as track:
        assert track.bins([], np.empty(0, np.int64), np.empty(0, np.int64), 4).shape == (0, 4)


def test_track_says_what_it_is(tmp_path: Path) -> None:
    path = write_reads(tmp_path / "a.bam", [Read("chr1", 5), Read("chr1", 7, flag=DUPLICATE), Read("chr2", 9, flag=4)])
    with open_track(str(path)) as track:
        assert (track.kind, track.path, track.chrom_sizes) == ("bam", str(path), SIZES)
    # Also behind the end: a manifest is written last. The unmapped read is placed, but not mapped.
    assert track.n_mapped == 2
    assert (track.source["name"], track.source["bytes"]) == ("a.bam", path.stat().st_size)


FLAGS = [Read("chr1", 20 * number, flag=flag) for number, flag in enumerate((0, MINUS, 4, 0x100, 0x200, 0x400, 0x800))]


def test_unmapped_secondary_failed_and_duplicate_reads_do_not_count(tmp_path: Path) -> None:
    path = write_reads(tmp_path / "a.bam", FLAGS)
    assert counts(path, ["chr1"], [0], [140], 7) == [[1, 1, 0, 0, 0, 0, 1]]


@needs_bedtools
def test_bedtools_counts_secondary_and_placed_unmapped_reads_too(tmp_path: Path) -> None:
    path = write_reads(tmp_path / "a.bam", FLAGS)
    expected = [[1, 1, 1, 1, 0, 0, 1]]
    assert multicov(path, ["chr1"], [0], [140], 7) == expected
    assert counts(path, ["chr1"], [0], [140], 7, skip_flags=QC_FAIL | DUPLICATE) == expected


def test_smallest_mapping_quality_that_counts(tmp_path: Path) -> None:
    path = write_reads(tmp_path / "a.bam", [Read("chr1", 0, mapq=mapq) for mapq in (0, 10, 30)])
    assert [counts(path, ["chr1"], [0], [5], 1, min_mapq=mapq) for mapq in (0, 10, 11)] == [[[3]], [[2]], [[1]]]


CIGARS = [
    Read("chr1", 100, "5M40N5M"),  # 100-150 with an intron
    Read("chr1", 200, "5M10D5M"),  # 200-220
    Read("chr1", 240, "5S10M5H"),  # 240-250
    Read("chr1", 260, "5M5I5M"),  # 260-270
]


def test_introns_and_deletions_count_and_clipped_bases_do_not(tmp_path: Path) -> None:
    path = write_reads(tmp_path / "a.bam", CIGARS)
    assert counts(path, ["chr1"], [100], [160], 6) == [[1, 1, 1, 1, 1, 0]]
    assert counts(path, ["chr1"], [200], [280], 8) == [[1, 1, 0, 0, 1, 0, 1, 0]]


@needs_bedtools
def test_bedtools_sees_introns_deletions_and_clipped_bases_the_same(tmp_path: Path) -> None:
    path = write_reads(tmp_path / "a.bam", CIGARS)
    starts, ends = list(range(90, 290, 7)), list(range(97, 297, 7))
    chroms = ["chr1"] * len(starts)
    assert counts(path, chroms, starts, ends, 7) == multicov(path, chroms, starts, ends, 7)


def test_long_read_counts_once_in_every_region_it_spans(tmp_path: Path) -> None:
    # The windows are too far apart to be read in one go; the read is met in both regions.
    path = write_reads(tmp_path / "a.bam", [Read("big", 50, "10M60000N10M"), Read("big", 30_000)], {"big": 100_000})
    starts = [60_060, 0, 30_000, 90_000]
    assert counts(path, ["big"] * 4, starts, [start + 20 for start in starts], 1) == [[1], [0], [2], [0]]
    assert counts(path, ["big"] * 2, [40, 60_065], [60, 60_075], 2) == [[0, 1], [1, 0]]


def test_extension_goes_downstream_of_each_strand(tmp_path: Path) -> None:
    path = write_reads(tmp_path / "a.bam", [Read("chr1", 100), Read("chr1", 190, flag=MINUS)])
    # 10 bp each; made 35 bp long: 100-135 and 165-200.
    assert counts(path, ["chr1"], [90], [210], 12) == [[0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]]
    assert counts(path, ["chr1"], [90], [210], 12, extend=35) == [[0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0]]


def test_extension_reaches_windows_that_the_read_does_not_and_stops_at_the_chromosome(tmp_path: Path) -> None:
    path = write_reads(tmp_path / "a.bam", [Read("chr2", 20, flag=MINUS), Read("chr2", 280)])
    assert counts(path, ["chr2"] * 3, [0, -10, 295], [10, 0, 305], 2, extend=60) == [[1, 1], [0, 0], [1, 0]]


def test_extension_leaves_longer_reads_and_reads_of_pairs_alone(tmp_path: Path) -> None:
    path = write_reads(tmp_path / "a.bam", [Read("chr1", 0, "30M"), Read("chr1", 100, flag=0x1 | 0x8)])
    assert counts(path, ["chr1"], [0], [140], 14, extend=20) == [[1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]]


# A proper pair of 200 bp (100-300), its mates 99 and 147; a pair on two strands of another chromosome's; a single read.
PAIRS = [
    Read("chr1", 100, flag=99, length=200),
    Read("chr1", 290, flag=147, length=-200),
    Read("chr1", 400, flag=0x1 | 0x40, length=100),
    Read("chr1", 490, flag=0x1 | 0x80 | MINUS, length=-100),
    Read("chr1", 500),
    Read("chr1", 120, flag=99 | SUPPLEMENTARY, length=200),
]


def test_fragment_counts_once_at_its_centre(tmp_path: Path) -> None:
    path = write_reads(tmp_path / "a.bam", PAIRS)
    assert counts(path, ["chr1"], [0], [600], 6, fragments=True) == [[0, 0, 1, 0, 0, 1]]
    # The centre is base 200: neither mate lies in these bins.
    assert counts(path, ["chr1"] * 2, [199, 201], [201, 203], 2, fragments=True) == [[0, 1], [0, 0]]


def test_fragment_that_is_too_long_does_not_count(tmp_path: Path) -> None:
    reads = [Read("long", 100, flag=99, length=2000), Read("long", 100, flag=99, length=2001)]
    path = write_reads(tmp_path / "a.bam", reads, {"long": 9000})
    assert counts(path, ["long"], [1100], [1101], 1, fragments=True) == [[1]]
    assert counts(path, ["long"], [0], [9000], 1, fragments=True) == [[1]]


def test_regions_to_read_are_ascending_and_disjoint() -> None:
    starts, ends = np.array([90_000, 0, 100, 40_000, 500]), np.array([91_000, 1000, 200, 40_000, 20_000])
    assert merge(starts, ends, 0) == [(0, 20_000), (90_000, 91_000)]
    assert merge(starts, ends, 50) == [(0, 20_050), (89_950, 91_050)]
    assert merge(starts[:0], ends[:0], 50) == []


def test_overlaps_of_intervals_with_bins() -> None:
    edges = np.array([[0, 4, 8], [3, 5, 7]])
    assert count_overlaps(np.array([5, 0, 4]), np.array([6, 3, 8]), edges).tolist() == [[1, 2], [1, 2]]


READS = st.builds(
    Read,
    chrom=st.sampled_from(list(SIZES)),
    start=st.integers(0, 260),
    cigar=st.sampled_from(["10M", "1M", "7M", "3S12M", "4M30N4M", "2M3D2M", "40M"]),
    flag=st.sampled_from([0, 0, MINUS, MINUS, DUPLICATE, QC_FAIL, SUPPLEMENTARY]),
    mapq=st.integers(0, 60),
    length=st.just(0),
)
WINDOWS = st.tuples(st.sampled_from(list(SIZES)), st.integers(0, 200), st.integers(1, 12))


def span(cigar: str) -> int:
    return sum(int(n) for n, kind in zip(*[iter(pieces(cigar))] * 2, strict=True) if kind in "MDN")


def pieces(cigar: str) -> list[str]:
    return "".join(letter if letter.isdigit() else f" {letter} " for letter in cigar).split()


@given(
    reads=st.lists(READS, max_size=25),
    windows=st.lists(WINDOWS, min_size=1, max_size=6),
    n_bins=st.integers(1, 8),
    min_mapq=st.sampled_from([0, 30]),
    extend=st.sampled_from([0, 25]),
)
def test_counts_are_those_of_one_read_after_the_other(tmp_path_factory, reads, windows, n_bins, min_mapq, extend):
    path = write_reads(tmp_path_factory.mktemp("bam") / "a.bam", reads)
    chroms, starts, widths = map(list, zip(*windows, strict=True))
    ends = [start + width * n_bins for start, width in zip(starts, widths, strict=True)]
    expected = np.zeros((len(windows), n_bins), int)
    for read in reads:
        if read.flag & (DUPLICATE | QC_FAIL) or read.mapq < min_mapq:
            continue
        first, last = read.start, read.start + span(read.cigar)
        if extend:
            first, last = (min(first, last - extend), last) if read.flag & MINUS else (first, max(last, first + extend))
        for row, (chrom, start, width) in enumerate(windows):
            for column in range(n_bins):
                a, b = start + width * column, start + width * (column + 1)
                bases = set(range(a, b)) & set(range(first, last)) & set(range(SIZES[chrom]))
                expected[row, column] += chrom == read.chrom and bool(bases)
    found = counts(path, chroms, starts, ends, n_bins, min_mapq=min_mapq, extend=extend)
    assert found == expected.tolist()


@needs_bedtools
def test_many_random_reads_are_counted_as_bedtools_does(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    sizes = {"chr1": 150_000, "chr2": 90_000}
    reads = [
        Read(chrom, int(start), str(rng.choice(["36M", "20M200N16M", "4S30M2D2M"])), int(flag), int(rng.integers(60)))
        for chrom, size in sizes.items()
        for start, flag in zip(
            rng.integers(0, size - 300, 2000), rng.choice([0, 16, 512, 1024, 2048], 2000), strict=True
        )
    ]
    path = write_reads(tmp_path / "a.bam", reads, sizes)
    chroms = rng.choice(list(sizes), 40).tolist()
    starts = [int(rng.integers(0, sizes[chrom] - 1000)) for chrom in chroms]
    ends = [start + 1000 for start in starts]
    found = counts(path, chroms, starts, ends, 20)
    assert found == multicov(path, chroms, starts, ends, 20)
    assert 500 < np.sum(found) < 4000


@pytest.fixture
def cram(tmp_path: Path) -> Path:
    """Return a CRAM whose reference is gone: chr1 of SIZES lies in reference.fa, moved away."""
    fasta = tmp_path / "reference.fa"
    fasta.write_text("".join(f">{name}\n{'ACGT' * (size // 4)}\n" for name, size in SIZES.items()))
    pysam.faidx(str(fasta))
    path = write_reads(tmp_path / "a.cram", [*FLAGS, *CIGARS, *PAIRS], reference_filename=str(fasta))
    fasta.rename(tmp_path / "moved.fa")
    Path(f"{fasta}.fai").rename(tmp_path / "moved.fa.fai")
    return path


@pytest.mark.parametrize("rules", [{}, {"min_mapq": 30}, {"extend": 40}, {"fragments": True}, {"skip_flags": 0}])
def test_cram_counts_like_the_same_bam_and_needs_no_reference(tmp_path: Path, cram: Path, rules: dict) -> None:
    bam = write_reads(tmp_path / "a.bam", [*FLAGS, *CIGARS, *PAIRS])
    windows = (["chr1", "chr1", "chr2"], [0, 100, 0], [600, 700, 300], 60)
    assert counts(cram, *windows, **rules) == counts(bam, *windows, **rules)
    with open_track(cram) as one, open_track(bam) as other:
        assert (one.kind, one.n_mapped, one.chrom_sizes) == ("cram", other.n_mapped, other.chrom_sizes)


def refusal(path: Path | str, reference: str | None = None) -> str:
    with pytest.raises(InputError) as caught, open_track(path, reference=reference) as track:
        track.bins(["chr1"], np.array([0]), np.array([1000]), 2)
    return str(caught.value)


def test_reference_of_a_cram_must_have_its_chromosomes(cram: Path, tmp_path: Path) -> None:
    other, fai = tmp_path / "other.fa", tmp_path / "other.index"
    assert refusal(cram, str(other)) == f"{other}: is no file, expected the reference (FASTA) of {cram}"
    other.write_text(">chr1\nACGT\n")
    assert refusal(cram, str(other)) == f"{other}: has no index, expected {other}.fai (`samtools faidx` makes it)"
    fai.write_text("chr1\t999\t6\t4\t5\n")
    named = f"{other}##idx##{fai}"
    assert refusal(cram, named) == f"{other}: has chr1 with 999 bp, expected chr1 with 1000 bp as in {cram}"
    fai.write_text("chr1\t1000\t6\t4\t5\n")
    assert refusal(cram, named) == f"{other}: has no chr2, expected chr2 with 300 bp as in {cram}"
    fai.write_text("1000 chr1\n")
    assert refusal(cram, named) == f"{fai}: is no index of a FASTA file, expected the .fai of {other}"
    with open_track(cram, reference=str(tmp_path / "moved.fa")) as track:
        assert track.bins(["chr1"], np.array([500]), np.array([510]), 1).tolist() == [[1]]


def test_index_may_be_named_and_may_be_csi(tmp_path: Path) -> None:
    path = write_reads(tmp_path / "a.bam", [Read("chr1", 5)])
    Path(f"{path}.bai").unlink()
    index = tmp_path / "elsewhere.csi"
    pysam.index("-c", str(path), str(index))
    named = f"{path}##idx##{index}"
    assert counts(named, ["chr1"], [0], [10], 1) == [[1]]
    with open_track(named) as track:
        assert (track.path, track.n_mapped, track.source["name"]) == (named, 1, "a.bam")


def test_missing_index_is_named(tmp_path: Path, cram: Path) -> None:
    path = write_reads(tmp_path / "a.bam", [Read("chr1", 5)])
    Path(f"{path}.bai").unlink()
    Path(f"{cram}.crai").unlink()
    expected = "has no index, expected a sound a.bam.bai beside it (`samtools index a.bam` makes it)"
    assert refusal(path) == f"{path}: {expected}"
    assert refusal(cram) == f"{cram}: {expected.replace('a.bam.bai', 'a.cram.crai').replace('a.bam', 'a.cram')}"
    gone = tmp_path / "gone.bai"
    named = f"{path}##idx##{gone}"
    assert refusal(named) == f"{gone}: cannot be read (No such file or directory), expected a file"
    gone.write_text("no index")
    assert refusal(named).startswith(f"{gone}: is damaged or cut short (other first bytes)")


def big_bam(path: Path) -> Path:
    """Write a BAM of several blocks."""
    rng = np.random.default_rng(1)
    return write_reads(path, [Read("chr1", int(start)) for start in rng.integers(0, 900, 9000)])


def test_bam_cut_short_is_named(tmp_path: Path) -> None:
    path = big_bam(tmp_path / "a.bam")
    content = path.read_bytes()
    expected = f"{path}: ends without an end-of-file block (a cut-off download?), expected a complete BAM file"
    for size in (len(content) - 28, len(content) - 1, len(content) // 2, 300):
        path.write_bytes(content[:size])
        assert refusal(path) == expected


def test_cram_cut_short_is_named(cram: Path) -> None:
    content = cram.read_bytes()
    for size in (len(content) - 38, len(content) - 20, len(content) // 2):
        cram.write_bytes(content[:size])
        assert refusal(cram).startswith(f"{cram}: ends without an end-of-file block (a cut-off download?)")


def test_damaged_block_is_named(tmp_path: Path) -> None:
    path = big_bam(tmp_path / "a.bam")
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    content[half : half + 100] = bytes(100)
    path.write_bytes(content)
    assert refusal(path) == f"{path}: is damaged or cut short (truncated file), expected a sound BAM file"


def test_damaged_block_of_a_cram_is_named(cram: Path) -> None:
    content = bytearray(cram.read_bytes())
    content[-200:-100] = bytes(100)
    cram.write_bytes(content)
    expected = f"{cram}: is damaged or cut short (truncated file), expected a sound CRAM file"
    assert refusal(cram) == expected
    with open_track(cram) as track, pytest.raises(InputError) as caught:
        _ = track.n_mapped
    assert str(caught.value) == expected


def test_damaged_header_is_named(tmp_path: Path) -> None:
    path = write_reads(tmp_path / "a.bam", [Read("chr1", 5)])
    content = bytearray(path.read_bytes())
    content[40:60] = bytes(20)
    path.write_bytes(content)
    assert refusal(path).startswith(f"{path}: is damaged (first block: Error -3")


def test_sam_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.bam"
    path.write_text("@HD\tVN:1.6\n@SQ\tSN:chr1\tLN:1000\n")
    assert refusal(path) == (
        f"{path}: is a SAM file, expected a BAM, CRAM or bigWig file "
        "(`samtools sort` and `samtools index` make a BAM of it)"
    )


def test_nothing_is_said_on_stderr(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    path = big_bam(tmp_path / "a.bam")
    os.utime(f"{path}.bai", (0, 0))  # older than the reads: htslib remarks on it
    content = bytearray(path.read_bytes())
    content[-9000:-8000] = bytes(1000)
    path.write_bytes(content)
    refusal(path)
    assert capfd.readouterr().err == ""


def test_damaged_index_is_named_and_never_given_to_htslib(tmp_path: Path) -> None:
    """htslib 1.24 frees memory twice at an index that ends inside the counts of a bin."""
    path = write_reads(tmp_path / "a.bam", [Read("chr1", 10)])
    index = Path(f"{path}.bai")
    sound = index.read_bytes()
    for content in (sound[:40], b"x" + sound[1:], sound[:8] + b"\xff\xff\xff\x7f" + sound[12:], sound[:8] + sound[12:]):
        index.write_bytes(content)
        assert refusal(path).startswith(f"{index}: is damaged or cut short")
