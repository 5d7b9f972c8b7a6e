"""Unfinished outputs: hidden folders beside an output, owned by a living process, cleared by the next when it is dead.

    .NAME.<token>.lock      held (flock) by the writer from before the folder is made until after it is gone
    .NAME.<token>.partial   what is being written
    .NAME.<token>.retired   what was there before, while it is replaced

A lock that nobody holds, or none at all, says that the writer has died: what it left goes.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import uuid
from pathlib import Path

from gxtool.interrupts import held


class Unfinished:
    """One writer's hidden folder for an output; making it clears what dead writers of the same output left.

    Raises (on making):
        OSError: the folder cannot be made.
    """

    def __init__(self, output: Path) -> None:
        self.output = Path(output)
        self.output.parent.mkdir(parents=True, exist_ok=True)
        clear_dead(self.output)
        self._lock, self._descriptor = _own_lock(self.output)
        self._is_held = True
        self.folder = self._lock.with_suffix(".partial")
        try:
            self.folder.mkdir()
        except OSError:
            self._release()
            raise

    def publish(self) -> None:
        """Give the folder its output's name, in place of what has it now; nothing is ever there by half."""
        retired = self._lock.with_suffix(".retired")
        with held():
            replaces = self.output.exists() or self.output.is_symlink()
            if replaces:
                self.output.rename(retired)
            try:
                self.folder.rename(self.output)
            except OSError:
                if replaces:
                    retired.rename(self.output)
                raise
            if replaces:
                _delete(retired)
            self._release()

    def abandon(self) -> None:
        """Delete what was written, unless it is published."""
        if self._is_held:
            _delete(self.folder)
            self._release()

    def _release(self) -> None:
        self._is_held = False
        self._lock.unlink(missing_ok=True)
        os.close(self._descriptor)


def clear_dead(output: Path) -> None:
    """Delete what writers of this output left when they were killed; those that live are left alone."""
    tokens = set()
    for path in output.parent.iterdir():
        found = re.fullmatch(rf"\.{re.escape(output.name)}\.([0-9a-f]{{8}})\.(lock|partial|retired)", path.name)
        if found:
            tokens.add(found[1])
    for token in sorted(tokens):
        _clear(output, token)


def _clear(output: Path, token: str) -> None:
    lock = _lock_path(output, token)
    descriptor = None
    try:
        descriptor = os.open(lock, os.O_RDWR)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        # Its writer removes the lock last, so that none is there any more.
        pass
    except OSError:
        # It lives, or the disk knows no locks and cannot tell.
        if descriptor is not None:
            os.close(descriptor)
        return
    retired = lock.with_suffix(".retired")
    if retired.exists() and not output.exists():
        # Killed between two renames: what was there before is whole.
        retired.rename(output)
    for path in (lock.with_suffix(".partial"), retired):
        _delete(path)
    lock.unlink(missing_ok=True)
    if descriptor is not None:
        os.close(descriptor)


def _own_lock(output: Path) -> tuple[Path, int]:
    """Return a new lock that this process holds."""
    while True:
        path = _lock_path(output, uuid.uuid4().hex[:8])
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Another writer took it for a dead one's before it was held.
            os.close(descriptor)
            continue
        except OSError:
            # A disk without locks: nobody can tell whether this writer lives, and nobody clears what it leaves.
            return path, descriptor
        if is_same_file(descriptor, path):
            return path, descriptor
        os.close(descriptor)


def is_same_file(descriptor: int, path: Path) -> bool:
    """Say whether an open file still has its name: its lock may have been removed before it was held."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _lock_path(output: Path, token: str) -> Path:
    return output.parent / f".{output.name}.{token}.lock"


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
