"""Whether a device was as fast in the end as in the beginning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgenas.cost.profile import Profile
from edgenas.measure.conditions import Conditions
from edgenas.measure.measurement import Measurement

ALLOWED = 0.05  # relative difference that no one is warned of: rounds differ by as much
NUMBERS = ("temperature_c", "frequency_mhz", "load_average")


@dataclass(frozen=True)
class Drift:
    """checks: how often a block was measured again. largest: its greatest relative difference, None without checks.

    disagreed: blocks and networks whose rounds never agreed, so that their figures are less certain. by_cpu: those
    whose figures are the processor's time, as other programs made wall time longer.
    """

    checks: int
    largest: float | None
    disagreed: int
    by_cpu: int = 0


def drift(profile: Profile, statistic: str) -> Drift:
    found = [check.measurement.latency_ms(statistic) / profile.blocks[check.block].latency_ms(statistic) - 1
             for check in profile.checks if check.block in profile.blocks]
    made = [*profile.blocks.values(), *(n.measurement for n in profile.networks.values())]
    return Drift(len(found), max(found, key=abs, default=None),
                 sum(isinstance(m, Measurement) and not m.agreed for m in made),
                 sum(isinstance(m, Measurement) and m.clock == "cpu" for m in made))


def warning(change: float, device: str, now: Mapping[str, Any]) -> str:
    """What to say of a relative change since the block was first measured."""
    known = [f"{now[name]:g} {unit}" for name, unit in (("temperature_c", "°C"), ("frequency_mhz", "MHz"))
             if name in now]
    state = f" ({', '.join(known)})" if known else ""
    return (f"{device}: the block that was measured first now takes {change:+.1%}{state}: the device became "
            f"{'slower' if change > 0 else 'faster'}, and what is measured now is not comparable with the beginning")


def state_of(conditions: Conditions) -> dict[str, Any]:
    """The readable part of a device's state: temperature_c, frequency_mhz, load_average, governor."""
    told = conditions.machine.get("conditions")
    if not isinstance(told, Mapping):
        return {}
    state: dict[str, Any] = {name: told[name] for name in NUMBERS
                             if isinstance(told.get(name), int | float) and not isinstance(told[name], bool)}
    if isinstance(told.get("governor"), str):
        state["governor"] = told["governor"][:40]
    return state
