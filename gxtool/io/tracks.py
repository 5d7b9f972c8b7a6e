"""Tracks of signal along the genome, whatever file they come from: bigWig, BAM or CRAM."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gxtool.io.bam import AlignmentTrack, CountRules
from gxtool.io.bigwig import BigWigTrack
from gxtool.io.track_file import TrackName, recognise


class Track(Protocol):
    """A file that gives one number for every bin of a window; G windows of N bins. A context manager.

    `kind` is "bigwig", "bam" or "cram", `chrom_sizes` the size (bp) of its chromosomes, `n_mapped` the number of mapped
    alignments (None: a bigWig), `source` its name, SHA-256 and size (bytes).
    """

    path: str
    kind: str
    chrom_sizes: dict[str, int]

    @property
    def n_mapped(self) -> int | None: ...

    @property
    def source(self) -> dict[str, Any]: ...

    def bins(self, chroms: Sequence[str], starts: np.ndarray, ends: np.ndarray, n_bins: int) -> np.ndarray: ...

    def close(self) -> None: ...

    def __enter__(self) -> Track: ...

    def __exit__(self, *_: object) -> None: ...


def open_track(path: str | Path, rules: CountRules | None = None, reference: str | None = None) -> Track:
    """Open a track; its content says which format it has. `FILE##idx##INDEX` names the index of a BAM or CRAM.

    Args:
        rules: how reads are counted (BAM, CRAM); a bigWig has none.
        reference: FASTA of a CRAM, see `AlignmentTrack`.

    Raises:
        InputError: the file cannot be read, is none of the formats, is cut short or damaged, or has no index.
    """
    if recognise(TrackName.parse(path).path) == "bigwig":
        return BigWigTrack(path)
    return AlignmentTrack(path, rules, reference)
