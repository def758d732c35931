"""Open a run with a progress display."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from edgenas.cli.terminal import Terminal
from edgenas.run.folder import Run
from edgenas.run.request import configure


@contextlib.contextmanager
def started(request: Mapping[str, object], out: str, resume: bool) -> Iterator[tuple[Run, Terminal]]:
    """A new run in the folder `out`, or the same one continued."""
    typed = ("edgenas", *click.get_current_context().find_root().obj)
    run = Run.create(Path(out), configure(request, typed), resume=resume)
    with Terminal() as terminal:
        yield run, terminal


@contextlib.contextmanager
def opened(folder: str) -> Iterator[tuple[Run, Terminal]]:
    """The run that is in `folder`."""
    run = Run.open(Path(folder))
    with Terminal() as terminal:
        yield run, terminal
