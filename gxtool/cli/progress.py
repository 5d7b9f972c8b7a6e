"""The progress bar of `gxtool train`: epochs with an ETA on a terminal, nothing where nobody looks."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from gxtool.cli.tables import console


class TrainingProgress:
    """Draw one line per model that is being trained."""

    def __init__(self) -> None:
        out = console()
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[score]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=out,
            disable=not out.is_terminal,
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._bars.stop()

    def update(self, state: Any) -> None:
        """Show a `training` Progress: unit, step of steps, epoch, last validation score."""
        if state.unit not in self._tasks:
            self._tasks[state.unit] = self._bars.add_task(state.unit, total=state.steps, score="")
        score = "" if state.score is None else f"{state.metric} {state.score:.3f}"
        self._bars.update(self._tasks[state.unit], completed=state.step, total=state.steps, score=score)
