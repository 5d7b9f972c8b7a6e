"""Alleles and the sequence around them, as letters."""

from __future__ import annotations


def allele_window(contig: bytes, start: int, end: int, allele: bytes, length: int) -> bytes:
    """Return `length` letters with an allele in the middle that stands in the place of contig[start:end].

    floor((length - bases of the allele) / 2) letters stand before it, so that alleles of different lengths are centred
    each by itself; beyond the ends of the contig stands N.

    Raises:
        ValueError: an allele of more than `length` bases.
    """
    if len(allele) > length:
        raise ValueError(f"an allele has {len(allele)} bases, expected at most {length}")
    left = (length - len(allele)) // 2
    right = length - len(allele) - left
    before = contig[max(0, start - left) : start].rjust(left, b"N")
    return before + allele + contig[end : end + right].ljust(right, b"N")
