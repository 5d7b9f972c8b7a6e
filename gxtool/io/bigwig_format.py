"""The bigWig format: where a file's chromosomes and blocks are, and what one block holds.

Format: Kent et al., Bioinformatics 26:2204 (2010), supplement. A header points to a B+ tree of chromosomes and to an
R-tree of blocks; a block holds up to some thousand intervals of one chromosome in one of three notations and is usually
compressed. Zoom levels are averages of averages and are not read. Both byte orders occur.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import deflate
import numpy as np

from gxtool.errors import InputError

MAGIC = 0x888FFC26
_CHROMS_MAGIC, _BLOCKS_MAGIC = 0x78CA8C91, 0x2468ACE0
_HEADER = "u4,u2,u2,u8,u8,u8,u2,u2,u8,u8,u4,u8"  # see BigWigFile.__init__
_ZOOM = "u4,u4,u8,u8"  # reduction, reserved, data, index
_CHROMS_HEADER = "u4,u4,u4,u4,u8,u8"  # magic, items a node, key size, value size, items, reserved
_LONGEST_NAME = 1 << 12
MOST_CHROMS = 1 << 30
"""Chromosomes have smaller numbers than this."""
# Writers make blocks of up to 1,024 items of 12 bytes; what a damaged file claims is not set aside.
_LARGEST_BLOCK = 1 << 20
_LARGEST_CLAIM, _LARGEST_READ = 64 << 20, 256 << 20
# Bytes of neighbouring blocks that one call of the system reads.
_READ_AT_ONCE = 1 << 20
_BLOCKS_HEADER_SIZE = 48
# Bytes of nodes that are read at once.
_NODES = 1 << 16
_NODE = "2BH"  # is a leaf, reserved, items
_BLOCK = [("chrom", "u4"), ("start", "u4"), ("end_chrom", "u4"), ("end", "u4"), ("offset", "u8"), ("size", "u8")]
_BRANCH = [*_BLOCK[:4], ("offset", "u8")]
_SECTION = "5I2BH"  # chromosome, start, end, step, span, kind, reserved, items
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
            self._section = struct.Struct(self._order + _SECTION)
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

    def read_blocks(self, blocks: np.ndarray) -> Iterator[Intervals]:
        """Yield the intervals of some of `blocks`, in their order; those that lie side by side are read at once.

        Raises:
            InputError: a block is cut short or damaged.
        """
        offsets, sizes = blocks["offset"].astype(np.int64), blocks["size"].astype(np.int64)
        ends = offsets + sizes
        runs = np.append(0, np.cumsum(sizes)) // _READ_AT_ONCE
        apart = (offsets[1:] != ends[:-1]) | (runs[1:-1] != runs[:-2])
        cuts = np.concatenate([[0], np.flatnonzero(apart) + 1, [len(blocks)]]).tolist() if len(blocks) else [0]
        for first, last in pairwise(cuts):
            start = int(offsets[first])
            content = memoryview(self._read_bytes(start, int(ends[last - 1]) - start))
            for offset, size in zip(offsets[first:last].tolist(), sizes[first:last].tolist(), strict=True):
                yield self._intervals(content[offset - start : offset - start + size], offset)

    def _intervals(self, content: memoryview, offset: int) -> Intervals:
        if self._block_size:
            content = self._unpacked(content, offset)
        try:
            _, start, _, step, span, kind, _, n = self._section.unpack_from(content)
            items = np.frombuffer(content, self._items[kind], n, self._section.size)
        except (struct.error, ValueError, KeyError):
            raise self.damaged(f"block at byte {offset} is none of the three notations") from None
        if kind == _BED_GRAPH:
            return Intervals(items["start"], items["end"], items["value"])
        starts = items["start"] if kind == _VARIABLE_STEP else start + step * np.arange(n, dtype=np.int64)
        return Intervals(starts, starts + span, items["value"])

    def _unpacked(self, content: memoryview, offset: int) -> memoryview:
        # Unpacking takes most of the time of a file; zlib needs 1.6 times as long as libdeflate.
        try:
            return memoryview(deflate.zlib_decompress(content, self._block_size))
        except deflate.DeflateError:
            pass
        # A block may be larger than the header says that blocks are.
        try:
            return memoryview(deflate.zlib_decompress(content, max(self._block_size, _LARGEST_BLOCK)))
        except deflate.DeflateError:
            raise self.damaged(f"block at byte {offset}: cannot be unpacked or is larger than it says") from None

    def damaged(self, what: str) -> InputError:
        """Return the error that says what is wrong inside the file."""
        return InputError(f"{self.path}: is damaged ({what}), expected a sound bigWig file")

    def _check_zooms(self, n_zooms: int) -> None:
        """Check that the zoom levels, which stand last, begin inside the file; they are not read."""
        levels = self._type(_ZOOM)
        content = self._read_bytes(np.dtype(_HEADER).itemsize, n_zooms * levels.itemsize)
        for *_, data, index in np.frombuffer(content, levels).tolist():
            if max(data, index) + 4 > self._size:
                raise self._cut_short()

    def _read_chroms(self, offset: int) -> Iterator[tuple[str, tuple[int, int]]]:
        magic, _, key_size, value_size, _, _ = self._fields(offset, _CHROMS_HEADER)
        if magic != _CHROMS_MAGIC or value_size != 8 or not 0 < key_size <= _LONGEST_NAME:
            raise self.damaged("no list of chromosomes")
        leaf = [("name", f"S{key_size}"), ("number", "u4"), ("size", "u4")]
        branch = [("name", f"S{key_size}"), ("offset", "u8")]
        for items in self._walk(offset + np.dtype(_CHROMS_HEADER).itemsize, leaf, branch):
            for name, number, size in items.tolist():
                if number >= MOST_CHROMS:
                    raise self.damaged(f"chromosome {number:,}")
                yield name.decode("utf-8", "replace"), (number, size)

    def _read_blocks(self, offset: int) -> np.ndarray:
        # Files without any data may have no index.
        if not offset:
            return np.empty(0, _BLOCK)
        (magic,) = self._fields(offset, "u4,")
        if magic != _BLOCKS_MAGIC:
            raise self.damaged("no index of blocks")
        # As bytes: numpy compares the fields of every two arrays of records that it puts together.
        content = b"".join(items.data for items in self._walk(offset + _BLOCKS_HEADER_SIZE, _BLOCK, _BRANCH))
        blocks = np.frombuffer(content, self._type(_BLOCK)).astype(_BLOCK)
        size = np.uint64(self._size)
        # Neither sum nor difference may pass the ends of 64 bits.
        if ((blocks["size"] > size) | (blocks["offset"] > size - np.minimum(blocks["size"], size))).any():
            raise self._cut_short()
        return blocks[np.lexsort((blocks["start"], blocks["chrom"]))]

    def _walk(self, offset: int, leaf: list, branch: list) -> Iterator[np.ndarray]:
        """Yield the items of a tree's leaves, depth first; a node that is met twice would never end."""
        waiting, seen, total = [offset], set(), 0
        node, leaf_type, branch_type = struct.Struct(self._order + _NODE), self._type(leaf), self._type(branch)
        content, origin = b"", 0
        while waiting:
            offset = waiting.pop()
            if offset in seen:
                raise self.damaged(f"a tree goes in circles at byte {offset}")
            seen.add(offset)
            # Nodes are small and stand side by side: one call of the system reads many.
            if not origin <= offset <= origin + len(content) - node.size:
                content, origin = self._read_bytes(offset, max(node.size, min(_NODES, self._size - offset))), offset
            is_leaf, _, n = node.unpack_from(content, offset - origin)
            kind = leaf_type if is_leaf else branch_type
            total += n * kind.itemsize
            if total > self._size:
                raise self.damaged("a tree whose parts overlap")
            if offset - origin + node.size + n * kind.itemsize > len(content):
                size = max(node.size + n * kind.itemsize, min(_NODES, self._size - offset))
                content, origin = self._read_bytes(offset, size), offset
            items = np.frombuffer(content, kind, n, offset - origin + node.size)
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
