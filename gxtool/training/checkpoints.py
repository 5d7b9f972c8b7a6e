"""Progress that survives a killed process: one folder per model, locked while used, removed when all is published.

The folder's name is a hash of everything the weights depend on, so the same command finds it again and any other does
not. It holds checkpoints, each of which counts only once its last file, COMPLETE, is on the disk, and only as long as
its files are what COMPLETE says: their sizes and SHA-256. The two newest are kept, so that a damaged one costs some
steps and never the training.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gxtool.errors import GxtoolError, InputError
from gxtool.io.artifact import Artifact
from gxtool.io.hashes import content_problem, hashed_entry
from gxtool.io.manifest import SCHEMA_VERSION
from gxtool.io.unfinished import is_same_file
from gxtool.models.base import Run, Unit
from gxtool.training.options import DEFAULT_OPTIONS

COMPLETE = "COMPLETE"
PREFIX = "checkpoint-"
LOCK = "lock"
PUBLISHED = "published.json"
MEMORY = "memory.json"
KEPT_CHECKPOINTS = 2
AWAITED = "awaited"
AWAITED_SECONDS = 60.0  # between clocks of two machines; who waits says so five times a second

logger = logging.getLogger(__name__)


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
    def locked(
        self, wait_seconds: float = DEFAULT_OPTIONS.wait_seconds, while_waiting: Callable[[], None] = lambda: None
    ) -> Iterator[None]:
        """Keep every other process out; the operating system lifts the lock when this one dies.

        A folder in which nothing worth keeping was written goes when the lock does. `while_waiting` is called again
        and again while another process holds it, and ends the wait by raising.

        Raises:
            InputError: another process holds it for longer than `wait_seconds`, or the folder cannot be made.
        """
        try:
            descriptor = self._acquire(time.monotonic() + wait_seconds, while_waiting)
        except OSError as error:
            raise InputError(f"{self.path}: progress cannot be kept there ({error.strerror})") from None
        except GxtoolError:
            (self.path / AWAITED).unlink(missing_ok=True)
            raise
        try:
            yield
        finally:
            is_ours = is_same_file(descriptor, self.path / LOCK)
            if is_ours and not self._is_worth_keeping():
                self.remove()
            os.close(descriptor)

    def _acquire(self, deadline: float, while_waiting: Callable[[], None]) -> int:
        waits = False
        while True:
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
                os.close(descriptor)
                if not waits:
                    logger.warning("%s: %s is training this model; waiting for it", self.path, owner)
                    waits = True
                self._say_awaited()
                while_waiting()
                if time.monotonic() >= deadline:
                    raise InputError(
                        f"{self.path}: {owner} is training this model, expected to be alone; wait for it or stop it"
                    ) from None
                time.sleep(0.2)
                continue
            # The owner before us may have removed the folder while we waited for its lock.
            if is_same_file(descriptor, self.path / LOCK):
                self._sign(descriptor)
                return descriptor
            os.close(descriptor)

    def _sign(self, descriptor: int) -> None:
        """Say in the lock whose it is; on a full disk nothing stays of a folder that was only made to say so."""
        (self.path / AWAITED).unlink(missing_ok=True)
        try:
            os.truncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
        except OSError:
            if not self._is_worth_keeping():
                self.remove()
            os.close(descriptor)
            raise

    def _is_worth_keeping(self) -> bool:
        return bool(self._checkpoints() or self.published() or self.halvings())

    def _say_awaited(self) -> None:
        try:
            (self.path / AWAITED).touch()
        except OSError:  # its owner has removed the folder, or is another user
            return

    def _is_awaited(self) -> bool:
        try:
            return time.time() - (self.path / AWAITED).stat().st_mtime < AWAITED_SECONDS
        except FileNotFoundError:
            return False

    def discard(self) -> None:
        """Remove the folder, unless another process uses it or waits for it: that one takes over what is there."""
        try:
            descriptor = os.open(self.path / LOCK, os.O_RDWR)
        except OSError:
            self.remove()
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not self._is_awaited():
                self.remove()
        except BlockingIOError:
            return
        finally:
            os.close(descriptor)

    def checkpoint(self, step: int) -> Path:
        """Return the folder of a step's checkpoint, which need not exist."""
        return self.path / f"{PREFIX}{step}"

    def latest(self) -> Path | None:
        """Return the newest checkpoint that is complete and undamaged; a damaged one is named in a warning."""
        for folder in reversed(self._checkpoints()):
            problem = _damage(folder)
            if not problem:
                return folder
            logger.warning("%s: %s; this checkpoint is left out, training goes on from an older one", folder, problem)
        return None

    def _checkpoints(self, complete: bool = True) -> list[Path]:
        folders = [
            folder
            for folder in self.path.glob(f"{PREFIX}*")
            if folder.name.removeprefix(PREFIX).isdecimal() and (folder / COMPLETE).is_file() == complete
        ]
        return sorted(folders, key=_step)

    def start(self, step: int) -> Path:
        """Make an empty folder for a step's checkpoint; what is unfinished goes, and what is not older.

        Training stood at that step before where its checkpoint was damaged, and went on from an older one.
        """
        newer = [folder for folder in self._checkpoints() if _step(folder) >= step]
        for folder in (*self._checkpoints(complete=False), *newer):
            shutil.rmtree(folder)
        folder = self.checkpoint(step)
        folder.mkdir(parents=True)
        return folder

    def complete(self, folder: Path) -> None:
        """Force a checkpoint to the disk, mark it complete, and only then drop all before the one before it."""
        paths = sorted(folder.iterdir())
        for path in paths:
            _sync(path)
        _sync(folder)
        marker = folder / COMPLETE
        unfinished = folder / f"{COMPLETE}.partial"
        unfinished.write_text(json.dumps({path.name: hashed_entry(path) for path in paths}, indent=1), encoding="utf-8")
        _sync(unfinished)
        unfinished.rename(marker)
        _sync(folder)
        _sync(self.path)
        for older in self._checkpoints()[:-KEPT_CHECKPOINTS]:
            shutil.rmtree(older, ignore_errors=True)

    def note_out_of_memory(self, halvings: int) -> None:
        """Remember how often a micro-batch was halved: one that large did not fit into memory."""
        self._write(MEMORY, {"halvings": halvings})

    def halvings(self) -> int:
        """Return how often micro-batches are to be halved: once for each allocation that failed and was caught."""
        found = self._read(MEMORY).get("halvings")
        return found if type(found) is int and 0 < found < 64 else 0

    def note_published(self, artifact: Artifact) -> None:
        """Remember which artifact this progress became."""
        self._write(PUBLISHED, {"sha256": artifact.sha256})

    def published(self) -> str | None:
        """Return the manifest hash of the artifact this progress became, or None."""
        return self._read(PUBLISHED).get("sha256")

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        partial = self.path / f"{name}.{os.getpid()}.partial"
        partial.write_text(json.dumps(content), encoding="utf-8")
        _sync(partial)
        partial.rename(self.path / name)

    def _read(self, name: str) -> Mapping[str, Any]:
        try:
            content = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}

    def remove(self) -> None:
        """Delete the folder, and its parent when nothing else is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self.path.parent.name.endswith(".progress"):
            try:
                self.path.parent.rmdir()
            except OSError:
                return


def _step(folder: Path) -> int:
    return int(folder.name.removeprefix(PREFIX))


def _damage(folder: Path) -> str:
    """Say in what a checkpoint differs from what its marker lists, `` where in nothing."""
    try:
        content = json.loads((folder / COMPLETE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return f"{COMPLETE} cannot be read"
    if not isinstance(content, dict) or not content:
        return f"{COMPLETE} lists no files"
    for name, entry in content.items():
        if Path(name).name != name or not _is_entry(entry):
            return f"{COMPLETE} is no list of files"
        problem = content_problem(folder / name, entry)
        if problem:
            return f"{name} {problem}"
    return ""


def _is_entry(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("sha256"), str) and type(value.get("bytes")) is int


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
