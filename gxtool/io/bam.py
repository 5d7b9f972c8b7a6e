"""BAM and CRAM tracks: reads counted in bins.

With `skip_flags=0x600` counts equal those of `bedtools multicov` on the same bins: it counts every read that is neither
duplicate nor QC-failed over the whole stretch between its first and last aligned base, deletions and introns (N)
included, clipped bases not; an unmapped read that is placed beside its mate counts at that one base. The default skips
secondary and unmapped reads as well; supplementary alignments count in both.

Of a CRAM only positions are decoded: that needs no reference, so that none is looked for.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pysam

from gxtool.errors import InputError, plain
from gxtool.io.alignment_checks import check_complete, check_index, check_reference
from gxtool.io.track_file import TrackName, cut_bins, hash_source, recognise, rows_by_chrom

# Errors become sentences of ours; htslib would say them on stderr as well.
pysam.set_verbosity(0)

PAIRED, PROPER_PAIR, UNMAPPED, REVERSE, SECONDARY = 0x1, 0x2, 0x4, 0x10, 0x100
QC_FAIL, DUPLICATE, SUPPLEMENTARY = 0x200, 0x400, 0x800
LONGEST_FRAGMENT = 2000
"""Proper pairs further apart (bp) are no fragments: what aligners of ATAC-seq allow at most (bowtie2 -X 2000)."""
# Windows closer than this (bp) are read in one go: an index points no finer than 16,384 bp.
_GAP = 16_384
# What counting needs of a CRAM's records: flag, chromosome, position, MAPQ, CIGAR, length of the template. Where bases
# are asked for, htslib looks for the reference, if need be on the network.
_FIELDS, _FLAG_FIELD = 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | 0x100, 0x2


@dataclass(frozen=True)
class CountRules:
    """Which reads count, and where.

    Attributes:
        min_mapq: smallest mapping quality that counts.
        skip_flags: reads with any of these flags do not count (unmapped, secondary, QC-fail, duplicate).
        extend: length (bp) to which a single-end read is made longer in its direction; 0 or a longer read: as it is.
            Reads of pairs stay as they are.
        fragments: count a proper pair of at most `LONGEST_FRAGMENT` bp once, at the centre of its fragment, by its
            left read; pairs that are not proper and supplementary alignments do not count then, single-end reads do.
    """

    min_mapq: int = 0
    skip_flags: int = UNMAPPED | SECONDARY | QC_FAIL | DUPLICATE
    extend: int = 0
    fragments: bool = False

    @property
    def reach(self) -> int:
        """Largest distance (bp) between a read and the bases at which it counts."""
        return max(self.extend, LONGEST_FRAGMENT // 2 if self.fragments else 0)


class Reads(NamedTuple):
    """Aligned reads on [start, end) with flag and signed length of the template (bp), int64 each."""

    starts: np.ndarray
    ends: np.ndarray
    flags: np.ndarray
    template_lengths: np.ndarray


class AlignmentTrack:
    """A sorted BAM or CRAM file with an index, open for reading; a context manager.

    Attributes:
        kind: "bam" or "cram".
        chrom_sizes: size (bp) of every chromosome in the header.
    """

    def __init__(self, path: str | Path, rules: CountRules | None = None, reference: str | None = None) -> None:
        """Open a file; `reference` is the FASTA (`FILE` or `FILE##idx##INDEX`) that a CRAM was made with.

        A CRAM is counted without it; naming it has its chromosomes checked.

        Raises:
            InputError: no BAM or CRAM, no index, a file that is cut short, or a reference with other chromosomes.
        """
        self.path = str(path)
        self.rules = rules or CountRules()
        self._name = TrackName.parse(path)
        self.kind = recognise(self._name.path)
        if self.kind == "bigwig":
            raise InputError(f"{self.path}: is a bigWig file, expected a BAM or CRAM file")
        check_complete(self._name.path, self.kind)
        for index in self._indices():
            check_index(index)
        self._file = self._open(_FIELDS)
        try:
            self.chrom_sizes = dict(zip(self._file.references, self._file.lengths, strict=True))
            self._check_index()
            self._n_indexed = self._file.mapped
            if reference and self.kind == "cram":
                check_reference(reference, self.chrom_sizes, self.path)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> AlignmentTrack:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        _close(self._file)

    @cached_property
    def source(self) -> dict[str, Any]:
        """Name, SHA-256 and size of the file, for a manifest."""
        return hash_source(self._name.path)

    @cached_property
    def n_mapped(self) -> int:
        """Number of mapped alignments, duplicates and secondary ones included: from the index of a BAM.

        The index of a CRAM does not hold it: all flags of the file are read.

        Raises:
            InputError: a block of a CRAM is damaged.
        """
        if self.kind == "bam":
            return self._n_indexed
        file = self._open(_FLAG_FIELD)
        try:
            return sum(1 for read in self._reads(file, until_eof=True) if not read.flag & UNMAPPED)
        finally:
            _close(file)

    def bins(self, chroms: Sequence[str], starts: np.ndarray, ends: np.ndarray, n_bins: int) -> np.ndarray:
        """Return the number of reads that overlap every bin by a base or more, (G, n_bins) uint32.

        A read on the edge of two bins counts in both. Nothing counts outside the chromosome, nor on one that the file
        does not have.

        Raises:
            InputError: a block that is needed is damaged.
            ValueError: `n_bins` does not divide a window.
        """
        edges = cut_bins(starts, ends, n_bins)
        counts = np.zeros((len(edges), n_bins), np.uint32)
        for chrom, rows in rows_by_chrom(chroms).items():
            if chrom in self.chrom_sizes:
                size = self.chrom_sizes[chrom]
                clipped = np.clip(edges[rows], 0, size)
                reads = self._fetch(chrom, merge(clipped[:, 0], clipped[:, -1], self.rules.reach))
                first, last = place(reads, self.rules)
                counts[rows] = count_overlaps(np.clip(first, 0, size), np.clip(last, 0, size), clipped)
        return counts

    def _fetch(self, chrom: str, regions: Sequence[tuple[int, int]]) -> Reads:
        """Return the reads that overlap disjoint, ascending regions and pass the filters; each read once."""
        rules, found = self.rules, [array("q") for _ in Reads._fields]
        add_start, add_end, add_flag, add_length = (values.append for values in found)
        done = -1
        for region in regions:
            for read in self._reads(self._file, contig=chrom, start=region[0], stop=region[1]):
                start, flag = read.reference_start, read.flag
                # A read that begins in the region before has been met there.
                if start < done or flag & rules.skip_flags or read.mapping_quality < rules.min_mapq:
                    continue
                add_start(start)
                # No CIGAR: the read is known to lie on one base.
                add_end(read.reference_end or start + 1)
                add_flag(flag)
                add_length(read.template_length)
            done = region[1]
        return Reads(*(np.array(values, np.int64) for values in found))

    def _open(self, fields: int) -> pysam.AlignmentFile:
        is_cram = self.kind == "cram"
        try:
            return pysam.AlignmentFile(
                str(self._name.path),
                "rc" if is_cram else "rb",
                index_filename=str(self._name.index) if self._name.index else None,
                threads=1,  # with more, htslib 1.24 waits for ever at some damaged blocks
                format_options=[f"required_fields={fields}".encode()] if is_cram else None,
            )
        except (OSError, ValueError) as error:
            raise InputError(
                f"{self.path}: cannot be read ({plain(str(error))}), expected a sound file and index"
            ) from None

    def _indices(self) -> list[Path]:
        """Return the .bai files that htslib would read."""
        path = self._name.path
        there = [self._name.index] if self._name.index else [Path(f"{path}.bai"), path.with_suffix(".bai")]
        return [index for index in there if self.kind == "bam" and index.suffix == ".bai" and index.is_file()]

    def _check_index(self) -> None:
        if not self._file.has_index():
            name, ending = self._name.path, {"bam": ".bai", "cram": ".crai"}[self.kind]
            raise InputError(
                f"{name}: has no index, expected a sound {name.name}{ending} beside it "
                f"(`samtools index {name.name}` makes it)"
            )

    def _reads(self, file: pysam.AlignmentFile, **region: Any) -> Iterator[pysam.AlignedSegment]:
        """Yield the reads of a region; htslib finds a damaged block only when it comes to it."""
        try:
            yield from file.fetch(**region)
        except (OSError, ValueError, NotImplementedError) as error:
            fault = plain(str(error))
            raise InputError(
                f"{self.path}: is damaged or cut short ({fault}), expected a sound {self.kind.upper()} file"
            ) from None


def merge(starts: np.ndarray, ends: np.ndarray, reach: int) -> list[tuple[int, int]]:
    """Return disjoint, ascending regions that cover all windows and `reach` bp around them; small gaps are closed."""
    starts, ends = starts[ends > starts], ends[ends > starts]
    if not len(starts):
        return []
    order = np.argsort(starts, kind="stable")
    starts, ends = np.maximum(starts[order] - reach, 0), np.maximum.accumulate(ends[order] + reach)
    new = np.flatnonzero(starts[1:] > ends[:-1] + _GAP) + 1
    return list(zip(starts[np.append(0, new)].tolist(), ends[np.append(new, len(ends)) - 1].tolist(), strict=True))


def place(reads: Reads, rules: CountRules) -> tuple[np.ndarray, np.ndarray]:
    """Return where reads count, [start, end) each: as aligned, extended, or at the centre of their fragment."""
    starts, ends, flags, lengths = reads
    single = flags & PAIRED == 0
    if rules.extend:
        minus = flags & REVERSE > 0
        starts = np.where(single & minus, np.minimum(starts, ends - rules.extend), starts)
        ends = np.where(single & ~minus, np.maximum(ends, reads.starts + rules.extend), ends)
    if rules.fragments:
        proper = (flags & PROPER_PAIR > 0) & (flags & (SECONDARY | SUPPLEMENTARY) == 0)
        left = proper & ~single & (lengths > 0) & (lengths <= LONGEST_FRAGMENT)
        centres = reads.starts + lengths // 2
        starts, ends = np.where(left, centres, starts), np.where(left, centres + 1, ends)
        starts, ends = starts[left | single], ends[left | single]
    return starts, ends


def count_overlaps(starts: np.ndarray, ends: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return how many intervals [start, end) overlap each bin between `edges` (G, n_bins + 1).

    Those that overlap [a, b) start before b, less those that end at or before a.
    """
    begun = np.searchsorted(np.sort(starts), edges[:, 1:], side="left")
    over = np.searchsorted(np.sort(ends), edges[:, :-1], side="right")
    return begun - over


def _close(file: pysam.AlignmentFile) -> None:
    # htslib repeats at the end what went wrong in reading, which has been said.
    with suppress(OSError):
        file.close()
