"""Progress on stderr: a bar with the time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

SECONDS_BETWEEN_LINES = 10.0


class Terminal:
    """A `edgenas.progress.Progress`; use it as a context, so that the bar ends with the work."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars = Bars(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                          TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[note]}"),
                          console=self._console)
        self._current: int | None = None
        self._label, self._total, self._done, self._began, self._said = "", 0, 0, 0.0, 0.0

    def beside(self) -> Terminal:
        """A further line of the same display, for work that goes on at the same time."""
        other = Terminal()
        other._console, other._bars = self._console, self._bars
        return other

    def __enter__(self) -> Terminal:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._bars.stop()

    def start(self, label: str, total: int, done: int = 0) -> None:
        self._label, self._total, self._done = label, total, done
        self._began = self._said = time.monotonic()
        self._skipped = done
        if self._console.is_terminal:
            self._current = self._bars.add_task(label, total=total, completed=done, note="")
        elif done < total:
            print(f"{label}: {total - done} steps", file=sys.stderr, flush=True)

    def advance(self, note: str = "") -> None:
        self._done += 1
        if self._current is not None:
            self._bars.update(self._current, advance=1, note=note)  # type: ignore[arg-type]
            return
        now = time.monotonic()
        if now - self._said >= SECONDS_BETWEEN_LINES or self._done == self._total:
            self._said = now
            left = (now - self._began) / (self._done - self._skipped) * (self._total - self._done)
            print(f"{self._label}: {self._done}/{self._total}, about {left:.0f} s left  {note}", file=sys.stderr,
                  flush=True)

    def say(self, text: str) -> None:
        if self._console.is_terminal:
            self._bars.console.print(text, highlight=False, markup=False)
        else:
            print(text, file=sys.stderr, flush=True)
