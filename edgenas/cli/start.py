"""Open a run with a progress display."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from edgenas.cli.terminal import Terminal
from edgenas.errors import MissingExtra, TrustError, UsageError
from edgenas.flow.records import Frontier
from edgenas.flow.records.result import Seeds
from edgenas.flow.requests import RunRequest
from edgenas.flow.run import Run
from edgenas.flow.work import Work


@contextlib.contextmanager
def started(request: RunRequest, out: str, resume: bool,
            tries: Sequence[str] = ()) -> Iterator[tuple[Work, Terminal]]:
    """Work on a new run in the folder `out`, or on the same one again; with `tries` on that of the best space or image
    size, below `out`."""
    from edgenas.flow.tries import begin

    with Terminal() as terminal:
        yield begin(Path(out), request, tries, terminal, command=typed(), resume=resume), terminal


def seeds_done(request: RunRequest, out: str, resume: bool, seeds: int,
               tries: Sequence[str], phase: Callable[[Work, Terminal], object]) -> Seeds:
    """`phase` on runs of several seeds below the folder `out`; what is known of them all.

    Raises: UsageError for `tries`: every seed could choose another space.
    """
    from edgenas.flow.ensemble import run_seeds

    if tries:
        raise UsageError("--seeds and --try do not go together: seeds are compared in one space",
                         "search with --try once, then give --seeds with the --set that it chose")
    with Terminal() as terminal:
        return run_seeds(Path(out), request, seeds, lambda work: phase(work, terminal), terminal, command=typed(),
                         resume=resume)


def several(request: RunRequest) -> bool:
    """Whether it asks for a network at each of several budgets, or for the budget that holds an accuracy."""
    return "," in (request.latency_ms or "") or request.min_accuracy is not None


def budgets_done(request: RunRequest, out: str, resume: bool, seeds: int | None, tries: Sequence[str],
                 phase: Callable[[Work, Terminal], object]) -> Frontier:
    """`phase` on a run of each budget below the folder `out`, or on the one that holds the accuracy; with a report.

    Raises: UsageError for `seeds` and `tries`; see run_frontier and run_floor for the rest.
    """
    from edgenas.flow.floor import run_floor
    from edgenas.flow.frontier import run_frontier
    from edgenas.report.frontier import write_frontier

    if seeds or tries:
        raise UsageError(f"{'--seeds' if seeds else '--try'} does not go with several budgets, or with --min-accuracy",
                         "give one --latency-ms")
    folder = Path(out)
    with Terminal() as terminal:
        if request.min_accuracy is not None:
            found = run_floor(folder, request, terminal, command=typed(), resume=resume,
                              finish=lambda work, _: phase(work, terminal))
        else:
            found = run_frontier(folder, request, lambda work: phase(work, terminal), terminal, command=typed(),
                                 resume=resume)
        try:
            write_frontier(folder)
        except MissingExtra as error:
            terminal.say(f"no report: {error.message}; {error.hint}")
    return found


def typed() -> tuple[str, ...]:
    """The command line."""
    return ("edgenas", *click.get_current_context().find_root().obj)


@contextlib.contextmanager
def opened(folder: str, trusted: bool) -> Iterator[tuple[Work, Terminal]]:
    """Work on the run that is in `folder`. trusted: with --trust.

    Raises: TrustError, with the command that trusts it, for a run that names code and was not made here.
    """
    run = Run.open(Path(folder), trusted=trusted)
    try:
        with Terminal() as terminal:
            yield Work(run), terminal
    except TrustError as error:
        raise TrustError(error.message, f"read that code first; if you trust it: {shlex.join([*typed(), '--trust'])}"
                         ) from error
