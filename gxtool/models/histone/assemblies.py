"""Do tracks and annotation belong to one genome? Chromosome names and lengths answer before anything is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from gxtool.errors import ConfigError, InputError, did_you_mean
from gxtool.io.gtf import Annotation
from gxtool.io.tracks import Track

# Length of chromosome 1 (bp): UCSC's chrom.sizes of each assembly.
CHROMOSOME_1 = {
    "hg19": 249_250_621,
    "hg38": 248_956_422,
    "hs1": 248_387_328,
    "mm9": 197_195_432,
    "mm10": 195_471_971,
    "mm39": 195_154_279,
}


def recognised_assembly(sizes: Mapping[str, int]) -> str:
    """Return the assembly whose chromosome 1 has the length found; empty when none is known."""
    length = sizes.get("chr1", sizes.get("1"))
    return next((name for name, known in CHROMOSOME_1.items() if known == length), "")


def check_assembly(tracks: Sequence[Track], wanted: str) -> None:
    """Check that all tracks have the same chromosome lengths, and those of the assembly asked for.

    Raises:
        InputError: two tracks disagree, or a track is of another assembly.
        ConfigError: an assembly nobody knows.
    """
    if wanted and wanted not in CHROMOSOME_1:
        near = did_you_mean(wanted, list(CHROMOSOME_1)) or f", expected one of {', '.join(CHROMOSOME_1)}"
        raise ConfigError(f"data.assembly: {wanted} is not known{near}")
    first = tracks[0]
    for track in tracks:
        for chrom, length in track.chrom_sizes.items():
            known = first.chrom_sizes.get(chrom, length)
            if known != length:
                raise InputError(
                    f"{track.path}: {chrom} has {length:,} bases but {known:,} in {first.path}, "
                    "expected tracks of one assembly"
                )
        length = track.chrom_sizes.get("chr1", track.chrom_sizes.get("1"))
        if wanted and length not in (None, CHROMOSOME_1[wanted]):
            found = recognised_assembly(track.chrom_sizes)
            raise InputError(
                f"{track.path}: chromosome 1 has {length:,} bases{f' as {found} has' if found else ''}, expected "
                f"{CHROMOSOME_1[wanted]:,} as data.assembly={wanted} has"
            )


def check_chromosomes(tracks: Sequence[Track], annotation: Annotation, genes: pl.DataFrame) -> None:
    """Check that every track names chromosomes as the annotation does, and that no TSS lies beyond their ends.

    Raises:
        InputError: no chromosome in common, or a TSS that the chromosome has no room for.
    """
    chroms = genes["chrom"].unique(maintain_order=True).to_list()
    for track in tracks:
        if not any(chrom in track.chrom_sizes for chrom in chroms):
            raise InputError(
                f"{track.path}: has chromosomes such as {', '.join(list(track.chrom_sizes)[:3])}, but "
                f"{annotation.source['name']} has {', '.join(chroms[:3])}; expected the same names in both"
            )
        lengths = pl.DataFrame({"chrom": list(track.chrom_sizes), "length": list(track.chrom_sizes.values())})
        beyond = genes.join(lengths, on="chrom", how="inner").filter(pl.col("tss") >= pl.col("length"))
        if len(beyond):
            gene = beyond.row(0, named=True)
            raise InputError(
                f"{annotation.source['name']}: gene {gene['ensembl_id']} starts at {gene['chrom']}:{gene['tss'] + 1:,} "
                f"beyond the {gene['length']:,} bases that {gene['chrom']} has in {track.path}; "
                "expected both of one assembly"
            )
