"""What the operators and whole networks of a profile were like, and what of another network is unlike them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgenas.cost.kernels.draws import DRAWS
from edgenas.cost.kernels.sampling import BORROWED, family, features
from edgenas.cost.network import Network

Floats = NDArray[np.float64]

SIZES = ("multiply-accumulates", "weights", "values read", "values written")
"""The first of `features`."""
NEGLIGIBLE = 0.05
"""Share of a network's latency that operators unlike the profile's may take where it still has an interval."""

REACH = 1.1
"""How far beyond the smallest and the largest network that was measured the errors of those are believed."""


@dataclass(frozen=True)
class Span:
    """The least and the largest of what was seen. What lies a little beyond is in it."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low / REACH <= value <= self.high * REACH


@dataclass(frozen=True)
class Coverage:
    """largest: by family, the largest of each of SIZES among single operators, (4,). calibrated: families of which the
    whole networks are made. work_ms, moved: of these networks, what their operators take by themselves and how many
    values they move; None where they are too few to calibrate.
    """

    largest: Mapping[str, Floats]
    calibrated: frozenset[str] = frozenset()
    work_ms: Span | None = None
    moved: Span | None = None

    @classmethod
    def of(cls, kernels: Iterable[Network], wholes: Sequence[Network], work_ms: Floats,
           moved: Floats) -> Coverage:
        largest: dict[str, Floats] = {}
        for network in kernels:
            name, sizes = family(network.operators[0]), _sizes(network, 0)
            largest[name] = np.maximum(largest.get(name, sizes), sizes)
        if not wholes:
            return cls(largest)
        made_of = frozenset(family(op) for network in wholes for op in network.operators)
        return cls(largest, made_of, Span(float(work_ms.min()), float(work_ms.max())),
                   Span(float(moved.min()), float(moved.max())))

    def doubts(self, network: Network, inside_ms: Floats, work_ms: float, moved: float) -> tuple[str, ...]:
        """Sentences: why the errors of the whole networks say nothing of this one. None where they do.

        inside_ms: (n,), each operator's latency inside the network, not a number where it is not known.
        """
        whole = [] if np.isnan(inside_ms).any() else self._of_whole(work_ms, moved)  # in part it tells nothing
        return (*self._of_operators(network, inside_ms), *whole)

    def _of_operators(self, network: Network, inside_ms: Floats) -> list[str]:
        found = [(self._doubt(network, i), i) for i in range(len(network.operators))
                 if not np.isnan(inside_ms[i])]
        doubtful = [(doubt, i) for doubt, i in found if doubt]
        if sum(inside_ms[i] for _, i in doubtful) <= NEGLIGIBLE * np.nansum(inside_ms):
            return []
        return list(dict.fromkeys(doubt for doubt, _ in doubtful))

    def _doubt(self, network: Network, index: int) -> str:
        """What sets an operator apart from those that were measured, empty for nothing."""
        name = family(network.operators[index])
        known = BORROWED.get(name, name)
        if known != name and name not in self.largest:
            return f"{name} operators were never profiled and are taken for {known} ones of the same work"
        if name not in self.largest:
            return ""
        beyond = np.flatnonzero(_sizes(network, index) > self.largest[name])
        if len(beyond):
            most = self.largest[name][beyond[0]]
            return f"{name} operators are larger than any that was profiled: at most {most:,.0f} {SIZES[beyond[0]]}"
        if self.work_ms and name not in self.calibrated:
            return f"no whole network of the profile has {name} operators"
        return ""

    def _of_whole(self, work_ms: float, moved: float) -> list[str]:
        if self.work_ms is None or self.moved is None:
            return []
        for what, value, span in (("ms of work", work_ms, self.work_ms), ("values moved", moved, self.moved)):
            if value not in span:
                way = "larger" if value > span.high else "smaller"
                return [f"the network is {way} than those that calibrate the profile: {_shown(value)} {what}, theirs "
                        f"{_shown(span.low)} to {_shown(span.high)}"]
        return []


def lacking(families: Iterable[str]) -> list[str]:
    """Sentences on families that were never profiled: which can be, and which edgenas does not measure."""
    names = list(families)
    beyond = edgenas_lacks(names)
    groups = (("no operator of these families was ever profiled, and their time is missing: ",
               [name for name in names if name not in beyond]),
              ("edgenas profiles no operators of these families, and their time is missing: ", beyond))
    return [words + ", ".join(members) for words, members in groups if members]


def edgenas_lacks(families: Iterable[str]) -> list[str]:
    """The families of which no profile has operators."""
    return [name for name in families if BORROWED.get(name, name) not in DRAWS]


def _sizes(network: Network, index: int) -> Floats:
    return np.array(features(network, index)[:len(SIZES)])


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
