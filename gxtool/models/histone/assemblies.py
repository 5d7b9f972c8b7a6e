"""Do tracks and annotation belong to one genome? Names and lengths of chromosomes, and places of genes, answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import polars as pl

from gxtool.data.assemblies import (
    LENGTHS,
    assembly_of_genes,
    differing_chromosome,
    named_assembly,
    recognised_assembly,
)
from gxtool.errors import ConfigError, InputError, did_you_mean
from gxtool.io.annotation_head import AnnotationHead
from gxtool.io.chromosomes import assembly_of_names, match_chromosomes, plain_name, renamed
from gxtool.io.tracks import Track

_SHOWN = 3


def check_assembly(tracks: Sequence[Track], wanted: str) -> None:
    """Check that all tracks have the same chromosome lengths, and those of the assembly asked for.

    Raises:
        InputError: two tracks disagree, or a track is of another assembly.
        ConfigError: an assembly nobody knows.
    """
    if wanted and wanted not in LENGTHS:
        near = did_you_mean(wanted, list(LENGTHS)) or f", expected one of {', '.join(LENGTHS)}"
        raise ConfigError(f"data.assembly: {wanted} is not known{near}")
    first = tracks[0]
    for track in tracks:
        if differs := differing_chromosome(track.chrom_sizes, first.chrom_sizes):
            name, other = differs
            raise InputError(
                f"{track.path}: {name} has {track.chrom_sizes[name]:,} bases but {first.chrom_sizes[other]:,} in "
                f"{first.path}, expected tracks of one assembly"
            )
        for name, length in track.chrom_sizes.items():
            known = LENGTHS[wanted].get(plain_name(name), length) if wanted else length
            if length != known:
                found = recognised_assembly(track.chrom_sizes)
                raise InputError(
                    f"{track.path}: chromosome {plain_name(name)} has {length:,} bases"
                    f"{f' as {found} has' if found else ''}, expected {known:,} as data.assembly={wanted} has"
                )


def check_chromosomes(tracks: Sequence[Track], annotation: str | Path, genes: pl.DataFrame) -> None:
    """Check that every track has chromosomes of the annotation, under whatever vendor's name, and room for every TSS,
    and that well-known genes lie where the tracks' assembly has them.

    Raises:
        InputError: no chromosome in common, a TSS that the chromosome has no room for, or another assembly.
    """
    chroms = genes["chrom"].unique(maintain_order=True).to_list()
    assembly = assembly_of_genes(genes)
    for track in tracks:
        matched = _matched(track, annotation, chroms)
        _require_same_assembly(track, annotation, assembly)
        lengths = pl.DataFrame(
            {"chrom": list(matched), "name": list(matched.values())}, {"chrom": pl.String, "name": pl.String}
        ).with_columns(length=pl.col("name").replace_strict(track.chrom_sizes, return_dtype=pl.Int64))
        beyond = genes.join(lengths, on="chrom", how="inner").filter(pl.col("tss") >= pl.col("length"))
        if len(beyond):
            gene = beyond.row(0, named=True)
            raise InputError(
                f"{annotation}: gene {gene['ensembl_id']} starts at {gene['chrom']}:{gene['tss'] + 1:,} "
                f"beyond the {gene['length']:,} bases that {gene['name']} has in {track.path}; "
                "expected both of one assembly"
            )


def check_head(tracks: Sequence[Track], annotation: str | Path, head: AnnotationHead) -> None:
    """Check against tracks what the beginning of an annotation says of its assembly and its chromosomes.

    Raises:
        InputError: no chromosome in common, or another assembly.
    """
    assembly = named_assembly(head.comments) or assembly_of_names(head.chroms)
    for track in tracks:
        if head.chroms:
            _matched(track, annotation, head.chroms)
        _require_same_assembly(track, annotation, assembly)


def names_in(track: Track, chroms: Sequence[str]) -> list[str]:
    """Return an annotation's chromosomes as a track calls them; those it does not have keep their names."""
    matched = match_chromosomes(chroms, track.chrom_sizes)
    return [matched.get(chrom, chrom) for chrom in chroms]


def renamed_chromosomes(tracks: Sequence[Track], chroms: Collection[str]) -> str:
    """Say how tracks call an annotation's chromosomes where the names differ; empty where they do not."""
    said = [renamed(match_chromosomes(chroms, track.chrom_sizes)) for track in tracks]
    return next((one for one in said if one), "")


def _matched(track: Track, annotation: str | Path, chroms: Sequence[str]) -> Mapping[str, str]:
    matched = match_chromosomes(chroms, track.chrom_sizes)
    if not matched:
        raise InputError(
            f"{track.path}: has chromosomes such as {', '.join(list(track.chrom_sizes)[:_SHOWN])}, but "
            f"{annotation} has {', '.join(chroms[:_SHOWN])}; expected the same chromosomes in both"
        )
    return matched


def _require_same_assembly(track: Track, annotation: str | Path, assembly: str) -> None:
    found = recognised_assembly(track.chrom_sizes)
    if found and assembly and found != assembly:
        raise InputError(
            f"{annotation}: is of assembly {assembly}, but {track.path} has the chromosome lengths of {found}; "
            "expected both of one assembly"
        )
