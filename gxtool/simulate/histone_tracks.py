"""Raw tracks of histone marks around genes whose expression follows from known bins of known marks.

In each cell type every gene has one level per driving mark, partly its own and partly the cell type's. The level sets
how much signal stands in the mark's planted bins, and the levels together are the gene's activity; expression is
activity plus what no track shows. Bins count in the direction of transcription, so a reader who does not turn the
windows of "-" genes finds the planted bins smeared. Everything else is unrelated to expression: background, peaks of
random height at places that a gene keeps in all cell types (by which it can be recognised), the marks without planted
bins, and artefacts in the regions of blacklist.bed. `truth.json` holds the planted weights and how well activity
itself ranks the genes.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gxtool.errors import ConfigError
from gxtool.simulate.genome_files import READ_LENGTH, Genome, make_genome, write_bam, write_bigwig, write_gtf

N_BINS = 100
BIN_SIZE = 100
WINDOW = N_BINS * BIN_SIZE
# Bases over which a track keeps one value.
STEP = 50
STEPS_PER_BIN = BIN_SIZE // STEP
# Share of a level that a gene has in all cell types (variance).
SHARED = 0.5
# Standard deviation of what expression adds to activity of variance 1, half of it the gene's own in all cell types:
# activity itself ranks genes on and off at 0.93 AUROC.
EXPRESSION_NOISE = 0.5
# Standard deviation of the natural logarithm of tpm.
LOG_TPM_SD = 1.8
# Shape of the gamma distribution behind the reads of a step: variance = mean + mean**2 / DISPERSION.
DISPERSION = 2.0
PEAKS_PER_GENE = 2
# Log of the mean and spread of how far unrelated peaks rise above the background.
PEAK_HEIGHT = (1.3, 0.7)
ARTEFACT_FOLD = 30
# One gene in so many has a blacklisted artefact of ARTEFACT_SIZE bases in its window.
ARTEFACT_EVERY = 80
ARTEFACT_SIZE = 1_500
# The BAM sheet takes one gene in so many.
BAM_EVERY = 4


class Mark(NamedTuple):
    """A mark: reads per step of background, and its planted bins (from 1, both ends included) with their effect.

    height: log of how far a gene of middling level rises there; spread: what one unit of level adds; weight: the
    level's share in activity.
    """

    name: str
    background: float
    bins: tuple[int, int] | None = None
    height: float = 0.0
    spread: float = 0.0
    weight: float = 0.0


MARKS = (
    Mark("H3K27me3", 0.25, (41, 60), 1.3, 0.9, -0.8),
    Mark("H3K36me3", 0.25, (61, 80), 1.3, 0.9, 0.8),
    Mark("H3K4me1", 0.35),
    Mark("H3K4me3", 0.2, (46, 55), 2.4, 0.9, 1.0),
    Mark("H3K9me3", 0.35),
)


class Size(NamedTuple):
    """Number of cell types, and of genes on each chromosome."""

    n_cells: int
    genes_per_chromosome: tuple[int, ...]


SIZES = {
    "demo": Size(3, (230, 190, 160, 130, 110, 80)),
    "full": Size(6, (900, 800, 700, 600, 500, 450, 400, 350, 200, 100)),
}


@dataclass(frozen=True)
class Cell:
    """What is planted in one cell type: reads expected per step (G, C, N * 2) in the direction of transcription,
    activity (G,) and tpm (G,), which sums to 1,000,000 over the genes."""

    expected: np.ndarray
    activity: np.ndarray
    tpm: np.ndarray


@dataclass(frozen=True)
class Shared:
    """What a gene keeps in all cell types: levels (G, C), its own part of expression (G,), places and widths of its
    unrelated peaks in bins (G, C, PEAKS_PER_GENE), and the start of its artefact in bases of the window (-1: none)."""

    levels: np.ndarray
    own: np.ndarray
    places: np.ndarray
    widths: np.ndarray
    artefacts: np.ndarray


def simulate(folder: Path, size: str, seed: int) -> None:
    """Write tracks, annotation, expression, blacklist, two samplesheets and truth.json below `folder`.

    samplesheet.csv: every cell type, as bigWig. samplesheet-bam.csv: the first cell type with a quarter of the genes,
    as BAM with a control. The same size and seed give the same bytes.

    Raises:
        ConfigError: an unknown size.
    """
    if size not in SIZES:
        raise ConfigError(f"size {size}: expected one of {', '.join(SIZES)}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    n_cells, genes_per_chromosome = SIZES[size]
    genome = make_genome(genes_per_chromosome, rng)
    shared = _share(genome, rng)
    names = [f"SIM{number:02d}" for number in range(1, n_cells + 1)]
    tpm, oracle = {}, {}
    for number, name in enumerate(names, start=1):
        cell = _plant(shared, np.random.default_rng([seed, number]))
        _write_tracks(folder / name, genome, cell.expected, np.random.default_rng([seed, number, 1]))
        if number == 1:
            _write_reads(folder / "bam" / name, genome, cell.expected, np.random.default_rng([seed, number, 2]))
        tpm[name] = cell.tpm
        on = cell.tpm > np.median(cell.tpm[genome.coding])
        oracle[name] = round(_rank_auroc(on[genome.coding], cell.activity[genome.coding]), 4)
    write_gtf(folder / "annotation.gtf.gz", genome)
    write_gtf(folder / "bam" / "annotation.gtf.gz", genome.some(BAM_EVERY))
    _write_expression(folder / "expression.tsv", genome, tpm)
    _write_blacklist(folder / "blacklist.bed", genome, shared)
    _write_sheets(folder, names)
    truth = {
        "marks": [mark.name for mark in MARKS],
        "n_bins": N_BINS,
        "bin_size": BIN_SIZE,
        "orientation": "strand",
        "seed": seed,
        "weights": weights().tolist(),
        "activity_auroc": oracle,
    }
    (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")


def planted() -> np.ndarray:
    """Say which bins of which marks drive expression: (C, N) of 0 and 1, in the direction of transcription."""
    chosen = np.zeros((len(MARKS), N_BINS))
    for row, mark in zip(chosen, MARKS, strict=True):
        if mark.bins:
            row[mark.bins[0] - 1 : mark.bins[1]] = 1
    return chosen


def weights() -> np.ndarray:
    """Return the weight in activity of what stands in each bin of each mark (C, N): 0 where nothing is planted."""
    return np.array([mark.weight for mark in MARKS])[:, None] * planted()


def _share(genome: Genome, rng: np.random.Generator) -> Shared:
    shape = (len(genome), len(MARKS), PEAKS_PER_GENE)
    artefacts = np.full(len(genome), -1)
    chosen = np.arange(ARTEFACT_EVERY // 2, len(genome), ARTEFACT_EVERY)
    artefacts[chosen] = rng.integers(0, (WINDOW - ARTEFACT_SIZE) // STEP, len(chosen)) * STEP
    return Shared(
        levels=rng.standard_normal(shape[:2]),
        own=rng.standard_normal(len(genome)),
        places=rng.uniform(0, N_BINS, shape),
        widths=rng.uniform(1.5, 5, shape),
        artefacts=artefacts,
    )


def _plant(shared: Shared, rng: np.random.Generator) -> Cell:
    levels = np.sqrt(SHARED) * shared.levels + np.sqrt(1 - SHARED) * rng.standard_normal(shared.levels.shape)
    weight = np.array([mark.weight for mark in MARKS])
    activity = levels @ weight / np.linalg.norm(weight)
    noise = np.sqrt(0.5) * (shared.own + rng.standard_normal(len(activity)))
    raw = np.exp(LOG_TPM_SD * (activity + EXPRESSION_NOISE * noise))
    return Cell(_expected(shared, levels, rng), activity, raw / raw.sum() * 1e6)


def _expected(shared: Shared, levels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return reads expected per step (G, C, N * 2): background, planted bins and unrelated peaks beside them."""
    places, widths = shared.places[..., None], shared.widths[..., None]  # (G, C, P, 1)
    fold = np.exp(rng.normal(*PEAK_HEIGHT, places.shape))
    centres = np.arange(N_BINS) + 0.5
    peaks = (fold * np.exp(-0.5 * ((centres - places) / widths) ** 2)).sum(axis=2)  # (G, C, N)
    height, spread, background = (
        np.array([getattr(mark, name) for mark in MARKS]) for name in ("height", "spread", "background")
    )
    driven = np.exp(height + spread * levels)[..., None]  # (G, C, 1)
    signal = background[:, None] * np.where(planted() == 1, driven, 1 + peaks)
    expected = np.repeat(signal, STEPS_PER_BIN, axis=2)
    for gene in np.flatnonzero(shared.artefacts >= 0):
        start = shared.artefacts[gene] // STEP
        expected[gene, :, start : start + ARTEFACT_SIZE // STEP] *= ARTEFACT_FOLD
    return expected


def _draw(expected: np.ndarray, depth: float, rng: np.random.Generator) -> np.ndarray:
    """Draw reads per step around what is expected, more variable than Poisson."""
    return rng.poisson(expected * depth * rng.standard_gamma(DISPERSION, expected.shape) / DISPERSION)


def _step_starts(genome: Genome) -> np.ndarray:
    """Return where each step of each window starts on the chromosome (G, N * 2), in the direction of transcription.

    The TSS is the first base of the window's middle step, on both strands.
    """
    along = np.arange(0, WINDOW, STEP)
    plus = genome.tss[:, None] - WINDOW // 2 + along
    minus = genome.tss[:, None] + WINDOW // 2 - along - STEP + 1
    return np.where(genome.minus[:, None], minus, plus)


def _write_tracks(folder: Path, genome: Genome, expected: np.ndarray, rng: np.random.Generator) -> None:
    """Write one bigWig per mark: reads per million and step; steps without reads stay uncovered."""
    folder.mkdir(parents=True, exist_ok=True)
    starts = _step_starts(genome)
    sizes = np.array([genome.chrom_sizes[chrom] for chrom in genome.chrom.tolist()])[:, None]
    for place, mark in enumerate(MARKS):
        reads = _draw(expected[:, place], rng.uniform(0.7, 1.4), rng)
        gene, step = np.nonzero((reads > 0) & (starts >= 0) & (starts + STEP <= sizes))
        order = np.lexsort((starts[gene, step], genome.chrom[gene]))
        gene, step = gene[order], step[order]
        begin, values = starts[gene, step], reads[gene, step] * (1e6 / reads.sum())
        write_bigwig(
            folder / f"{mark.name}.bigWig", genome.chrom_sizes, genome.chrom[gene], begin, begin + STEP, values
        )


def _write_reads(folder: Path, genome: Genome, expected: np.ndarray, rng: np.random.Generator) -> None:
    """Write one BAM per mark and one of a control without marks, of every BAM_EVERY-th gene."""
    folder.mkdir(parents=True, exist_ok=True)
    genes, chosen = genome.some(BAM_EVERY), expected[::BAM_EVERY]
    starts = _step_starts(genes)
    sizes = np.array([genes.chrom_sizes[chrom] for chrom in genes.chrom.tolist()])
    tracks = {mark.name: chosen[:, place] for place, mark in enumerate(MARKS)}
    tracks["control"] = np.full_like(chosen[:, 0], 0.3)
    for name, wanted in tracks.items():
        reads = _draw(wanted, 1.0, rng)
        gene, step = np.nonzero(reads)
        gene, step = (np.repeat(index, reads[gene, step]) for index in (gene, step))
        begin = starts[gene, step] + rng.integers(0, STEP, len(gene))
        inside = (begin >= 0) & (begin + READ_LENGTH <= sizes[gene])
        write_bam(folder / f"{name}.bam", genes.chrom_sizes, genes.chrom[gene][inside], begin[inside], rng)


def _write_expression(path: Path, genome: Genome, tpm: dict[str, np.ndarray]) -> None:
    """Write tpm of the coding genes, ids without versions, and of one gene that the annotation does not have."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["gene_id", *tpm])
        for gene in np.flatnonzero(genome.coding):
            writer.writerow([genome.ensembl_id[gene], *(f"{values[gene]:.3f}" for values in tpm.values())])
        writer.writerow([f"ENSG{len(genome) + 1:011d}", *(["0.000"] * len(tpm))])


def _write_blacklist(path: Path, genome: Genome, shared: Shared) -> None:
    lines = []
    for gene in np.flatnonzero(shared.artefacts >= 0):
        offset = shared.artefacts[gene] - WINDOW // 2
        tss = genome.tss[gene]
        start = tss - offset - ARTEFACT_SIZE + 1 if genome.minus[gene] else tss + offset
        end = min(start + ARTEFACT_SIZE, genome.chrom_sizes[genome.chrom[gene]])
        if end > max(start, 0):
            lines.append(f"{genome.chrom[gene]}\t{max(start, 0)}\t{end}\tartefact\n")
    path.write_text("".join(lines), encoding="utf-8")


def _write_sheets(folder: Path, names: list[str]) -> None:
    marks = [mark.name for mark in MARKS]
    common = ("expression.tsv", "blacklist.bed")
    lines = [["sample", *marks, "annotation", "expression", "blacklist"]]
    lines += [[name, *(f"{name}/{mark}.bigWig" for mark in marks), "annotation.gtf.gz", *common] for name in names]
    bam = [["sample", *marks, "control", "annotation", "expression", "blacklist"]]
    first = [f"bam/{names[0]}/{name}.bam" for name in (*marks, "control")]
    bam.append([names[0], *first, "bam/annotation.gtf.gz", *common])
    for name, rows in (("samplesheet.csv", lines), ("samplesheet-bam.csv", bam)):
        (folder / name).write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")


def _rank_auroc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Return the chance that a gene that is on scores above one that is off (scores are all different)."""
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores)] = np.arange(1, len(scores) + 1)
    on = labels == 1
    return float((ranks[on].sum() - on.sum() * (on.sum() + 1) / 2) / (on.sum() * (~on).sum()))
