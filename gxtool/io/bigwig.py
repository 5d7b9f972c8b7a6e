"""bigWig tracks: exact means of a signal over bins.

The blocks that windows touch are read once, of many windows on two threads, and summed up from left to right; a bin's
mean is the difference of two sums. A reader of our own because a file that is cut off or damaged must give one
sentence: of the libraries, pybigtools 0.3.0 panics at most of them. Of a block only the intervals between its first
and last window are kept, as most windows of a real genome have their blocks to themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gxtool.errors import InputError
from gxtool.io.bigwig_format import MOST_CHROMS, BigWigFile, Intervals
from gxtool.io.track_file import TrackName, cut_bins, hash_source

# Bases of windows that are worked on together: bounds memory at about 50 bytes a base and thread.
_AT_ONCE = 4_000_000
_THREADS = 2
# Positions, and the ends of spans that begin at one, need less.
_CHROM_BITS = 33
# Number and size of a chromosome that the file does not have.
_NO_CHROM = (0, 0)


class BigWigTrack:
    """A bigWig file, open for reading; a context manager.

    Attributes:
        chrom_sizes: size (bp) of every chromosome that the file names.
    """

    kind = "bigwig"
    n_mapped = None

    def __init__(self, path: str | Path) -> None:
        """Open a file.

        Raises:
            InputError: it is no bigWig, is cut short or damaged, or an index is named beside it.
        """
        self.path = str(path)
        name = TrackName.parse(path)
        if name.index:
            raise InputError(f"{self.path}: names an index, expected none (a bigWig file has its own inside)")
        self._file = BigWigFile(name.path)
        self.chrom_sizes = {chrom: size for chrom, (_, size) in self._file.chroms.items()}

    def __enter__(self) -> BigWigTrack:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @cached_property
    def source(self) -> dict[str, Any]:
        """Name, SHA-256 and size of the file, for a manifest."""
        return hash_source(self._file.path)

    def bins(self, chroms: Sequence[str], starts: np.ndarray, ends: np.ndarray, n_bins: int) -> np.ndarray:
        """Return the mean over the bases of every bin, (G, n_bins) float32.

        Bases without a value (or with NaN) count as 0, and so does everything outside the chromosome and a chromosome
        that the file does not have. Rounding is about 1e-11 of the largest value in neighbouring windows.

        Raises:
            InputError: a block is damaged, intervals overlap, or a value is infinite.
            ValueError: `n_bins` does not divide a window.
        """
        edges = cut_bins(starts, ends, n_bins)
        means = np.zeros((len(edges), n_bins), np.float32)
        found = [self._file.chroms.get(chrom, _NO_CHROM) for chrom in chroms]
        numbers, sizes = np.array(found, np.int64).reshape(-1, 2, 1).swapaxes(0, 1)
        positions = on_one_axis(numbers, np.clip(edges, 0, sizes))
        rows = np.argsort(positions[:, 0], kind="stable")
        rows = rows[sizes[rows, 0] > 0]

        def fill(rows: np.ndarray) -> None:
            own = positions[rows]
            means[rows] = np.diff(integrate(self._read(own[:, 0], own[:, -1]), own)) / np.diff(edges[rows])

        bases = np.cumsum(edges[rows, -1] - edges[rows, 0])
        groups = np.split(rows, np.flatnonzero(np.diff(bases // _AT_ONCE)) + 1)
        if len(groups) == 1:
            # Threads would spend more on handing the interpreter to each other than they gain.
            fill(rows)
            return means
        with ThreadPoolExecutor(_THREADS) as pool:
            for _ in pool.map(fill, groups):
                pass
        return means

    def _read(self, starts: np.ndarray, ends: np.ndarray) -> Intervals:
        """Return the intervals of all blocks that windows touch, on the axis of all chromosomes; starts ascend."""
        blocks, block_starts, block_ends, block_reach = self._places
        reach = np.maximum.accumulate(ends)
        near = slice(
            int(np.searchsorted(block_reach, starts[:1].max(initial=0), side="right")),
            int(np.searchsorted(block_starts, reach[-1:].max(initial=0))),
        )
        blocks, block_starts, block_ends = blocks[near], block_starts[near], block_ends[near]
        # The first window that ends behind the start of a block is the leftmost that can touch it.
        window = np.searchsorted(reach, block_starts, side="right")
        lefts = np.append(starts, np.iinfo(np.int64).max)[window]
        touched = np.flatnonzero(lefts < block_ends)
        rights = reach[np.searchsorted(starts, block_ends[touched]) - 1]
        origins = block_starts[touched] - blocks["start"][touched]
        # Numbers of the file's own kind: numpy would turn whole blocks into 64 bits to compare them with others.
        bounds = np.stack([lefts[touched] + 1 - origins, rights - origins], axis=1).astype(np.uint32)
        parts = [
            self._between(block, here)
            for block, here in zip(self._file.read_blocks(blocks[touched]), bounds, strict=True)
        ]
        if not parts:
            return Intervals(*np.empty((3, 0)))
        starts, ends, values = (np.concatenate(column) for column in zip(*parts, strict=True))
        origin = np.repeat(origins, [len(part.values) for part in parts])
        return self._checked(Intervals(starts + origin, ends + origin, values.astype(np.float64)))

    @cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Blocks in the order of the genome, their starts and ends on one axis, and how far those before reach."""
        blocks = self._file.blocks
        blocks = blocks[blocks["chrom"] < MOST_CHROMS]
        starts, ends = (on_one_axis(blocks["chrom"].astype(np.int64), blocks[name]) for name in ("start", "end"))
        return blocks, starts, ends, np.maximum.accumulate(ends)

    def _between(self, block: Intervals, bounds: np.ndarray) -> Intervals:
        """Return the intervals of a block that touch [left, right), of which few windows leave few; left + 1, right."""
        starts = np.ascontiguousarray(block.starts)
        if (starts[1:] < starts[:-1]).any():
            raise self._file.damaged("intervals that do not ascend")
        first, last = starts.searchsorted(bounds).tolist()
        kept = slice(max(0, first - 1), last)
        return Intervals(starts[kept].copy(), block.ends[kept].copy(), block.values[kept].copy())

    def _checked(self, found: Intervals) -> Intervals:
        """Return the intervals with 0 for NaN."""
        if (found.starts[1:] < found.ends[:-1]).any() or (found.starts >= found.ends).any():
            raise self._file.damaged("intervals that overlap or are empty")
        if np.isfinite(found.values.sum()):
            return found
        wrong = np.isinf(found.values)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise InputError(
                f"{self.path}: found the value {found.values[row]} at {found.starts[row]}-{found.ends[row]}, "
                "expected finite numbers"
            )
        return found._replace(values=np.nan_to_num(found.values))


def on_one_axis(chroms: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return positions on one axis: chromosomes follow each other, so far apart that none reaches the next."""
    return (chroms << _CHROM_BITS) + positions


def integrate(signal: Intervals, positions: np.ndarray) -> np.ndarray:
    """Return the sum of a signal's base values from its beginning up to each position; intervals ascend."""
    # A first interval of nothing: what lies before all others.
    ends, values = np.append(0, signal.ends), np.append(0.0, signal.values)
    sums = np.cumsum(np.append(0.0, signal.values * (signal.ends - signal.starts)))
    last = np.searchsorted(signal.starts, positions, side="right")  # the interval that starts at or before a position
    behind = np.maximum(ends[last] - positions, 0)
    return sums[last] - values[last] * behind
