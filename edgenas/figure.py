"""A figure: a value, its unit, and how it is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Provenance = Literal["measured", "counted", "predicted", "estimated", "published"]
"""How a figure is known. Plain text, as files and tables have it; elsewhere the names below are used."""
MEASURED: Final = "measured"
COUNTED: Final = "counted"
PREDICTED: Final = "predicted"
ESTIMATED: Final = "estimated"
PUBLISHED: Final = "published"
PROVENANCES: tuple[Provenance, ...] = (MEASURED, COUNTED, PREDICTED, ESTIMATED, PUBLISHED)


@dataclass(frozen=True)
class Figure:
    """`Figure(0.084, "ms", "measured")`, which prints as `0.084 ms measured`.

    value: in `unit`; a unit of "" is a plain number. low, high: where the value lies with a probability of 90%, None
    where that is not known. provenance: measured on the device; counted, exactly, from the network or the file;
    predicted by a cost model; estimated by a vendor's compiler; published by others.

    Example:
        >>> figure = Figure(0.0843, "ms", "predicted", low=0.081, high=0.088)
        >>> print(figure)
        0.0843 ms predicted (90%: 0.081 to 0.088)
        >>> float(figure) < 0.1
        True
    """

    value: float
    unit: str
    provenance: Provenance
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if self.provenance not in PROVENANCES:
            raise ValueError(f"{self.provenance!r} is none of {', '.join(PROVENANCES)}")

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        shown = f"{self.value:.6g}{' ' if self.unit else ''}{self.unit} {self.provenance}"
        if self.low is None or self.high is None:
            return shown
        return f"{shown} (90%: {self.low:.4g} to {self.high:.4g})"


def unit_of(metric: str) -> str:
    """The unit that a metric's name says: `latency_ms` and `latency_ms@pixel1` are in ms, `macs` has none."""
    last = metric.partition("@")[0].rpartition("_")[2]
    return {"ms": "ms", "kib": "KiB"}.get(last, "")
