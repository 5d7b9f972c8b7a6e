"""Checks of BAM and CRAM files that htslib leaves out or only warns of: complete files, fitting references."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

from gxtool.errors import InputError
from gxtool.files import check_openable
from gxtool.io.indexed import split_index
from gxtool.io.packed import read_lines

# An empty BGZF block ends a BAM (SAM/BAM specification, section 4.1.2), an empty container a CRAM since version 2.1
# (CRAM specification, section 9).
_BAM_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_CRAM_2_1_END = bytes.fromhex("0b000000ffffffff0fe0454f460000000001000001000606010001000100")
_CRAM_3_END = bytes.fromhex("0f000000ffffffff0fe0454f4600000000010005bdd94f0001000606010001000100ee63014b")
_CRAM_ENDS = {(2, 1): _CRAM_2_1_END, (3, 0): _CRAM_3_END, (3, 1): _CRAM_3_END}
_LARGEST_INDEX = 256 << 20
_BAI = b"BAI\1"
_LAST_BIN = 37_450  # of six levels: not a bin but two pairs of counts (SAM/BAM specification, section 5.2)
_BLOCK_SIZE = 1 << 16  # of BGZF, at most


def check_complete(path: Path, kind: str) -> None:
    """Check that a file of kind "bam" or "cram" ends as such files end and that the first block of a BAM is sound.

    Raises:
        InputError: it is not so; most of the time a download or a disk stopped early.
    """
    with path.open("rb") as file:
        begin = file.read(_BLOCK_SIZE)
        file.seek(max(0, os.fstat(file.fileno()).st_size - len(_CRAM_3_END)))
        end = file.read()
    wanted = _BAM_END if kind == "bam" else _CRAM_ENDS.get(tuple(begin[4:6]), b"")
    if not end.endswith(wanted):
        raise InputError(
            f"{path}: ends without an end-of-file block (a cut-off download?), expected a complete {kind.upper()} file"
        )
    try:
        if kind == "bam":
            zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(begin, _BLOCK_SIZE)
    except zlib.error as error:
        raise InputError(f"{path}: is damaged (first block: {error}), expected a sound BAM file") from None


def check_index(path: Path) -> None:
    """Check that a BAM's index (.bai) has the layout it should have: htslib may crash at others.

    Raises:
        InputError: another layout, a bin twice, or an end before the last chromosome.
    """
    check_openable(path, "the index of a BAM file (.bai)")
    content = path.read_bytes()
    try:
        place = 8
        if content[:4] != _BAI:
            raise ValueError("other first bytes")
        for _ in range(*struct.unpack_from("<i", content, 4)):
            (n_bins,), place = struct.unpack_from("<i", content, place), place + 4
            seen = set()
            for _ in range(n_bins):
                (number, n_chunks), place = struct.unpack_from("<Ii", content, place), place + 8
                if number in seen or number > _LAST_BIN or (number == _LAST_BIN and n_chunks != 2):
                    raise ValueError("a bin that is twice there or none")
                seen.add(number)
                place = _behind(content, place, n_chunks, 16)
            (n_intervals,), place = struct.unpack_from("<i", content, place), place + 4
            place = _behind(content, place, n_intervals, 8)
    except (struct.error, ValueError) as error:
        raise InputError(
            f"{path}: is damaged or cut short ({error}), expected the index of a BAM file (`samtools index` makes it)"
        ) from None


def _behind(content: bytes, place: int, count: int, size: int) -> int:
    end = place + count * size
    if count < 0 or end > len(content):
        raise ValueError("an end before the last chromosome")
    return end


def check_reference(reference: str, chrom_sizes: Mapping[str, int], cram: str) -> None:
    """Check by its .fai index that a reference FASTA has the chromosomes of a CRAM in their sizes.

    Raises:
        InputError: the FASTA or its index is missing or unreadable, or a chromosome is missing or of another size.
    """
    fasta, named = split_index(reference)
    index = Path(named or f"{fasta}.fai")
    check_openable(index, "the index of a FASTA file (.fai)")
    if not Path(fasta).is_file():
        raise InputError(f"{fasta}: is no file, expected the reference (FASTA) of {cram}")
    if not index.exists():
        raise InputError(f"{fasta}: has no index, expected {index} (`samtools faidx` makes it)")
    try:
        lines = read_lines(index, str(index), "the index of a FASTA file (.fai)", largest=_LARGEST_INDEX)
        rows = [line.split("\t") for _, line in lines]
        sizes = {row[0]: int(row[1]) for row in rows}
    except (ValueError, IndexError):
        raise InputError(f"{index}: is no index of a FASTA file, expected the .fai of {fasta}") from None
    for chrom, size in chrom_sizes.items():
        if sizes.get(chrom) != size:
            there = f"has {chrom} with {sizes[chrom]} bp" if chrom in sizes else f"has no {chrom}"
            raise InputError(f"{fasta}: {there}, expected {chrom} with {size} bp as in {cram}")
