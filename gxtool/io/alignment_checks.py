"""Checks of BAM and CRAM files that htslib leaves out or only warns of: complete files, fitting references."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gxtool.errors import InputError
from gxtool.io.track_file import TrackName

# An empty BGZF block ends a BAM (SAM/BAM specification, section 4.1.2).
_BAM_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
# An empty container ends a CRAM since version 2.1; its position field spells EOF (CRAM specification, section 9).
_CRAM_END, _CRAM_END_SIZE = b"\xe0EOF", 38
_CRAM_WITHOUT_END = (2, 0)


def check_complete(path: Path, kind: str) -> None:
    """Check that a file of kind "bam" or "cram" ends as such files end.

    Raises:
        InputError: it does not; most of the time a download or a disk stopped early.
    """
    with path.open("rb") as file:
        version = tuple(file.read(6)[4:])
        file.seek(max(0, os.fstat(file.fileno()).st_size - _CRAM_END_SIZE))
        end = file.read()
    if kind == "cram" and version == _CRAM_WITHOUT_END:
        return
    if not (_CRAM_END in end if kind == "cram" else end.endswith(_BAM_END)):
        raise InputError(
            f"{path}: ends without an end-of-file block (a cut-off download?), expected a complete {kind.upper()} file"
        )


def check_reference(reference: str, chrom_sizes: Mapping[str, int], cram: str) -> None:
    """Check by its .fai index that a reference FASTA has the chromosomes of a CRAM in their sizes.

    Raises:
        InputError: the FASTA or its index is missing or unreadable, or a chromosome is missing or of another size.
    """
    fasta, index = TrackName.parse(reference)
    index = index or Path(f"{fasta}.fai")
    try:
        rows = [line.split("\t") for line in index.read_text(encoding="utf-8").splitlines()]
        sizes = {row[0]: int(row[1]) for row in rows}
    except FileNotFoundError:
        raise InputError(f"{fasta}: has no index, expected {index.name} beside it (`samtools faidx`)") from None
    except (OSError, ValueError, IndexError):
        raise InputError(f"{index}: is no index of a FASTA file, expected the .fai of {fasta.name}") from None
    for chrom, size in chrom_sizes.items():
        if sizes.get(chrom) != size:
            there = f"has {chrom} with {sizes[chrom]} bp" if chrom in sizes else f"has no {chrom}"
            raise InputError(f"{fasta}: {there}, expected {chrom} with {size} bp as in {cram}")
