"""Windows around transcription start sites: the one place that knows where in a window the TSS lies."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from gxtool.errors import ConfigError, quoted

ORIENTATIONS = ("none", "strand")


class Windows(NamedTuple):
    """G windows, 0-based half-open; they may begin below 0 or end beyond the chromosome."""

    start: np.ndarray  # (G,) int64, bp
    end: np.ndarray  # (G,) int64, bp
    flipped: np.ndarray  # (G,) bool: what is read from start to end must be reversed (see `orient`)


def cut_windows(
    tss: np.ndarray, minus: np.ndarray, window_size: int, orientation: Literal["none", "strand"]
) -> Windows:
    """Return the window of `window_size` bp around each TSS (0-based first transcribed base).

    `minus` says which genes are on the minus strand. none: the TSS is at index `window_size // 2` of the genome's
    direction, for both strands. strand: it is at that index once the windows of the minus strand are reversed, so
    index `window_size // 2 + 1` is downstream of the TSS on both strands.

    Raises:
        ConfigError: a window of less than 1 bp, or another orientation.
    """
    if window_size < 1:
        raise ConfigError(f"window_size {window_size} is no width, expected at least 1 bp")
    if orientation not in ORIENTATIONS:
        raise ConfigError(f"orientation {quoted(orientation)} is unknown, expected none or strand")
    tss, minus = np.asarray(tss, np.int64), np.asarray(minus, bool)
    flipped = minus if orientation == "strand" else np.zeros_like(minus)
    before = np.where(flipped, window_size - window_size // 2 - 1, window_size // 2)
    start = tss - before
    return Windows(start, start + window_size, flipped.copy())


def orient(signal: np.ndarray, flipped: np.ndarray) -> np.ndarray:
    """Return signal (G, N, ...) with the N positions of flipped rows reversed; the argument is left as it is."""
    flipped = np.asarray(flipped, bool)
    oriented = np.array(signal)
    oriented[flipped] = signal[flipped, ::-1]
    return oriented
