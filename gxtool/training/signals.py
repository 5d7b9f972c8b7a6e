"""A polite stop: SIGTERM and SIGINT only raise a flag, and training ends at the next place it can go on from."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from gxtool.training.options import InterruptedTrainingError


class StopRequest:
    """Watch for signals while a block runs; a second signal acts at once, as it would have without us.

    Only the main thread may install handlers: elsewhere (some notebooks) no signal is watched.
    """

    def __init__(self) -> None:
        self.signal_number = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._restore()

    @property
    def is_set(self) -> bool:
        """Say whether a stop was asked for."""
        return bool(self.signal_number)

    def interrupted(self, sentence: str) -> InterruptedTrainingError:
        """Return the exception that ends the command with the signal's exit code."""
        # Another process of the same training may have been the one that got the signal.
        number = self.signal_number or signal.SIGTERM
        return InterruptedTrainingError(f"stopped by {signal.Signals(number).name}: {sentence}", number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal_number = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
