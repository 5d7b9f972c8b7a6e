"""SIGINT and SIGTERM end a command in one way wherever they come: exit codes 130 and 143, and no traceback.

The first signal raises `Interrupted`, so that whatever is being written is taken back; a second one kills at once. A
leaf: it imports nothing of ours, so that it can be set up before anything that takes time to import.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """A signal asked for a stop. No `Exception`, so that nothing takes it for a failure that it knows how to handle."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        # The shell's convention: 128 + signal.
        self.exit_code = 128 + number


class _Watch:
    """What signals came, and how many blocks ask for them to wait."""

    def __init__(self) -> None:
        self.received = self.waiting = self.held = 0

    def handle(self, number: int, frame: FrameType | None = None) -> None:
        """Raise, or note the signal where a block must not be cut in two."""
        self.received = self.received or number
        if self.held:
            self.waiting = self.waiting or number
            return
        for every in NUMBERS:
            signal.signal(every, signal.SIG_DFL)
        raise Interrupted(number)


_watch = _Watch()


def install() -> None:
    """Let signals raise `Interrupted` from now on; for commands, not for programs that import gxtool."""
    for number in NUMBERS:
        signal.signal(number, _watch.handle)
    sys.unraisablehook = _report_unless_interrupted


def exit_code() -> int:
    """Return the exit code of the first signal that came, 0 where none did: some libraries turn it into an error."""
    return 128 + _watch.received if _watch.received else 0


@contextmanager
def held() -> Iterator[None]:
    """Let signals wait until this block is done: what half happened in it could not be taken back.

    Libraries that are interrupted while they are imported print tracebacks, or abort the process.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _watch.held += 1
    try:
        yield
    finally:
        _watch.held -= 1
        if _watch.waiting and not _watch.held:
            number, _watch.waiting = _watch.waiting, 0
            _watch.handle(number)


def _report_unless_interrupted(unraisable: Any) -> None:
    """End the process where a signal came inside a callback, whose exceptions Python prints and forgets."""
    if isinstance(unraisable.exc_value, Interrupted):
        os._exit(unraisable.exc_value.exit_code)
    sys.__unraisablehook__(unraisable)
