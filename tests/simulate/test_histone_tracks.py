"""Simulated raw tracks: true formats read by other libraries, genes on both strands, and bins that drive expression."""

from __future__ import annotations

import csv
import gzip
import json
import re

import numpy as np
import pyBigWig
import pysam
import pytest

from gxtool.errors import ConfigError
from gxtool.simulate import histone_tracks as simulator
from gxtool.simulate.genome_files import Genome, make_genome, write_gtf

NAMES = ["H3K27me3", "H3K36me3", "H3K4me1", "H3K4me3", "H3K9me3"]
WINDOW = 10_000


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A small simulation: two cell types, three chromosomes of unequal length."""
    folder = tmp_path_factory.mktemp("tracks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(simulator.SIZES, "test", simulator.Size(2, (160, 100, 60)))
        simulator.simulate(folder, "test", 7)
    return folder


def sheet(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def gene_lines(path):
    """Return (id with version, chromosome, 1-based start, end, strand, type) of every gene line."""
    with gzip.open(path, "rt") as file:
        rows = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
    return [
        (
            re.search(r'gene_id "([^"]+)"', row[8])[1],
            row[0],
            int(row[3]),
            int(row[4]),
            row[6],
            re.search(r'gene_type "([^"]+)"', row[8])[1],
        )
        for row in rows
        if row[2] == "gene"
    ]


def expression(folder):
    rows = [line.split("\t") for line in (folder / "expression.tsv").read_text().splitlines()]
    return rows[0], {row[0]: [float(value) for value in row[1:]] for row in rows[1:]}


def oriented_means(folder, cell, mark):
    """Return mean signal of the 100 bins of every coding gene, in the direction of transcription, base by base."""
    _, known = expression(folder)
    means = {}
    with pyBigWig.open(str(folder / cell / f"{mark}.bigWig")) as track:
        for gene, chrom, start, end, strand, _ in gene_lines(folder / "annotation.gtf.gz"):
            tss = start - 1 if strand == "+" else end - 1
            first = tss - WINDOW // 2 if strand == "+" else tss - WINDOW // 2 + 1
            if gene.split(".")[0] not in known or first < 0 or first + WINDOW > track.chroms()[chrom]:
                continue
            values = (
                np.nan_to_num(track.values(chrom, first, first + WINDOW, numpy=True)).reshape(100, 100).mean(axis=1)
            )
            means[gene.split(".")[0]] = values if strand == "+" else values[::-1]
    return means


def test_sheet_names_a_bigwig_per_mark_and_paths_relative_to_it(simulated):
    rows = sheet(simulated / "samplesheet.csv")
    assert list(rows[0]) == ["sample", *NAMES, "annotation", "expression", "blacklist"]
    assert [row["sample"] for row in rows] == ["SIM01", "SIM02"]
    assert rows[1]["H3K9me3"] == "SIM02/H3K9me3.bigWig"
    assert all((simulated / path).is_file() for row in rows for name, path in row.items() if name != "sample")


def test_bam_sheet_has_one_cell_type_with_a_control(simulated):
    (row,) = sheet(simulated / "samplesheet-bam.csv")
    assert list(row) == ["sample", *NAMES, "control", "annotation", "expression", "blacklist"]
    assert row["sample"] == "SIM01"
    assert row["control"] == "bam/SIM01/control.bam"
    assert all((simulated / path).is_file() for name, path in row.items() if name != "sample")


def test_annotation_has_versions_both_strands_and_non_coding_genes(simulated):
    genes = gene_lines(simulated / "annotation.gtf.gz")
    assert len(genes) == 320
    assert all(re.fullmatch(r"ENSG\d{11}\.\d+", gene[0]) for gene in genes)
    assert {gene[4] for gene in genes} == {"+", "-"}
    assert {gene[5] for gene in genes} == {"protein_coding", "lncRNA"}
    assert [sum(gene[1] == chrom for gene in genes) for chrom in ("chr1", "chr2", "chr3")] == [160, 100, 60]
    assert all(1 <= start < end for _, _, start, end, _, _ in genes)


def test_canonical_transcript_is_the_whole_gene_and_another_starts_downstream(tmp_path):
    genome = Genome(
        {"chr1": 30_000},
        np.array(["ENSG00000000001", "ENSG00000000002", "ENSG00000000003"]),
        np.array([4, 5, 6]),
        np.array(["chr1"] * 3),
        np.array([3_000, 9_000, 20_000]),
        np.array([False, False, True]),
        np.array([1_500, 1_600, 3_000]),
        np.array([True, False, True]),
    )
    write_gtf(tmp_path / "a.gtf.gz", genome)
    with gzip.open(tmp_path / "a.gtf.gz", "rt") as file:
        rows = [line.split("\t") for line in file if not line.startswith("#")]
    assert [(row[2], row[3], row[4], row[6]) for row in rows] == [
        ("gene", "3001", "4500", "+"),
        ("transcript", "3001", "4500", "+"),
        ("exon", "3001", "4500", "+"),
        ("gene", "9001", "10600", "+"),
        ("transcript", "9001", "10600", "+"),
        ("exon", "9001", "10600", "+"),
        ("gene", "17002", "20001", "-"),
        ("transcript", "17002", "20001", "-"),
        ("exon", "17002", "20001", "-"),
        ("transcript", "17002", "19001", "-"),
        ("exon", "17002", "19001", "-"),
    ]
    assert "Ensembl_canonical" in rows[7][8]
    assert "Ensembl_canonical" not in rows[9][8]
    assert 'gene_type "lncRNA"' in rows[3][8]


def test_windows_of_neighbours_never_overlap_but_the_outer_ones_leave_the_chromosome():
    genome = make_genome((40, 7), np.random.default_rng(3))
    on_first = genome.tss[genome.chrom == "chr1"]
    assert np.diff(on_first).min() >= WINDOW + 1
    assert on_first[0] < WINDOW // 2
    assert genome.chrom_sizes["chr1"] - on_first[-1] < WINDOW // 2
    assert len(genome) == 47


def test_tracks_are_bigwigs_with_uncovered_stretches(simulated):
    with pyBigWig.open(str(simulated / "SIM01" / "H3K4me3.bigWig")) as track:
        assert list(track.chroms()) == ["chr1", "chr2", "chr3"]
        intervals = track.intervals("chr2")
        assert {end - start for start, end, _ in intervals} == {50}
        assert all(value > 0 for _, _, value in intervals)
        covered = 50 * len(intervals)
        assert 0.1 < covered / track.chroms()["chr2"] < 0.8


def test_expression_is_a_matrix_of_tpm_of_coding_genes(simulated):
    header, values = expression(simulated)
    assert header == ["gene_id", "SIM01", "SIM02"]
    coding = {gene[0].split(".")[0] for gene in gene_lines(simulated / "annotation.gtf.gz") if gene[5] != "lncRNA"}
    assert set(values) - coding == {"ENSG00000000321"}
    assert coding <= set(values)
    assert min(min(row) for row in values.values()) == 0


def test_truth_names_the_planted_bins_in_the_direction_of_transcription(simulated):
    truth = json.loads((simulated / "truth.json").read_text())
    assert (truth["marks"], truth["n_bins"], truth["bin_size"], truth["orientation"]) == (NAMES, 100, 100, "strand")
    weights = np.array(truth["weights"])
    found = {
        mark: (float(row[row != 0][0]), (np.flatnonzero(row)[[0, -1]] + 1).tolist(), int((row != 0).sum()))
        for mark, row in zip(NAMES, weights, strict=True)
        if row.any()
    }
    assert found == {
        "H3K27me3": (-0.8, [41, 60], 20),
        "H3K36me3": (0.8, [61, 80], 20),
        "H3K4me3": (1.0, [46, 55], 10),
    }
    assert all(0.88 < value < 0.97 for value in truth["activity_auroc"].values())


@pytest.mark.parametrize(
    ("mark", "bins", "sign"), [("H3K27me3", (40, 60), -1), ("H3K36me3", (60, 80), 1), ("H3K4me3", (45, 55), 1)]
)
def test_expression_follows_planted_bins_alone(simulated, mark, bins, sign):
    _, tpm = expression(simulated)
    means = oriented_means(simulated, "SIM02", mark)
    wanted = np.log(np.array([tpm[gene][1] for gene in means]) + 1)
    signal = np.stack(list(means.values()))
    inside = np.zeros(100, bool)
    inside[slice(*bins)] = True
    planted = np.corrcoef(np.log1p(signal[:, inside].mean(axis=1)), wanted)[0, 1]
    elsewhere = np.corrcoef(np.log1p(signal[:, ~inside].mean(axis=1)), wanted)[0, 1]
    assert sign * planted > 0.35
    assert abs(elsewhere) < 0.15
    mean = signal.mean(axis=0)
    assert mean[inside].min() > 1.5 * np.median(mean[~inside])


@pytest.mark.parametrize("mark", ["H3K4me1", "H3K9me3"])
def test_other_marks_have_signal_that_says_nothing(simulated, mark):
    _, tpm = expression(simulated)
    means = oriented_means(simulated, "SIM01", mark)
    totals = np.log1p(np.stack(list(means.values())).sum(axis=1))
    assert totals.std() > 0.2
    assert abs(np.corrcoef(totals, np.log([tpm[gene][0] + 1 for gene in means]))[0, 1]) < 0.15


def test_a_gene_is_alike_but_not_the_same_in_two_cell_types(simulated):
    _, tpm = expression(simulated)
    values = np.log(np.array(list(tpm.values())) + 1)
    assert 0.4 < np.corrcoef(values[:, 0], values[:, 1])[0, 1] < 0.75


def test_blacklist_covers_the_artefacts(simulated):
    lines = [line.split("\t") for line in (simulated / "blacklist.bed").read_text().splitlines()]
    assert len(lines) == 4
    assert all(int(end) - int(start) <= 1_500 for _, start, end, _ in lines)
    with pyBigWig.open(str(simulated / "SIM01" / "H3K9me3.bigWig")) as track:
        inside = [np.nan_to_num(track.values(chrom, int(a), int(b))).mean() for chrom, a, b, _ in lines]
        typical = np.mean([value for *_, value in track.intervals("chr1")])
    assert min(inside) > 2 * typical


def test_reads_are_sorted_indexed_and_partly_duplicates(simulated):
    with pysam.AlignmentFile(str(simulated / "bam" / "SIM01" / "H3K4me3.bam")) as file:
        assert file.has_index()
        reads = list(file.fetch())
        assert file.mapped == len(reads) > 2_000
    assert {read.query_length for read in reads} == {36}
    assert 0.4 < np.mean([read.is_reverse for read in reads]) < 0.6
    assert 0.01 < np.mean([read.is_duplicate for read in reads]) < 0.05
    places = [(read.reference_id, read.reference_start) for read in reads]
    assert places == sorted(places)


def test_reads_stand_around_a_quarter_of_the_genes(simulated):
    genes = gene_lines(simulated / "bam" / "annotation.gtf.gz")
    every = gene_lines(simulated / "annotation.gtf.gz")
    assert [gene[0] for gene in genes] == [gene[0] for gene in every[::4]]
    with pysam.AlignmentFile(str(simulated / "bam" / "SIM01" / "H3K36me3.bam")) as file:
        _, chrom, start, end, strand, _ = genes[3]
        tss = start - 1 if strand == "+" else end - 1
        assert file.count(chrom, tss - 5000, tss + 5000) > 20
        assert file.count(chrom, tss + 5100, tss + 5900) == 0


def test_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path, monkeypatch):
    monkeypatch.setitem(simulator.SIZES, "test", simulator.Size(1, (9, 5)))
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulator.simulate(tmp_path / name, "test", seed)
    contents = {
        name: {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("a", "b", "c")
    }
    assert len(contents["a"]) == 5 + 12 + 7
    assert contents["a"] == contents["b"]
    assert contents["a"]["SIM01/H3K4me3.bigWig"] != contents["c"]["SIM01/H3K4me3.bigWig"]


def test_sizes_on_offer():
    assert (simulator.SIZES["demo"].n_cells, sum(simulator.SIZES["demo"].genes_per_chromosome)) == (3, 900)
    assert (simulator.SIZES["full"].n_cells, sum(simulator.SIZES["full"].genes_per_chromosome)) == (6, 5000)


def test_unknown_size_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="size huge: expected one of demo, full"):
        simulator.simulate(tmp_path, "huge", 1)
