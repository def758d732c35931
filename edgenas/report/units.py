"""Figures of a metric, in the unit that its name says."""

from __future__ import annotations

from edgenas.cost.metrics import bare as without_device
from edgenas.report.markup import Html, figure

SUFFIXES = {"ms": "ms", "kib": "KiB"}
COUNTS = {"macs": "MACs", "params": "parameters"}

STATISTIC_MEANINGS = {
    "median_of_minima": "median of the rounds' fastest runs",
    "min": "fastest run",
    "p50": "median run",
    "p90": "90% of runs are at most this slow",
}


def unit(metric: str) -> str:
    name = without_device(metric)
    return COUNTS.get(name) or SUFFIXES.get(name.rpartition("_")[2], "")


def titled(metric: str, known: str) -> str:
    """An axis' title, e.g. `latency_ms in ms, measured`."""
    return f"{metric} in {unit(metric)}, {known}" if unit(metric) else f"{metric}, {known}"


def digits(value: float) -> str:
    """Four significant digits; figures of a thousand and more to the unit."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def bare(value: float) -> Html:
    return figure(value, digits(value))


def amount(metric: str, value: float) -> Html:
    """E.g. `0.5842 ms`."""
    return figure(value, f"{digits(value)} {unit(metric)}".rstrip())


def percent(value: float, places: int = 2) -> Html:
    return figure(value, f"{value:.{places}%}")
