"""Latencies that others measured and published, and the plain sum of them that predicts a network's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from edgenas.measure.measurement import Measurement


@dataclass(frozen=True)
class Published:
    """Of one block: the mean over `count` measurements in ms, their standard deviation, its name in the source."""

    name: str
    mean_ms: float
    std_ms: float
    count: int

    def latency_ms(self, statistic: str = "mean") -> float:
        """The mean, whatever statistic is asked for: no other was published."""
        return self.mean_ms

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Published:
        """Raises: ValueError, KeyError or TypeError for anything that `to_dict` does not write."""
        if extra := set(values) - {each.name for each in fields(cls)}:
            raise ValueError(f"a published latency has an unknown value {min(extra)!r}")
        found = cls(str(values["name"]), float(values["mean_ms"]), float(values["std_ms"]), int(values["count"]))
        if not (0 < found.mean_ms < math.inf and 0 <= found.std_ms < math.inf and found.count >= 1):
            raise ValueError(f"the published latency of {found.name!r} is {found.mean_ms} ± {found.std_ms} ms "
                             f"over {found.count} measurements")
        return found


def latency_from(values: Mapping[str, Any]) -> Measurement | Published:
    """What either class's `to_dict` wrote."""
    return Published.from_dict(values) if "mean_ms" in values else Measurement.from_dict(values)
