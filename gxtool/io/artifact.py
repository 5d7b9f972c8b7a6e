"""Artifacts: the folders that pass between stages.

A folder holds data and a `manifest.json` with what the data is, where it came from and the SHA-256 of every file,
computed once while the file was written. A writer fills a hidden neighbour and renames it when complete, so a killed
stage leaves nothing that looks finished. Manifests hold no times and no absolute paths: equal inputs give equal bytes.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import polars as pl

from gxtool.errors import InputError
from gxtool.version import __version__

SCHEMA_VERSION = 1
KINDS = ("examples", "dataset", "dictionary", "model", "evaluation", "predictions", "effects", "designs", "comparison")
MANIFEST = "manifest.json"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Manifest:
    """What an artifact is; `files` maps a relative name to its SHA-256 and size (bytes)."""

    kind: str
    family: str = ""
    preset: str = ""
    seed: int | None = None
    schema_version: int = SCHEMA_VERSION
    gxtool_version: str = __version__
    parents: tuple[Mapping[str, str], ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the bytes of `manifest.json`, the same for the same content."""
        return (json.dumps(asdict(self), sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


@dataclass(frozen=True)
class Artifact:
    """A complete artifact on disk."""

    path: Path
    manifest: Manifest
    sha256: str

    @property
    def id(self) -> str:
        """Return the first 16 hex digits of the manifest's hash."""
        return self.sha256[:16]

    def as_parent(self) -> dict[str, str]:
        """Return how a child's manifest names this artifact."""
        return {"id": self.id, "kind": self.manifest.kind, "sha256": self.sha256}

    def array(self, name: str) -> np.ndarray:
        """Memory-map the array `name` read-only."""
        return np.load(self._listed(name), mmap_mode="r", allow_pickle=False)

    def table(self, name: str) -> pl.DataFrame:
        """Read the parquet table `name`."""
        return pl.read_parquet(self._listed(name))

    def json(self, name: str) -> Any:
        """Read the JSON file `name`."""
        return json.loads(self._listed(name).read_text(encoding="utf-8"))

    def _listed(self, name: str) -> Path:
        if name not in self.manifest.files or not (self.path / name).is_file():
            raise InputError(f"{self.path}: has no {name}, expected it in an artifact of kind {self.manifest.kind}")
        return self.path / name


def is_artifact(path: Path) -> bool:
    """Say whether a folder looks like an artifact."""
    return (Path(path) / MANIFEST).is_file()


def open_artifact(path: Path, kind: str | None = None, family: str | None = None) -> Artifact:
    """Open a complete artifact.

    Raises:
        InputError: no manifest, another kind, another family, or a schema version that this gxtool does not read.
    """
    path = Path(path)
    try:
        raw = (path / MANIFEST).read_bytes()
        content = json.loads(raw)
    except OSError:
        expected = f"an artifact of kind {kind}" if kind else "an artifact"
        raise InputError(f"{path}: has no {MANIFEST}, expected {expected}") from None
    except ValueError:
        raise InputError(f"{path / MANIFEST}: is not JSON, expected the manifest of an artifact") from None
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{path}: schema version {version}, expected {SCHEMA_VERSION} (this is gxtool {__version__}); make it again"
        )
    try:
        manifest = Manifest(**{**content, "parents": tuple(content["parents"])})
    except (TypeError, KeyError):
        raise InputError(f"{path / MANIFEST}: has unknown or missing fields, expected a gxtool manifest") from None
    if kind and manifest.kind != kind:
        raise InputError(f"{path}: is an artifact of kind {manifest.kind}, expected {kind}")
    if family and manifest.family and manifest.family != family:
        raise InputError(f"{path}: belongs to family {manifest.family}, expected {family}")
    return Artifact(path, manifest, hashlib.sha256(raw).hexdigest())


def describe(path: Path) -> dict[str, Any]:
    """Return what an artifact is, for JSON: its path, id and hash, and all that its manifest says."""
    opened = open_artifact(path)
    return {"path": str(path), "id": opened.id, "sha256": opened.sha256, **asdict(opened.manifest)}


def find_artifacts(roots: Sequence[Path], kind: str | None = None) -> list[Artifact]:
    """Open every artifact at or below the given folders, sorted by path; symbolic links are followed."""
    found: list[Artifact] = []
    for root in roots:
        if not Path(root).is_dir():
            raise InputError(f"{root}: is no folder, expected an artifact or a folder that holds some")
        for folder, subfolders, files in os.walk(root, followlinks=True):
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            if MANIFEST in files:
                subfolders.clear()
                found.append(open_artifact(Path(folder)))
    if kind:
        found = [artifact for artifact in found if artifact.manifest.kind == kind]
        if not found:
            raise InputError(f"{', '.join(map(str, roots))}: no artifact of kind {kind} found at or below")
    return found


def verify(artifact: Artifact) -> list[str]:
    """Hash every file again and say, one line each, what differs from the manifest."""
    problems = []
    for name, expected in sorted(artifact.manifest.files.items()):
        path = artifact.path / name
        if not path.is_file():
            problems.append(f"{name}: missing")
        elif hash_file(path)[0] != expected["sha256"]:
            problems.append(f"{name}: content differs from the manifest")
    return problems


def hash_file(path: Path) -> tuple[str, int]:
    """Return SHA-256 (hex) and size (bytes) of a file."""
    with Path(path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return digest.hexdigest(), file.tell()


class HashingFile:
    """A write-only binary file that hashes what passes through it."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("wb")
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: Any) -> int:
        """Write bytes (or anything with a buffer) and return their number."""
        view = memoryview(data).cast("B")
        self._file.write(view)
        self._digest.update(view)
        self.size += view.nbytes
        return view.nbytes

    def flush(self) -> None:
        """Hand buffered bytes to the operating system."""
        self._file.flush()

    def close(self) -> dict[str, Any]:
        """Close the file and return its entry for the manifest."""
        self._file.close()
        return {"sha256": self._digest.hexdigest(), "bytes": self.size}


class ArtifactWriter:
    """Write an artifact: a context manager that publishes a complete folder or nothing.

    Raises (on entering):
        InputError: the output exists and `overwrite` is false, or its parent cannot be written.
    """

    def __init__(
        self,
        path: Path,
        kind: str,
        *,
        family: str = "",
        preset: str = "",
        seed: int | None = None,
        overwrite: bool = False,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"unknown artifact kind {kind!r}")
        self.path = Path(path)
        self._fields: dict[str, Any] = {"kind": kind, "family": family, "preset": preset, "seed": seed}
        self._parents: list[Mapping[str, str]] = []
        self._files: dict[str, Mapping[str, Any]] = {}
        self._overwrite = overwrite
        self.folder = self.path.parent / f".{self.path.name}.{uuid.uuid4().hex[:8]}.partial"

    def __enter__(self) -> Self:
        if self.path.exists() and not self._overwrite and any(self.path.iterdir() if self.path.is_dir() else [1]):
            raise InputError(f"{self.path}: exists already, expected a new folder (or --overwrite)")
        try:
            self.folder.mkdir(parents=True)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({error.strerror})") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._publish()
        except OSError as problem:
            error = problem
        if error is None:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in _FULL:
            raise InputError(
                f"{self.path}: no space left while writing; nothing was kept, expected room for the whole artifact"
            ) from None
        if kind is None:
            raise error

    def write_array(self, name: str, array: np.ndarray) -> None:
        """Write one array as `.npy`."""
        with self.stream_array(name, array.shape, array.dtype) as stream:
            stream.append(array)

    def stream_array(self, name: str, shape: Sequence[int], dtype: np.dtype) -> ArrayStream:
        """Open an array of known shape that is written piece by piece along its first axis."""
        return ArrayStream(self, name, tuple(shape), np.dtype(dtype))

    def write_table(self, name: str, table: pl.DataFrame) -> None:
        """Write one polars table as parquet."""
        self._write(name, lambda file: table.write_parquet(file, compression="zstd"))

    def write_json(self, name: str, content: Any) -> None:
        """Write JSON with sorted keys; NaN becomes null so that every reader understands it."""
        text = json.dumps(_plain(content), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        self._write(name, lambda file: file.write(text.encode()))

    def write_text(self, name: str, text: str) -> None:
        """Write text as UTF-8."""
        self._write(name, lambda file: file.write(text.encode()))

    def adopt(self, name: str, source: Artifact, source_name: str | None = None) -> None:
        """Take a file of another artifact as it is: linked where the disk allows, copied otherwise, never re-hashed."""
        origin = (source.path / (source_name or name)).resolve()
        target = self._target(name)
        try:
            os.link(origin, target)
        except OSError:
            shutil.copyfile(origin, target)
        self._files[name] = source.manifest.files[source_name or name]

    def take(self, name: str) -> Path:
        """Return a path in the unfinished folder for a library that writes by itself; call `taken` afterwards."""
        return self._target(name)

    def taken(self, *names: str) -> None:
        """List files that a library wrote, hashing them."""
        for name in names:
            sha256, size = hash_file(self.folder / name)
            self._files[name] = {"sha256": sha256, "bytes": size}

    def has(self, name: str) -> bool:
        """Say whether a file has been written already."""
        return name in self._files

    def read_table(self, name: str) -> pl.DataFrame:
        """Read back a table of the unfinished artifact, to check it before it is published."""
        return pl.read_parquet(self.folder / name)

    def add_parent(self, parent: Artifact) -> None:
        """Record an artifact this one was made from."""
        self._parents.append(parent.as_parent())

    def describe(
        self,
        *,
        rows: Mapping[str, int] | None = None,
        dropped: Mapping[str, int] | None = None,
        info: Mapping[str, Any] | None = None,
    ) -> None:
        """Record row counts, what was dropped and why, and facts of the family for the manifest."""
        for key, value in (("rows", rows), ("dropped", dropped), ("info", info)):
            if value is not None:
                self._fields[key] = {**self._fields.get(key, {}), **_plain(value)}

    def _write(self, name: str, fill: Any) -> None:
        file = HashingFile(self._target(name))
        try:
            fill(file)
        finally:
            entry = file.close()
        self._files[name] = entry

    def _target(self, name: str) -> Path:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _publish(self) -> None:
        manifest = Manifest(**self._fields, parents=tuple(self._parents), files=self._files)
        (self.folder / MANIFEST).write_bytes(manifest.to_bytes())
        retired = None
        if self.path.exists():
            retired = self.path.parent / f".{self.path.name}.{uuid.uuid4().hex[:8]}.retired"
            self.path.rename(retired)
        self.folder.rename(self.path)
        if retired:
            shutil.rmtree(retired, ignore_errors=True)


class ArrayStream:
    """An `.npy` file of known shape, written along its first axis."""

    def __init__(self, writer: ArtifactWriter, name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self._writer, self._name, self._shape, self._dtype = writer, name, shape, dtype
        self._rows = 0

    def __enter__(self) -> Self:
        self._file = HashingFile(self._writer.take(self._name))
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
        self._writer._files[self._name] = entry


def _plain(value: Any) -> Any:
    """Turn numpy numbers, tuples and paths into what JSON knows; NaN and infinity become null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
