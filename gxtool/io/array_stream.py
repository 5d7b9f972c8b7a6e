"""Arrays that are written piece by piece: no more of them is in memory than a piece."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from gxtool.io.hashes import HashingFile


class ArrayStream:
    """An `.npy` file of known shape, written along its first axis; its hash and size go into `entries` under `name`."""

    def __init__(
        self, path: Path, entries: dict[str, Mapping[str, Any]], name: str, shape: tuple[int, ...], dtype: np.dtype
    ) -> None:
        self._path, self._entries, self._name, self._shape, self._dtype = path, entries, name, shape, dtype
        self._rows = 0

    def __enter__(self) -> Self:
        self._file = HashingFile(self._path)
        header = {"descr": np.lib.format.dtype_to_descr(self._dtype), "fortran_order": False, "shape": self._shape}
        np.lib.format.write_array_header_1_0(self._file, header)
        return self

    def append(self, piece: np.ndarray) -> None:
        """Write the next rows; their trailing shape and type must be the declared ones."""
        if piece.shape[1:] != self._shape[1:] or piece.dtype != self._dtype:
            raise ValueError(f"{self._name}: piece {piece.shape} {piece.dtype}, expected {self._shape} {self._dtype}")
        self._rows += len(piece)
        if piece.size:
            self._file.write(np.ascontiguousarray(piece))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        entry = self._file.close()
        if error is None and self._rows != self._shape[0]:
            raise ValueError(f"{self._name}: {self._rows} rows written, {self._shape[0]} declared")
        self._entries[self._name] = entry
