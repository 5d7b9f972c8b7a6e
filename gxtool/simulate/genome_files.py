"""A made-up genome and the files sequencing leaves behind: GTF, bigWig and BAM, written in their true formats."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pybigtools
import pysam

# As in the consolidated epigenomes of Roadmap, whose reads were cut to one length.
READ_LENGTH = 36
# Flag bits of the SAM format.
REVERSE, DUPLICATE = 0x10, 0x400
DUPLICATE_SHARE = 0.03
# Bases between the TSS of neighbouring genes: their windows of 10,000 bp never overlap.
SPACING = (11_000, 14_000)
# The first and the last gene of a chromosome lie closer to its end than half a window.
MARGIN = 3_000
NON_CODING_SHARE = 0.06


@dataclass(frozen=True)
class Genome:
    """Chromosomes with genes along them, in the order of the annotation; all positions are 0-based.

    chrom_sizes: bases of each chromosome. Per gene: ensembl_id (without version), version, chrom, tss (first
    transcribed base), minus (whether on "-"), length (bases, downstream of the TSS) and coding.
    """

    chrom_sizes: Mapping[str, int]
    ensembl_id: np.ndarray
    version: np.ndarray
    chrom: np.ndarray
    tss: np.ndarray
    minus: np.ndarray
    length: np.ndarray
    coding: np.ndarray

    def __len__(self) -> int:
        return len(self.tss)

    def some(self, step: int) -> Genome:
        """Return the genome with every `step`-th of its genes."""
        per_gene = {name: value[::step] for name, value in vars(self).items() if name != "chrom_sizes"}
        return Genome(self.chrom_sizes, **per_gene)


def make_genome(genes_per_chromosome: Sequence[int], rng: np.random.Generator) -> Genome:
    """Lay genes along chr1, chr2, ... on both strands; every chromosome ends shortly behind its last TSS."""
    sizes, chroms, places = {}, [], []
    for number, n_genes in enumerate(genes_per_chromosome, start=1):
        tss = MARGIN + np.concatenate([[0], np.cumsum(rng.integers(*SPACING, n_genes - 1))])
        sizes[f"chr{number}"] = int(tss[-1]) + MARGIN
        chroms += [f"chr{number}"] * n_genes
        places.append(tss)
    n_total = len(chroms)
    tss, minus = np.concatenate(places), rng.random(n_total) < 0.5
    room = np.where(minus, tss + 1, np.array([sizes[chrom] for chrom in chroms]) - tss)
    return Genome(
        chrom_sizes=sizes,
        ensembl_id=np.array([f"ENSG{number:011d}" for number in range(1, n_total + 1)]),
        version=rng.integers(1, 20, n_total),
        chrom=np.array(chroms),
        tss=tss,
        minus=minus,
        length=np.minimum(rng.integers(1_500, 30_000, n_total), room),
        coding=rng.random(n_total) >= NON_CODING_SHARE,
    )


def write_gtf(path: Path, genome: Genome) -> None:
    """Write the genes as GENCODE does: gene, transcript and exon lines, 1-based, gzipped, versions on the ids.

    Each gene has a canonical transcript of its whole length; every third has a shorter one that starts downstream.
    """
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as file:
        file.write(b"##description: simulated genes\n##provider: gxtool\n##format: gtf\n")
        for gene in range(len(genome)):
            file.write("".join(_gtf_lines(genome, gene)).encode())


def _gtf_lines(genome: Genome, gene: int) -> Iterator[str]:
    number = gene + 1
    minus, tss, length = bool(genome.minus[gene]), int(genome.tss[gene]), int(genome.length[gene])
    kind = "protein_coding" if genome.coding[gene] else "lncRNA"
    gene_id = f"{genome.ensembl_id[gene]}.{genome.version[gene]}"
    named = f'gene_type "{kind}"; gene_name "SIM{int(genome.ensembl_id[gene][4:])}";'

    def line(feature: str, skipped: int, attributes: str) -> str:
        """Write the gene without its first `skipped` bases in the direction of transcription."""
        start, end = (tss - length + 1, tss - skipped + 1) if minus else (tss + skipped, tss + length)
        fields = (genome.chrom[gene], "SIMULATED", feature, start + 1, end, ".", "-" if minus else "+", ".")
        return "\t".join(map(str, fields)) + f'\tgene_id "{gene_id}"; {attributes}\n'

    yield line("gene", 0, f"{named} level 2;")
    for copy, skipped in enumerate((0, length // 3) if number % 3 == 0 else (0,), start=1):
        tags = 'tag "basic"; tag "Ensembl_canonical";' if copy == 1 else 'tag "basic";'
        transcript = f'transcript_id "ENST{int(genome.ensembl_id[gene][4:]) * 10 + copy:011d}.1"; {named}'
        yield line("transcript", skipped, f'{transcript} transcript_type "{kind}"; level 2; {tags}')
        yield line("exon", skipped, f'{transcript} transcript_type "{kind}"; exon_number 1; level 2; {tags}')


def write_bigwig(
    path: Path,
    chrom_sizes: Mapping[str, int],
    chroms: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    values: np.ndarray,
) -> None:
    """Write intervals, sorted by chromosome (in the order of their names) and start; the rest stays uncovered."""
    rows = zip(chroms.tolist(), starts.tolist(), ends.tolist(), values.tolist(), strict=True)
    writer = pybigtools.open(str(path), "w")
    writer.write(dict(chrom_sizes), rows)


def write_bam(
    path: Path, chrom_sizes: Mapping[str, int], chroms: np.ndarray, starts: np.ndarray, rng: np.random.Generator
) -> None:
    """Write single-end reads of 36 bp that start at these places, sorted, and their index beside them.

    Half of them are on each strand; a few are marked as duplicates of the one before, and some are mapped badly.
    """
    names = list(chrom_sizes)
    numbers = np.array([names.index(chrom) for chrom in chroms.tolist()], dtype=np.int64)
    order = np.lexsort((starts, numbers))
    flags = np.where(rng.random(len(order)) < 0.5, REVERSE, 0)
    flags += np.where(rng.random(len(order)) < DUPLICATE_SHARE, DUPLICATE, 0)
    qualities = np.where(rng.random(len(order)) < 0.05, 0, 60)
    header = pysam.AlignmentHeader.from_dict(
        {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": name, "LN": chrom_sizes[name]} for name in names]}
    )
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for number, place in enumerate(order.tolist()):
            read = pysam.AlignedSegment(header)
            read.query_name = f"r{number}"
            read.query_sequence = "N" * READ_LENGTH
            read.flag = int(flags[number])
            read.reference_id = int(numbers[place])
            read.reference_start = int(starts[place])
            read.mapping_quality = int(qualities[number])
            read.cigarstring = f"{READ_LENGTH}M"
            file.write(read)
    pysam.index(str(path))
