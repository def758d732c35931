"""One artifact's latency as measured on a device."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from edgenas.errors import DeviceError, unknown

STATISTICS = ("median_of_minima", "min", "p50", "p90")
"""What `latency_ms` can be asked for; the first is the default."""
CLOCKS = ("wall", "cpu")
OPTIONAL = {"threads", "figures", "clock", "wall_ms", "cpu_ms", "state"}
"""What records need not have: older ones lack them."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
LEAST_MS = 1e-9
"""Far below any clock's resolution; worker.py rounds to it."""
LARGEST = 1e18
"""No cost of a network comes near."""
FIGURES = 1000
"""At most, of one measurement."""
LIMIT_MS = 3.6e6
"""An hour: no device that anyone deploys to is slower, so a larger figure is garbage."""


@dataclass(frozen=True)
class Measurement:
    """Statistics over rounds of samples; worker.py says how they are taken.

    Latencies are milliseconds per run. `mad_ms` and `spread` (relative: 0.05 is 5%) are of the rounds' minima;
    `runs` counts the timed runs of all rounds. `agreed` is false if the rounds never agreed. `figures` holds other
    costs that the runtime tells, by name with unit (`sram_kib`).

    clock: what the latencies are of: wall time, or the processor's time ("cpu") where other programs made wall time
    longer. wall_ms, cpu_ms: the median of the rounds' minima by both clocks, where both were read. state: what else the
    device did meanwhile: `load_average`, `other_cores` that other programs used, `steal_share` of the processor's time.
    """

    id: str
    min_ms: float
    median_of_minima_ms: float
    p50_ms: float
    p90_ms: float
    mad_ms: float
    spread: float
    rounds: int
    runs: int
    agreed: bool
    threads: int = 1
    figures: Mapping[str, float] = field(default_factory=dict)
    clock: str = CLOCKS[0]
    wall_ms: float | None = None
    cpu_ms: float | None = None
    state: Mapping[str, float] = field(default_factory=dict)

    def latency_ms(self, statistic: str = STATISTICS[0]) -> float:
        """Raises: UsageError if `statistic` is none of STATISTICS."""
        if statistic not in STATISTICS:
            raise unknown("statistic", statistic, STATISTICS)
        return float(getattr(self, f"{statistic}_ms"))

    def to_dict(self) -> dict[str, Any]:
        """Without what is empty or was not read, as older records are."""
        known = {name: value for name, value in asdict(self).items() if value is not None and value != {}}
        if self.cpu_ms is None:
            del known["clock"]
        return known

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Measurement:
        """Raises: DeviceError naming the value that no measurement can have."""
        known = {each.name for each in fields(cls)}
        missing, extra = known - OPTIONAL - set(values), set(values) - known
        if missing or extra:
            raise DeviceError(f"a measurement has {'no' if missing else 'an unknown'} value "
                              f"{min(missing or extra)!r}")
        for name, value in values.items():
            _check(name, value)
        found = cls(**values)
        if not (found.min_ms <= found.p50_ms <= found.p90_ms and found.min_ms <= found.median_of_minima_ms):
            raise DeviceError(f"a measurement's latencies contradict each other: min {found.min_ms}, median of "
                              f"minima {found.median_of_minima_ms}, p50 {found.p50_ms}, p90 {found.p90_ms} ms")
        if found.clock == "cpu" and (found.cpu_ms is None or found.wall_ms is None):
            raise DeviceError("a measurement's clock is 'cpu', but it does not have the figures of both clocks")
        return found

    def __str__(self) -> str:
        lines = [f"{self.id}: {self.median_of_minima_ms:.4g} ms, median of the rounds' minima",
                 f"  min {self.min_ms:.4g}, p50 {self.p50_ms:.4g}, p90 {self.p90_ms:.4g} ms; spread {self.spread:.1%}",
                 f"  {_count(self.runs, 'run')} in {_count(self.rounds, 'round')}, {_count(self.threads, 'thread')}"]
        if self.clock == "cpu":
            lines.append(f"  processor's time: other programs made it {self.wall_ms:.4g} ms of wall time")
        if not self.agreed:
            lines.append(f"  WARNING: the rounds never agreed (spread {self.spread:.1%}): "
                         "something else kept the device busy")
        return "\n".join(lines)


def _check(name: str, value: object) -> None:
    if name == "id":
        valid, rule = isinstance(value, str) and bool(value), "a text"
    elif name == "agreed":
        valid, rule = isinstance(value, bool), "true or false"
    elif name == "clock":
        valid, rule = value in CLOCKS, " or ".join(CLOCKS)
    elif name in ("figures", "state"):
        valid, rule = _are_figures(value), f"numbers from 0 by name, at most {FIGURES}"
    elif isinstance(value, bool) or not isinstance(value, int | float):
        valid, rule = False, "a number"
    elif name in ("rounds", "runs", "threads"):
        valid, rule = isinstance(value, int) and 1 <= value <= 10**9, "a whole number from 1 to 1e9"
    elif name in ("mad_ms", "spread"):
        valid, rule = 0 <= value <= LIMIT_MS, f"a number from 0 to {LIMIT_MS:g}"
    else:
        valid, rule = LEAST_MS <= value <= LIMIT_MS, f"more than 0 ms and at most {LIMIT_MS:g} ms"
    if not valid:
        shown = repr(value) if not isinstance(value, int) or value < 10**20 else "a huge number"
        raise DeviceError(f"a measurement's {name} is {shown[:80]}; it must be {rule}")


def _are_figures(value: object) -> bool:
    return isinstance(value, Mapping) and len(value) <= FIGURES and all(
        isinstance(name, str) and NAME.fullmatch(name) and isinstance(number, int | float)
        and not isinstance(number, bool) and 0 <= number <= LARGEST for name, number in value.items())


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
