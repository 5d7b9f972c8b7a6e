"""Progress that survives a killed process: one folder per model, locked while used, removed when all is published.

The folder's name is a hash of everything the weights depend on, so the same command finds it again and any other does
not. It holds checkpoints, each of which counts only once its last file, COMPLETE, is on the disk.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gxtool.errors import InputError
from gxtool.io.artifact import Artifact
from gxtool.io.manifest import SCHEMA_VERSION
from gxtool.models.base import Run, Unit

COMPLETE = "COMPLETE"
PREFIX = "checkpoint-"
LOCK = "lock"
PUBLISHED = "published.json"
# A task that was told to stop is given about this long before it is killed, and its retry may start at once.
LOCK_WAIT_SECONDS = 60.0


def default_root(output: Path) -> Path:
    """Return where progress is kept when no shared folder is named: hidden, beside the output."""
    output = Path(output).absolute()
    return output.parent / f".{output.name}.progress"


def progress_key(run: Run, unit: Unit, dataset: Artifact, init: Artifact | None) -> str:
    """Return the hash that names a model's progress: everything its weights and its manifest depend on."""
    parts = {
        "schema": SCHEMA_VERSION,
        "family": run.family.name,
        "run": [run.name, run.preset],
        "model": run.config.model.model_dump(mode="json"),
        "training": run.config.training.model_dump(mode="json"),
        "dataset": dataset.sha256,
        "init": init.sha256 if init else None,
        "unit": [unit.sample, unit.seed, unit.fold],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


@dataclass(frozen=True)
class ProgressFolder:
    """The folder of one model's progress."""

    path: Path

    @contextmanager
    def locked(self, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
        """Keep every other process out; the operating system lifts the lock when this one dies.

        Raises:
            InputError: another process holds it for longer than `wait_seconds`, or the folder cannot be made.
        """
        try:
            descriptor = self._acquire(time.monotonic() + wait_seconds)
        except OSError as error:
            raise InputError(f"{self.path}: progress cannot be kept there ({error.strerror})") from None
        try:
            yield
        finally:
            os.close(descriptor)

    def _acquire(self, deadline: float) -> int:
        while True:
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
                os.close(descriptor)
                if time.monotonic() >= deadline:
                    raise InputError(
                        f"{self.path}: {owner} is training this model, expected to be alone; wait for it or stop it"
                    ) from None
                time.sleep(0.2)
                continue
            # The owner before us may have removed the folder while we waited for its lock.
            if _same_file(descriptor, self.path / LOCK):
                os.truncate(descriptor, 0)
                os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
                return descriptor
            os.close(descriptor)

    def checkpoint(self, step: int) -> Path:
        """Return the folder of a step's checkpoint, which need not exist."""
        return self.path / f"{PREFIX}{step}"

    def latest(self) -> Path | None:
        """Return the newest complete checkpoint."""
        found = self._checkpoints()
        return found[-1] if found else None

    def _checkpoints(self, complete: bool = True) -> list[Path]:
        folders = [folder for folder in self.path.glob(f"{PREFIX}*") if (folder / COMPLETE).is_file() == complete]
        return sorted(folders, key=lambda folder: int(folder.name.removeprefix(PREFIX)))

    def start(self, step: int) -> Path:
        """Make an empty folder for a step's checkpoint; what a killed process left unfinished goes."""
        for folder in self._checkpoints(complete=False):
            shutil.rmtree(folder)
        folder = self.checkpoint(step)
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        return folder

    def complete(self, folder: Path) -> None:
        """Force a checkpoint to the disk, mark it complete, and only then drop the ones before it."""
        for path in folder.iterdir():
            _sync(path)
        _sync(folder)
        marker = folder / COMPLETE
        marker.write_bytes(b"")
        _sync(marker)
        _sync(folder)
        _sync(self.path)
        for older in self._checkpoints():
            if older != folder:
                shutil.rmtree(older, ignore_errors=True)

    def note_published(self, artifact: Artifact) -> None:
        """Remember which artifact this progress became."""
        (self.path / PUBLISHED).write_text(json.dumps({"sha256": artifact.sha256}), encoding="utf-8")

    def published(self) -> str | None:
        """Return the manifest hash of the artifact this progress became, or None."""
        try:
            content: Mapping[str, Any] = json.loads((self.path / PUBLISHED).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content.get("sha256")

    def remove(self) -> None:
        """Delete the folder, and its parent when nothing else is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self.path.parent.name.endswith(".progress"):
            try:
                self.path.parent.rmdir()
            except OSError:
                return


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the disk has no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
