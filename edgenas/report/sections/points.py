"""The networks that are compared, each with its accuracy and its cost."""

from __future__ import annotations

from dataclasses import dataclass

from edgenas.flow.records import Accuracy, Baseline
from edgenas.report.contents import Contents
from edgenas.report.plots import HANDMADE, MEASURED, RANDOM
from edgenas.report.units import unit

BY_HAND = "mobilenet_v2_like"
RULES = {"uniform_widths": "all hidden widths cut by one share",
         "blocks_dropped": "residual blocks left out, then all hidden widths cut by one share"}


@dataclass(frozen=True)
class Kind:
    """Networks of one origin, and how they are drawn."""

    name: str
    colour: str
    symbol: str
    size: int


FOUND = Kind("found network", MEASURED, "circle", 17)
HAND_MADE = Kind("MobileNetV2-like", HANDMADE, "diamond", 13)
CUT_BY_RULE = Kind("cut by rule", HANDMADE, "diamond", 13)
RANDOM_ONES = Kind("random networks", RANDOM, "circle", 11)
KINDS = (RANDOM_ONES, HAND_MADE, CUT_BY_RULE, FOUND)


@dataclass(frozen=True)
class Point:
    """A trained network; `cost` is of the first budget's metric, as well as it is known."""

    name: str
    kind: Kind
    about: str
    accuracy: Accuracy
    cost: float


def points(run: Contents) -> list[Point]:
    """The found network first; networks that are not trained are left out."""
    found = found_point(run)
    return [*([found] if found else []), *baseline_points(run)]


def found_point(run: Contents) -> Point | None:
    """None before training. The cost is the verified artifact's, or else the decoded network's."""
    if run.decoding is None or run.training is None:
        return None
    first = run.decoding.budgets[0].metric
    verified = run.verified(first)
    cost = run.decoding.chosen.cost(first) if verified is None else verified
    return Point(FOUND.name, FOUND, f"by {run.config.strategy}", run.training.accuracy, cost)


def baseline_points(run: Contents) -> list[Point]:
    first = run.budgets[0].metric
    return [Point(name, HAND_MADE if name == BY_HAND else CUT_BY_RULE if name in RULES else RANDOM_ONES,
                  RULES.get(name, about(b)), b.accuracy, b.measured[first])
            for name, b in run.baselines.items() if b.accuracy and first in b.measured]


def about(baseline: Baseline) -> str:
    """Where a baseline comes from, and its size."""
    if baseline.width is not None:
        origin = f"made by hand, width {baseline.width:g}, depth {baseline.depth}"
    else:
        origin = "random, decoded under the same budgets"
    counts = {"macs": baseline.macs, "params": baseline.params}
    sizes = [f"{count:,} {unit(metric)}" for metric, count in counts.items() if count is not None]
    return ", ".join([origin, *sizes])
