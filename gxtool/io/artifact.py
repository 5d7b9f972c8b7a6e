"""Artifacts: the folders that pass between stages.

A folder holds data and a `manifest.json` with what the data is, where it came from and the SHA-256 of every file,
computed once while the file was written and checked when it is read. A writer fills a hidden neighbour and renames it
when complete, so a killed stage leaves nothing that looks finished. Manifests hold no times and no absolute paths:
equal inputs give equal bytes.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import polars as pl

from gxtool.errors import InputError
from gxtool.files import is_full
from gxtool.io.array_stream import ArrayStream
from gxtool.io.hashes import HashingFile, content_problem, hashed_entry, size_problem
from gxtool.io.manifest import KINDS, MANIFEST, Manifest, kind_of, read_manifest
from gxtool.io.unfinished import Unfinished

BESIDE = "beside"
"""In a manifest's `info`: names of files that belong to the artifact and enter no id, so no hash of theirs is there."""


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
        return np.load(self.file(name), mmap_mode="r", allow_pickle=False)

    def table(self, name: str) -> pl.DataFrame:
        """Read the parquet table `name`."""
        return pl.read_parquet(self.file(name))

    def json(self, name: str) -> Any:
        """Read the JSON file `name`."""
        return json.loads(self.text(name))

    def text(self, name: str) -> str:
        """Read the text file `name`."""
        return self.file(name).read_text(encoding="utf-8")

    def file(self, name: str) -> Path:
        """Return the path of a file whose content is what the manifest says.

        Raises:
            InputError: the artifact has no such file, or it is damaged.
        """
        if name not in self.manifest.files or not (self.path / name).is_file():
            raise InputError(f"{self.path}: has no {name}, expected it in an artifact of kind {self.manifest.kind}")
        problem = content_problem(self.path / name, self.manifest.files[name])
        if problem:
            raise InputError(f"{self.path / name}: {problem}; make the artifact again")
        return self.path / name

    def checked(self) -> Self:
        """Return this artifact when the content of every file is what the manifest says.

        Files are hashed once in a process, very large ones in blocks.

        Raises:
            InputError: the first file that is not.
        """
        for name in sorted(self.manifest.files):
            self.file(name)
        return self


def is_artifact(path: Path) -> bool:
    """Say whether a folder looks like an artifact."""
    return (Path(path) / MANIFEST).is_file()


def open_artifact(path: Path, kind: str | None = None, family: str | None = None) -> Artifact:
    """Open a complete artifact: its manifest, and the presence and size of every file; content is checked when read.

    Raises:
        InputError: no manifest, another kind, another family, a schema version that this gxtool does not read, a
            manifest that was changed, or a file that is missing or of another size.
    """
    path = Path(path)
    try:
        manifest, sha256 = read_manifest(path / MANIFEST)
    except OSError:
        expected = f"an artifact of kind {kind}" if kind else "an artifact"
        raise InputError(f"{path}: has no {MANIFEST}, expected {expected}") from None
    if kind and manifest.kind != kind:
        raise InputError(f"{path}: is an artifact of kind {manifest.kind}, expected {kind}")
    if family and manifest.family and manifest.family != family:
        raise InputError(f"{path}: belongs to family {manifest.family}, expected {family}")
    for name, entry in sorted(manifest.files.items()):
        problem = size_problem(path / name, entry)
        if problem:
            raise InputError(f"{path / name}: {problem}; make the artifact again")
    for name in manifest.info.get(BESIDE, ()):
        if not (path / name).is_file():
            raise InputError(f"{path / name}: is missing, expected it as it was written; make the artifact again")
    return Artifact(path, manifest, sha256)


def describe(path: Path) -> dict[str, Any]:
    """Return what an artifact is, for JSON: its path, id and hash, and all that its manifest says."""
    opened = open_artifact(path)
    return {"path": str(path), "id": opened.id, "sha256": opened.sha256, **asdict(opened.manifest)}


def find_artifacts(roots: Sequence[Path], kind: str | None = None, content: bool = True) -> list[Artifact]:
    """Open every artifact at or below the given folders, sorted by path; symbolic links are followed.

    `content` false leaves the content of the files unread, for those that only want to know what is there.

    Raises:
        InputError: no such folder, none of that kind, or one that is damaged.
    """
    found: list[Artifact] = []
    for root in roots:
        if not Path(root).is_dir():
            raise InputError(f"{root}: is no folder, expected an artifact or a folder that holds some")
        found += [open_artifact(folder) for folder in _artifact_folders(root)]
    if kind:
        found = [artifact for artifact in found if artifact.manifest.kind == kind]
        if not found:
            raise InputError(f"{', '.join(map(str, roots))}: no artifact of kind {kind} found at or below")
    return [artifact.checked() for artifact in found] if content else found


def _artifact_folders(root: Path) -> list[Path]:
    """Return the folders at or below `root` that hold a manifest; each real folder is visited once."""
    found = []
    visited: set[tuple[int, int]] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in visited:
            # A link leads back to it.
            subfolders.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if MANIFEST in files:
            subfolders.clear()
            found.append(Path(folder))
    return found


def verify(artifact: Artifact) -> list[str]:
    """Hash every byte of every file again and say, one line each, what differs from the manifest."""
    problems = []
    for name, entry in sorted(artifact.manifest.files.items()):
        problem = content_problem(artifact.path / name, entry, every_byte=True)
        if problem:
            problems.append(f"{name}: {problem}")
    return problems


class ArtifactWriter:
    """Write an artifact: a context manager that publishes a complete folder or nothing.

    Raises (on entering):
        InputError: the output is taken (`require_free`), or its parent cannot be written.
    Raises (on leaving):
        InputError: another writer has put something else there meanwhile, or the disk is full.
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
        self._unfinished: Unfinished | None = None

    @property
    def folder(self) -> Path:
        """Return the unfinished folder that becomes the artifact."""
        if self._unfinished is None:
            raise ValueError(f"{self.path}: is not being written")
        return self._unfinished.folder

    def __enter__(self) -> Self:
        try:
            self._unfinished = Unfinished(self.path)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({error.strerror})") from None
        try:
            require_free(self.path, self._fields["kind"], self._overwrite)
        except InputError:
            self._unfinished.abandon()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._publish()
                return
        except BaseException as problem:
            kind, error = None, problem
        self._unfinished.abandon()
        if is_full(error):
            text = "no space left while writing; nothing was kept, expected room for the whole artifact"
            raise InputError(f"{self.path}: {text}") from None
        if kind is None:
            raise error

    def write_array(self, name: str, array: np.ndarray) -> None:
        """Write one array as `.npy`."""
        with self.stream_array(name, array.shape, array.dtype) as stream:
            stream.append(array)

    def stream_array(self, name: str, shape: Sequence[int], dtype: np.dtype) -> ArrayStream:
        """Open an array of known shape that is written piece by piece along its first axis."""
        return ArrayStream(self._target(name), self._files, name, tuple(shape), np.dtype(dtype))

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

    def write_beside(self, name: str, text: str) -> None:
        """Write text that enters no id: the manifest lists its name alone, so that its loss is noticed."""
        self._target(name).write_text(text, encoding="utf-8")
        self.describe(info={BESIDE: [*self._fields.get("info", {}).get(BESIDE, ()), name]})

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
        """List files that a library wrote, hashing them; who may read them is as with every other file."""
        # Some libraries write what only its owner may read; a new folder has what the umask allows.
        mode = self.folder.stat().st_mode & 0o666
        for name in names:
            (self.folder / name).chmod(mode)
            self._files[name] = hashed_entry(self.folder / name)

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
        except Exception as error:
            raise (file.problem or error) from None
        finally:
            self._files[name] = file.close()

    def _target(self, name: str) -> Path:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _publish(self) -> None:
        manifest = Manifest(**self._fields, parents=tuple(self._parents), files=self._files)
        content = manifest.to_bytes()
        (self.folder / MANIFEST).write_bytes(content)
        if is_taken(self.path) and not self._overwrite:
            # Another writer was faster: the same result is as good as this one, and any other one stays.
            if not is_artifact(self.path) or (self.path / MANIFEST).read_bytes() != content:
                raise InputError(f"{self.path}: was written by another command meanwhile, expected a new folder")
            self._unfinished.abandon()
            return
        self._unfinished.publish()


def is_taken(path: Path) -> bool:
    """Say whether an output is there already: a file, or a folder that is not empty."""
    return os.path.lexists(path) and any(path.iterdir() if path.is_dir() else [path])


def require_free(path: Path, kind: str, overwrite: bool = False) -> None:
    """Check that an output may be written: nothing is there, or an artifact of its kind that may be replaced.

    Nobody means to lose the raw data, or all of a project, that lie where an output was named by mistake.

    Raises:
        InputError: something else is there, `overwrite` is false, or the place is inside a file.
    """
    path = Path(path)
    above = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
    if not above.is_dir():
        raise InputError(f"{path}: cannot be written: {above} is no folder")
    if not is_taken(path):
        return
    if not overwrite:
        raise InputError(f"{path}: exists already, expected a new folder (or --overwrite)")
    found = kind_of(path / MANIFEST)
    if found != kind:
        what = f"is an artifact of kind {found}" if found else "holds no artifact that can be read"
        expected = f"one of kind {kind} to replace, or a new folder"
        raise InputError(f"{path}: {what}, expected {expected}; nothing was deleted")


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
