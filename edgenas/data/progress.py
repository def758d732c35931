"""A progress bar for what takes longer than two seconds."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress

Item = TypeVar("Item")
PATIENCE_S = 2.0


def tracked(items: Iterable[Item], total: int, text: str) -> Iterator[Item]:
    """The same items; a bar on stderr follows them once two seconds have passed, if stderr is a terminal."""
    console = Console(stderr=True)
    begun = time.monotonic()
    with ExitStack() as stack:
        bar: Progress | None = None
        for done, item in enumerate(items):
            if bar is None and console.is_terminal and time.monotonic() - begun > PATIENCE_S:
                bar = stack.enter_context(Progress(console=console, transient=True))
                bar.add_task(text, total=total)
            if bar is not None:
                bar.update(bar.task_ids[0], completed=done)
            yield item
