"""What a device's machine is and what it is doing: what disturbs measuring is a warning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edgenas.flow.step import OK, SKIPPED, WARNING, Step
from edgenas.text import one_line

LITTLE_MIB = 500
HOT_C = 70.0
BUSY = 0.5
"""Load average per core from which other programs surely disturb."""


def machine_step(machine: Mapping[str, Any]) -> Step:
    """machine: as `worker.describe_machine` gives it."""
    text = (f"{machine.get('cpu')}, {machine.get('cores')} cores, {machine.get('architecture')}, "
            f"{machine.get('memory_gib')} GiB of memory, {machine.get('system')}")
    return Step("machine", OK, one_line(text), values={"id": machine["id"]})


def state_steps(machine: Mapping[str, Any]) -> Iterator[Step]:
    state = machine.get("conditions")
    state = state if isinstance(state, Mapping) else {}
    cores = _number(machine.get("cores")) or 1
    free, heat, load = (_number(state.get(key)) for key in ("free_mib", "temperature_c", "load_average"))
    governor, frequency = state.get("governor"), _number(state.get("frequency_mhz"))
    yield _step("free space", free, f"{free} MiB where jobs run", free is not None and free < LITTLE_MIB,
                "free some space there")
    yield _step("clock governor", governor, one_line(str(governor)), governor != "performance",
                "latencies vary with the clock's speed; if you may: cpupower frequency-set -g performance")
    yield _step("clock frequency", frequency, f"{frequency} MHz")
    yield _step("temperature", heat, f"{heat} °C", heat is not None and heat >= HOT_C,
                "let it cool down: a hot processor slows down")
    yield _step("load", load, f"load average {load} on {cores} cores", load is not None and load >= BUSY * cores,
                "end other programs there before measuring")


def _step(name: str, value: object, text: str, bad: bool = False, hint: str = "") -> Step:
    if value is None:
        return Step(name, SKIPPED, "the device does not tell")
    return Step(name, WARNING if bad else OK, text, hint if bad else "", {"value": value})


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
