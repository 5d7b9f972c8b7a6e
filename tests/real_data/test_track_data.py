"""Real bigWig and BAM files: numbers that can be read off the files, and whole files beside pyBigWig and bedtools."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyBigWig
import pytest

from gxtool.io.bam import CountRules
from gxtool.io.tracks import open_track

pytestmark = pytest.mark.real_data
BIGWIGS = (
    "bigwig/pybigwig_test.bw",
    "bigwig/bigtools_valid.bigWig",
    "deeptools_test/test1.bw.bw",
    "deeptools_test/testA.bw",
    "deeptools_test/testB.bw",
    "deeptools_test/test_paired2.bw",
)
BAMS = ("test1.bam", "testA.bam", "test_paired2.bam")


def bins(path: Path, chrom: str, start: int, end: int, n_bins: int, rules: CountRules | None = None) -> list:
    with open_track(path, rules) as track:
        return track.bins([chrom], np.array([start]), np.array([end]), n_bins)[0].tolist()


def test_bigwig_has_the_means_of_its_intervals(real_data: Path) -> None:
    path = real_data / "epigenome" / "bigwig" / "pybigwig_test.bw"
    # 0.1, 0.2 and 0.3 on the first three bases, nothing up to 100, 1.4 up to 150, 1.5 on one base more.
    assert bins(path, "1", 0, 4, 4) == pytest.approx([0.1, 0.2, 0.3, 0])
    assert bins(path, "1", 0, 200, 4) == pytest.approx([0.6 / 50, 0, 1.4, 1.5 / 50])
    assert bins(path, "1", -10, 10, 2) == pytest.approx([0, 0.06])


def test_bigwig_without_zoom_levels_for_the_bins_has_exact_means(real_data: Path) -> None:
    path = real_data / "epigenome" / "bigwig" / "bigtools_valid.bigWig"
    # 2 bases of 0.06792, 47 of 0.16627 and 51 of 0.85137, as the file's first intervals say.
    assert bins(path, "chr17", 59898, 59998, 1) == pytest.approx([(2 * 0.06792 + 47 * 0.16627 + 51 * 0.85137) / 100])


def test_deeptools_bigwigs_have_the_steps_they_show(real_data: Path) -> None:
    folder = real_data / "epigenome" / "deeptools_test"
    assert bins(folder / "testA.bw", "3R", 0, 400, 8) == [1, 1, 2, 2, 0, 0, 0, 0]
    assert bins(folder / "testB.bw", "3R", 100, 220, 2) == pytest.approx([(50 + 3 * 10) / 60, 2])


@pytest.mark.parametrize("name", BIGWIGS)
def test_bigwig_agrees_with_pybigwigs_base_values(real_data: Path, name: str) -> None:
    path, rng = real_data / "epigenome" / name, np.random.default_rng(1)
    with open_track(path) as track, pyBigWig.open(str(path)) as peer:
        assert track.chrom_sizes == peer.chroms()
        for chrom, size in track.chrom_sizes.items():
            # Windows of 7 bins of 31 bp where there is data, some reaching over the chromosome's end.
            intervals = peer.intervals(chrom)
            starts = rng.integers(intervals[0][0] - 300, intervals[-1][1] + 100, 200)
            found = track.bins([chrom] * 200, starts, starts + 217, 7)
            for row, start in zip(found, starts.tolist(), strict=True):
                bases, inside = np.zeros(217), slice(max(0, start), min(size, start + 217))
                if inside.start < inside.stop:
                    values = peer.values(chrom, inside.start, inside.stop, numpy=True)
                    bases[inside.start - start : inside.stop - start] = np.nan_to_num(values)
                expected = bases.reshape(7, 31).mean(axis=1)
                np.testing.assert_allclose(row, expected, rtol=1e-5, atol=1e-5 * np.abs(bases).max())


def test_bam_has_the_reads_that_samtools_shows(real_data: Path) -> None:
    folder = real_data / "epigenome" / "deeptools_test"
    # testA: 3R 100-150 and 150-200 on the other strand, and 10S20M10N10M10S at 10 of chr_cigar.
    assert bins(folder / "testA.bam", "3R", 80, 220, 7) == [0, 1, 1, 2, 1, 1, 0]
    assert bins(folder / "testA.bam", "chr_cigar", 0, 60, 6) == [0, 1, 1, 1, 1, 0]
    # test1: the first reads of 51 bp begin at 6, 74 (-), 85, 92 and 118.
    assert bins(folder / "test1.bam", "3R", 0, 120, 6) == [1, 1, 1, 1, 3, 4]
    with open_track(folder / "test1.bam") as track:
        assert (track.n_mapped, track.chrom_sizes) == (144, {"3R": 1500})


def test_extended_reads_of_a_bam_overlap_where_they_go(real_data: Path) -> None:
    path = real_data / "epigenome" / "deeptools_test" / "testA.bam"
    # 100-150 becomes 100-170, and 150-200 on the minus strand 130-200.
    assert bins(path, "3R", 60, 200, 7, CountRules(extend=70)) == [0, 0, 1, 2, 2, 2, 1]


def test_fragments_of_a_paired_bam_stand_at_their_centres(real_data: Path) -> None:
    path = real_data / "epigenome" / "deeptools_test" / "test_paired2.bam"
    # Pairs begin at 0 (100 bp), 303 (408 bp) and twice at 384 (147 bp) behind 5,000,000: 50, 507 and 457.
    found = bins(path, "chr2", 5_000_000, 5_000_600, 12, CountRules(fragments=True))
    assert found == [0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0]


@pytest.mark.skipif(not shutil.which("bedtools"), reason="bedtools is not installed")
@pytest.mark.parametrize("name", BAMS)
def test_bam_agrees_with_bedtools_multicov(real_data: Path, tmp_path: Path, name: str) -> None:
    path, rng = real_data / "epigenome" / "deeptools_test" / name, np.random.default_rng(2)
    with open_track(path) as track:
        chroms = rng.choice(list(track.chrom_sizes), 60).tolist()
        # Windows of 84 bp, not further than 9 kb from the chromosome's end: that is where the reads are.
        last = np.array([track.chrom_sizes[chrom] - 84 for chrom in chroms])
        starts = rng.integers(np.maximum(0, last - 9000), last)
        found = track.bins(chroms, starts, starts + 84, 12)
    bed = tmp_path / "bins.bed"
    rows = [(chrom, start + 7 * number) for chrom, start in zip(chroms, starts, strict=True) for number in range(12)]
    bed.write_text("".join(f"{chrom}\t{start}\t{start + 7}\n" for chrom, start in rows))
    command = ["bedtools", "multicov", "-bams", str(path), "-bed", str(bed)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert found.ravel().tolist() == [int(line.split("\t")[-1]) for line in said.splitlines()]
    assert found.sum() > 0
