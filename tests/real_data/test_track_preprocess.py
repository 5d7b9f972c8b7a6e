"""Real tracks, reads and annotation through `preprocess`, against base values of pyBigWig and counts of bedtools."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pybigtools
import pyBigWig
import pysam
import pytest

from gxtool.io.artifact import Artifact, ArtifactWriter, open_artifact
from gxtool.models.histone.config import DataConfig
from gxtool.models.histone.examples import preprocess

pytestmark = pytest.mark.real_data
needs_bedtools = pytest.mark.skipif(not shutil.which("bedtools"), reason="bedtools is not installed")


def read(folder: Path, row: dict[str, str], **data: object) -> Artifact:
    with ArtifactWriter(folder / "examples", "examples", family="histone") as writer:
        preprocess([{"sample": "real", **row}], DataConfig(**data), writer)
    return open_artifact(folder / "examples")


def base_means(path: Path, windows: Sequence[tuple[str, int, int]], n_bins: int) -> np.ndarray:
    """Return the mean of each bin's base values, none counting as 0: from pyBigWig, base by base (windows, bins)."""
    with pyBigWig.open(str(path)) as file:
        sizes = file.chroms()
        found = []
        for chrom, start, end in windows:
            bases = np.zeros(end - start)
            inside = max(0, start), min(end, sizes[chrom])
            bases[inside[0] - start : inside[1] - start] = np.nan_to_num(file.values(chrom, *inside, numpy=True))
            found.append(bases.reshape(n_bins, -1).mean(axis=1))
    return np.array(found)


def multicov(bam: Path, windows: Sequence[tuple[str, int, int]], n_bins: int, folder: Path) -> np.ndarray:
    """Return the reads in each bin as `bedtools multicov` counts them (windows, bins)."""
    lines = []
    for chrom, start, end in windows:
        size = (end - start) // n_bins
        lines += [f"{chrom}\t{start + size * b}\t{start + size * (b + 1)}\n" for b in range(n_bins)]
    (folder / "bins.bed").write_text("".join(lines))
    command = ["bedtools", "multicov", "-bams", str(bam), "-bed", str(folder / "bins.bed")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return np.array([int(line.split("\t")[3]) for line in said.splitlines()]).reshape(-1, n_bins)


@needs_bedtools
def test_drosophila_reads_around_the_longest_transcript_of_the_real_annotation(real_data, tmp_path):
    folder = real_data / "epigenome" / "deeptools_test"
    row = {"H3K4me3": str(folder / "test1.bam"), "annotation": str(folder / "test.gtf")}
    examples = read(tmp_path, row, marks=("H3K4me3",), n_bins=10, bin_size=50, tss="longest")
    gene = examples.table("rows.parquet").row(0, named=True)
    # Transcript `second` lies on "-" and ends with base 1,100 (counted from 1): base 1,099 counted from 0.
    assert (gene["group"], gene["strand"], gene["tss"]) == ("example", "-", 1099)
    # The TSS at index 250 of the turned window: bases 850 to 1,350, and their last bin comes first.
    expected = multicov(folder / "test1.bam", [("3R", 850, 1350)], 10, tmp_path)[0, ::-1]
    found = examples.array("signal.npy")[0, :, 0]
    assert found.tolist() == expected.tolist()
    assert found.sum() > 0


def test_drosophila_bigwig_around_the_same_start(real_data, tmp_path):
    folder = real_data / "epigenome" / "deeptools_test"
    row = {"H3K4me3": str(folder / "test1.bw.bw"), "annotation": str(folder / "test.gtf")}
    data = {"marks": ("H3K4me3",), "n_bins": 15, "bin_size": 60, "tss": "longest", "orientation": "none"}
    examples = read(tmp_path, row, **data)
    # Bases 649 to 1,549 of a chromosome of 1,500: the last bases do not exist.
    expected = base_means(folder / "test1.bw.bw", [("3R", 649, 1549)], 15)
    np.testing.assert_allclose(examples.array("signal.npy")[:, :, 0], expected, rtol=1e-5, atol=1e-6)
    assert examples.manifest.info["origin"]["facts"]["real"]["outside"] == 1


def test_two_bigwigs_of_one_cell_type(real_data, tmp_path):
    folder = real_data / "epigenome" / "deeptools_test"
    gtf = tmp_path / "genes.gtf"
    gtf.write_text('3R\tx\tgene\t101\t150\t.\t+\t.\tgene_id "one";\n3R\tx\tgene\t41\t90\t.\t-\t.\tgene_id "two";\n')
    row = {"A": str(folder / "testA.bw"), "B": str(folder / "testB.bw"), "annotation": str(gtf)}
    signal = read(tmp_path, row, marks=("A", "B"), n_bins=4, bin_size=25, orientation="none").array("signal.npy")
    # testA is 1 on bases 0-100 and 2 on 100-200; testB 1 on 0-150 and 3 on 150-200.
    windows = [("3R", 50, 150), ("3R", 39, 139)]
    assert signal[0].T.tolist() == [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.0]]
    for mark, name in enumerate(("testA.bw", "testB.bw")):
        np.testing.assert_allclose(signal[:, :, mark], base_means(folder / name, windows, 4), rtol=1e-6)


@pytest.fixture(scope="module")
def peaks(real_data: Path) -> pl.DataFrame:
    """The first 150 narrow peaks of CTCF on chromosome 22, their summits as TSS, every third on "-"."""
    path = real_data / "epigenome" / "macs3_test" / "ctcf_chr22_peaks.narrowPeak"
    fields = [line.split("\t") for line in path.read_text().splitlines()[:150]]
    rows = [(peak[3], int(peak[1]) + int(peak[9]), "-" if n % 3 == 0 else "+") for n, peak in enumerate(fields)]
    return pl.DataFrame(rows, schema=["name", "tss", "strand"], orient="row")


@pytest.fixture(scope="module")
def annotation(peaks: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The peaks as genes of 1,000 bp."""
    lines = []
    for peak in peaks.iter_rows(named=True):
        start, end = (
            (peak["tss"], peak["tss"] + 1000) if peak["strand"] == "+" else (peak["tss"] - 999, peak["tss"] + 1)
        )
        attributes = f'gene_id "{peak["name"]}";'
        lines.append(f"chr22\tpeaks\tgene\t{start + 1}\t{end}\t.\t{peak['strand']}\t.\t{attributes}\n")
    path = tmp_path_factory.mktemp("annotation") / "peaks.gtf"
    path.write_text("".join(lines))
    return path


def turned(bins: np.ndarray, peaks: pl.DataFrame) -> np.ndarray:
    """Return bins (G, N) with those of "-" from last to first."""
    minus = (peaks["strand"] == "-").to_numpy()[:, None]
    return np.where(minus, bins[:, ::-1], bins)


def windows_of(peaks: pl.DataFrame, size: int) -> list[tuple[str, int, int]]:
    """Return strand-oriented windows with the TSS at index size / 2, by hand."""
    starts = [
        peak["tss"] - size // 2 + (peak["strand"] == "-")
        for peak in peaks.select("tss", "strand").iter_rows(named=True)
    ]
    return [("chr22", start, start + size) for start in starts]


@needs_bedtools
def test_fifty_thousand_real_reads_are_counted_as_bedtools_counts_them(real_data, peaks, annotation, tmp_path):
    reads = real_data / "epigenome" / "macs3_test" / "CTCF_SE_ChIP_chr22_50k.bed.gz"
    (tmp_path / "sizes").write_text("chr22\t51304566\n")
    command = ["bedtools", "bedtobam", "-i", str(reads), "-g", str(tmp_path / "sizes")]
    unsorted, bam = tmp_path / "unsorted.bam", tmp_path / "reads.bam"
    unsorted.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    pysam.sort("-o", str(bam), str(unsorted))
    pysam.index(str(bam))
    row = {"CTCF": str(bam), "annotation": str(annotation)}
    found = read(tmp_path, row, marks=("CTCF",), n_bins=20, bin_size=100).array("signal.npy")[:, :, 0]
    expected = turned(multicov(bam, windows_of(peaks, 2000), 20, tmp_path), peaks)
    assert (found == expected).all()
    assert found.sum() > 1000


def test_a_real_pile_up_is_averaged_as_its_bases_say(real_data, peaks, annotation, tmp_path):
    path = real_data / "epigenome" / "macs3_test" / "ctcf_chr22_treat_pileup.bdg.gz"
    with gzip.open(path, "rt") as lines:
        entries = [(c, int(s), int(e), float(v)) for c, s, e, v in (line.split() for line in lines)]
    bigwig = tmp_path / "pileup.bw"
    pybigtools.open(str(bigwig), "w").write({"chr22": 51304566}, iter(entries))
    row = {"CTCF": str(bigwig), "annotation": str(annotation)}
    found = read(tmp_path, row, marks=("CTCF",), n_bins=40, bin_size=50).array("signal.npy")[:, :, 0]
    expected = turned(base_means(bigwig, windows_of(peaks, 2000), 40), peaks)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert found.max() > 10


def test_deepdiff_tables_become_labelled_genes(real_data, tmp_path):
    folder = real_data / "epigenome" / "deepdiff"
    row = {"data": str(folder / "Cell1.test.csv"), "expression": str(folder / "Cell1.expr.csv")}
    marks = ("H3K4me1", "H3K4me3", "H3K9me3", "H3K27me3", "H3K36me3")
    examples = read(tmp_path, row, marks=marks, n_bins=200, layout="deepdiff")
    rows = examples.table("rows.parquet")
    assert examples.array("signal.npy").shape == (200, 200, 5)
    # Lines 1 and 2 of the table, and the first line of the expression.
    assert examples.array("signal.npy")[0, :2].tolist() == [[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]]
    assert (rows["group"][0], rows["expression"][0]) == ("ENSG00000000003", 153.0)
