"""Progress on stderr: a bar with the time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from edgenas.text import one_line, printable

SECONDS_BETWEEN_LINES = 10.0


@dataclass
class Work:
    """`known`: steps that an earlier run made; `bar`: of the display; `said`: when its last line was printed."""

    label: str
    total: int
    known: int
    done: int
    bar: int | None = None
    began: float = field(default_factory=lambda: time.monotonic())
    said: float = field(default_factory=lambda: time.monotonic())

    @property
    def is_done(self) -> bool:
        return self.done >= self.total


class Terminal:
    """A `edgenas.progress.Progress`; use it as a context, so that the bar ends with the work. Work that starts within
    other work is done before that goes on. What it is told is made printable: a stranger may have written it.
    """

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars = Bars(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                          TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[note]}"),
                          console=self._console)
        self._works: list[Work] = []

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
        label = one_line(label)
        self._works = [work for work in self._works if not work.is_done] + [Work(label, total, done, done)]
        if self._console.is_terminal:
            self._works[-1].bar = self._bars.add_task(escape(label), total=total, completed=done, note="")
        elif done < total:
            print(f"{label}: {total - done} steps", file=sys.stderr, flush=True)

    def advance(self, note: str = "") -> None:
        note = one_line(note)
        while len(self._works) > 1 and self._works[-1].is_done:
            self._works.pop()
        work = self._works[-1]
        work.done += 1
        if work.bar is not None:
            self._bars.update(work.bar, advance=1, note=escape(note))  # type: ignore[arg-type]
            return
        now = time.monotonic()
        if now - work.said >= SECONDS_BETWEEN_LINES or work.done == work.total:
            work.said = now
            left = (now - work.began) / (work.done - work.known) * (work.total - work.done)
            print(f"{work.label}: {work.done}/{work.total}, about {left:.0f} s left  {note}", file=sys.stderr,
                  flush=True)

    def say(self, text: str) -> None:
        text = printable(text)
        if self._console.is_terminal:
            self._bars.console.print(text, highlight=False, markup=False)
        else:
            print(text, file=sys.stderr, flush=True)
