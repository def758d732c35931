"""Open a run with a progress display."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from edgenas.cli.terminal import Terminal
from edgenas.run.folder import Run
from edgenas.run.request import configure


@contextlib.contextmanager
def started(request: Mapping[str, object], out: str, resume: bool) -> Iterator[tuple[Run, Terminal]]:
    """A new run in the folder `out`, or the same one continued."""
    run = Run.create(Path(out), configure(request, typed()), resume=resume)
    with Terminal() as terminal:
        yield run, terminal


def seeds_done(request: Mapping[str, object], out: str, resume: bool, seeds: int,
               work: Callable[[Run, Terminal], object]) -> dict[str, Any]:
    """`work` on runs of several seeds below the folder `out`; what is known of them all."""
    from edgenas.run.ensemble import run_seeds

    with Terminal() as terminal:
        return run_seeds(Path(out), request, seeds, lambda run: work(run, terminal), terminal, command=typed(),
                         resume=resume)


def typed() -> tuple[str, ...]:
    """The command line."""
    return ("edgenas", *click.get_current_context().find_root().obj)


@contextlib.contextmanager
def opened(folder: str) -> Iterator[tuple[Run, Terminal]]:
    """The run that is in `folder`."""
    run = Run.open(Path(folder))
    with Terminal() as terminal:
        yield run, terminal
