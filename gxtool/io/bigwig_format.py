"""The bigWig format: where a file's chromosomes and blocks are, and what one block holds.

Format: Kent et al., Bioinformatics 26:2204 (2010), supplement. A header points to a B+ tree of chromosomes and to an
R-tree of blocks; a block holds up to some thousand intervals of one chromosome in one of three notations and is usually
compressed. Zoom levels are averages of averages and are not read. Both byte orders occur.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from isal import isal_zlib

from gxtool.errors import InputError

MAGIC = 0x888FFC26
_CHROMS_MAGIC, _BLOCKS_MAGIC = 0x78CA8C91, 0x2468ACE0
_HEADER = "u4,u2,u2,u8,u8,u8,u2,u2,u8,u8,u4,u8"  # see BigWigFile.__init__
_ZOOM = "u4,u4,u8,u8"  # reduction, reserved, data, index
_CHROMS_HEADER = "u4,u4,u4,u4,u8,u8"  # magic, items a node, key size, value size, items, reserved
_LONGEST_NAME = 1 << 12
# Writers make blocks of up to 1,024 items of 12 bytes; what a damaged file claims is not set aside.
_LARGEST_BLOCK = 1 << 20
_LARGEST_CLAIM, _LARGEST_READ = 64 << 20, 256 << 20
_BLOCKS_HEADER_SIZE = 48
_NODE = "u1,u1,u2"  # is a leaf, reserved, items
_BLOCK = [("chrom", "u4"), ("start", "u4"), ("end_chrom", "u4"), ("end", "u4"), ("offset", "u8"), ("size", "u8")]
_BRANCH = [*_BLOCK[:4], ("offset", "u8")]
_SECTION = [("chrom", "u4"), ("start", "u4"), ("end", "u4"), ("step", "u4"), ("span", "u4")]
_SECTION += [("kind", "u1"), ("reserved", "u1"), ("n", "u2")]
# The three notations: every interval's start and end, starts of equal spans, or equal spans at equal steps.
_BED_GRAPH, _VARIABLE_STEP, _FIXED_STEP = 1, 2, 3
_ITEMS = {
    _BED_GRAPH: [("start", "u4"), ("end", "u4"), ("value", "f4")],
    _VARIABLE_STEP: [("start", "u4"), ("value", "f4")],
    _FIXED_STEP: [("value", "f4")],
}


class Intervals(NamedTuple):
    """Intervals [start, end) and their values, as numbers of any size; bases between them have none."""

    starts: np.ndarray
    ends: np.ndarray
    values: np.ndarray


class BigWigFile:
    """An open bigWig: chromosomes and the places of its blocks; blocks are read when asked for, from any thread.

    Attributes:
        chroms: name -> (number, size in bp), in the file's order.
        blocks: `chrom` (number), `start`, `end` (bp), `offset`, `size` (bytes), ascending by position.
    """

    def __init__(self, path: Path) -> None:
        """Open a file and read its two trees.

        Raises:
            InputError: it is no bigWig, it ends too early, or it is damaged.
        """
        self.path = path
        self._file = path.open("rb")
        self._size = os.fstat(self._file.fileno()).st_size
        try:
            self._order = "<" if self._read_bytes(0, 4) == MAGIC.to_bytes(4, "little") else ">"
            self._section = self._type(_SECTION)
            self._items = {kind: self._type(fields) for kind, fields in _ITEMS.items()}
            magic, _version, n_zooms, chroms, _data, index, *_bed, _summary, block_size, _ = self._fields(0, _HEADER)
            if magic != MAGIC:
                raise InputError(f"{path}: is no bigWig file, expected one")
            if block_size > _LARGEST_CLAIM:
                raise self.damaged(f"blocks of {block_size:,} bytes")
            self._block_size = block_size  # bytes once unpacked, 0: blocks are not compressed
            self._check_zooms(n_zooms)
            self.chroms = dict(self._read_chroms(chroms))
            self.blocks = self._read_blocks(index)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read_block(self, offset: int, size: int) -> Intervals:
        """Return the intervals of a block.

        Raises:
            InputError: the block is cut short or damaged.
        """
        content = self._read_bytes(offset, size)
        if self._block_size:
            try:
                # Unpacking takes most of the time of a file; zlib needs 1.8 times as long.
                stream = isal_zlib.decompressobj()
                # What a block claims to be is not what it unpacks to.
                content = stream.decompress(content, max(self._block_size, _LARGEST_BLOCK))
            except isal_zlib.error as error:
                raise self.damaged(f"block at byte {offset}: {error}") from None
            if not stream.eof:
                raise self.damaged(f"block at byte {offset} ends too early or is larger than it says")
        try:
            _, start, _, step, span, kind, _, n = np.frombuffer(content, self._section, 1)[0].item()
            items = np.frombuffer(content, self._items[kind], n, self._section.itemsize)
        except (ValueError, KeyError):
            raise self.damaged(f"block at byte {offset} is none of the three notations") from None
        if kind == _BED_GRAPH:
            return Intervals(items["start"], items["end"], items["value"])
        starts = items["start"] if kind == _VARIABLE_STEP else start + step * np.arange(n, dtype=np.int64)
        return Intervals(starts, starts + span, items["value"])

    def damaged(self, what: str) -> InputError:
        """Return the error that says what is wrong inside the file."""
        return InputError(f"{self.path}: is damaged ({what}), expected a sound bigWig file")

    def _check_zooms(self, n_zooms: int) -> None:
        """Check that the zoom levels, which stand last, begin inside the file; they are not read."""
        first = np.dtype(_HEADER).itemsize
        for number in range(n_zooms):
            *_, data, index = self._fields(first + number * np.dtype(_ZOOM).itemsize, _ZOOM)
            self._read_bytes(max(data, index), 4)

    def _read_chroms(self, offset: int) -> Iterator[tuple[str, tuple[int, int]]]:
        magic, _, key_size, value_size, _, _ = self._fields(offset, _CHROMS_HEADER)
        if magic != _CHROMS_MAGIC or value_size != 8 or not 0 < key_size <= _LONGEST_NAME:
            raise self.damaged("no list of chromosomes")
        leaf = [("name", f"S{key_size}"), ("number", "u4"), ("size", "u4")]
        branch = [("name", f"S{key_size}"), ("offset", "u8")]
        for items in self._walk(offset + np.dtype(_CHROMS_HEADER).itemsize, leaf, branch):
            for name, number, size in items.tolist():
                yield name.decode("utf-8", "replace"), (number, size)

    def _read_blocks(self, offset: int) -> np.ndarray:
        # Files without any data may have no index.
        if not offset:
            return np.empty(0, _BLOCK)
        (magic,) = self._fields(offset, "u4,")
        if magic != _BLOCKS_MAGIC:
            raise self.damaged("no index of blocks")
        parts = list(self._walk(offset + _BLOCKS_HEADER_SIZE, _BLOCK, _BRANCH))
        blocks = np.concatenate(parts or [np.empty(0, _BLOCK)]).astype(_BLOCK)
        size = np.uint64(self._size)
        # Neither sum nor difference may pass the ends of 64 bits.
        if ((blocks["size"] > size) | (blocks["offset"] > size - np.minimum(blocks["size"], size))).any():
            raise self._cut_short()
        return blocks[np.lexsort((blocks["start"], blocks["chrom"]))]

    def _walk(self, offset: int, leaf: list, branch: list) -> Iterator[np.ndarray]:
        """Yield the items of a tree's leaves, depth first; a node that is met twice would never end."""
        waiting, seen, total = [offset], set(), 0
        while waiting:
            offset = waiting.pop()
            if offset in seen:
                raise self.damaged(f"a tree goes in circles at byte {offset}")
            seen.add(offset)
            is_leaf, _, n = self._fields(offset, _NODE)
            kind = self._type(leaf if is_leaf else branch)
            total += n * kind.itemsize
            if total > self._size:
                raise self.damaged("a tree whose parts overlap")
            items = np.frombuffer(self._read_bytes(offset + 4, n * kind.itemsize), kind)
            if is_leaf:
                yield items
            else:
                waiting += items["offset"][::-1].tolist()

    def _fields(self, offset: int, kinds: str) -> tuple[int, ...]:
        kind = self._type(kinds)
        return np.frombuffer(self._read_bytes(offset, kind.itemsize), kind)[0].item()

    def _type(self, fields: str | list) -> np.dtype:
        return (_numbers(fields) if isinstance(fields, str) else np.dtype(fields)).newbyteorder(self._order)

    def _read_bytes(self, offset: int, size: int) -> bytes:
        if offset + size > self._size:
            raise self._cut_short()
        if size > _LARGEST_READ:
            raise self.damaged(f"a block of {size:,} bytes")
        return os.pread(self._file.fileno(), size, offset)

    def _cut_short(self) -> InputError:
        return InputError(f"{self.path}: ends too early (a cut-off download?), expected a complete bigWig file")


@cache
def _numbers(kinds: str) -> np.dtype:
    """Return the type of consecutive numbers; numpy takes longer to read such a text than to read them."""
    return np.dtype(kinds)
