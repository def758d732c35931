"""What benchmark_model.sh prints of one graph, as a worker's result."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from edgenas.errors import DeviceError
from edgenas.measure import worker
from edgenas.measure.lines import bad_line
from edgenas.measure.programs import fate
from edgenas.measure.protocol import Protocol
from edgenas.measure.runtimes._benchmark_output import Operator, inferences, operators

FIRST, ROUND, OPERATORS = "first", "round", "operators"
NAME_LENGTH = 36


@dataclass(frozen=True)
class Run:
    """One run of the program. part: FIRST, OPERATORS or `round NAME COUNT`; `number` tells the rounds apart.

    NAME: `min` where each of COUNT inferences is a sample, `avg` where their mean is one.
    """

    part: str
    number: int
    text: str
    status: int


def result(printed: Iterator[str], number: int, protocol: Protocol) -> dict[str, Any]:
    """Of the graph of that number: `latency` and `figures`, or `error`.

    Raises: DeviceError for lines that are not the script's, or a program's output of an unknown format.
    """
    runs = list(read_runs(printed, number))
    for run in runs:
        if run.status:
            last = (run.text.strip().splitlines() or [""])[-1]
            return {"error": fate(run.status, last)}
        inferences(run.text)
    rounds: dict[int, list[float]] = {}
    count = 0
    for run in runs:
        if run.part.startswith(ROUND):
            rounds.setdefault(run.number, []).extend(samples_ms(run))
            count += inferences(run.text).count
    if len(rounds) < protocol.rounds or runs[-1].part != OPERATORS:
        raise DeviceError(f"benchmark_model.sh ended after {len(rounds)} rounds of {protocol.rounds}",
                          "run the same command again")
    return {"latency": latency(list(rounds.values()), count, protocol), "figures": figures(operators(runs[-1].text))}


def read_runs(printed: Iterator[str], number: int) -> Iterator[Run]:
    """The runs from the line `graph N` to `done N`."""
    line = next(printed, "")
    if line != f"graph {number}":
        raise bad_line(line, f"is not the beginning of graph {number}")
    part, rounds = FIRST, 0
    for line in printed:
        if line == f"done {number}":
            return
        if line == "run":
            text, status = _output(printed)
            yield Run(part, rounds, text, status)
        elif line == OPERATORS or re.fullmatch(rf"{ROUND} (min|avg) \d+", line):
            part, rounds = line, rounds + 1
        else:
            raise bad_line(line, "is none of benchmark_model.sh")
    raise bad_line(line, f"is the last one, before graph {number} was done")


def _output(printed: Iterator[str]) -> tuple[str, int]:
    """What the program said, and its exit status."""
    said: list[str] = []
    for line in printed:
        if found := re.fullmatch(r"exit (\d{1,3})", line):
            return "\n".join(said), int(found[1])
        said.append(line)
    raise DeviceError("benchmark_model.sh ended during a run of the program", "run the same command again")


def samples_ms(run: Run) -> list[float]:
    """The samples of a run: its three inferences, or their mean."""
    found = inferences(run.text)
    _, name, count = run.part.split()
    if found.count != int(count):
        raise DeviceError(f"benchmark_model made {found.count} inferences when it was told to make {count}",
                          "remove from settings.benchmark_model.arguments what changes their number")
    return [single / 1e3 for single in found.singles()] if name == "min" else [found.avg_us / 1e3]


def latency(rounds: Sequence[Sequence[float]], runs: int, protocol: Protocol) -> dict[str, Any]:
    """The statistics that worker.py makes of its samples."""
    found = worker.summary(rounds, sorted(min(samples) for samples in rounds)[:protocol.rounds])
    return {**found, "runs": runs, "agreed": found["spread"] <= protocol.agreement}


def figures(rows: Sequence[Operator]) -> dict[str, float]:
    """Milliseconds of each kind of operator by name (`conv_2d_ms`), as the program profiles them."""
    found: dict[str, float] = {}
    for row in rows:
        name = re.sub(r"[^a-z0-9]+", "_", row.kind.lower()).strip("_")[:NAME_LENGTH].strip("_")
        key = f"{name if name[:1].isalpha() else f'op_{name}'}_ms"
        found[key] = round(found.get(key, 0.0) + row.avg_ms * row.times_called, 6)
    return found
