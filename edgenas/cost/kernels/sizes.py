"""Sizes of operators, drawn at random: what mobile networks have, around those of one operator, or as they must be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from numpy.random import Generator

from edgenas.cost.network import Shape

MULTIPLE = 8
"""Of which channels are in nine networks of ten."""
STEPS = (0.8191725134, 0.6710436067, 0.5497004779)
DENSER = 0.6
AROUND = 2.0
"""How many times larger or smaller a size is than the one that it is drawn around, at most."""


@dataclass(frozen=True)
class Sizes:
    """Where drawn operators' sizes come from.

    centre: sizes by name that are drawn around, such as `inputs`, `side` or `kernel`; those that it lacks are drawn of
    what mobile networks have. shape: of the input, without the batch, where it is given beforehand. places: what is
    taken in the place of the first random numbers from 0 to 1, see `evenly`.
    """

    generator: Generator
    centre: Mapping[str, int] = field(default_factory=dict)
    shape: Shape | None = None
    places: list[float] = field(default_factory=list)

    def number(self, name: str, low: int, high: int) -> int:
        """Log-uniform from low to high, or around the centre's and at least low."""
        place: float = self.places.pop(0) if self.places else self.generator.random()
        if name in self.centre:
            return max(low, round(self.centre[name] * math.pow(AROUND, 2 * place - 1)))
        return round(math.exp(math.log(low) + place * math.log(high / low)))

    def channels(self, name: str = "inputs", most: int = 1280) -> int:
        """From 3; nine in ten are multiples of 8, as networks' are."""
        number, known = self.number(name, 3, most), self.centre.get(name, MULTIPLE)
        rounded = self.generator.random() < 0.9 and known % MULTIPLE == 0
        return max(MULTIPLE, round(number / MULTIPLE) * MULTIPLE) if rounded else number

    def pick(self, name: str, options: Sequence[int]) -> int:
        """The centre's, or one of the options."""
        return self.centre.get(name) or int(self.generator.choice(options))

    def map(self, most: int = 1280, least: int = 1, finest: int = 112) -> Shape:
        """Channels, height, width."""
        if self.shape is not None:
            return self.shape
        side = max(least, self.number("side", 1, finest))
        return self.channels(most=most), side, side

    def rows(self, most: int = 1280, longest: int = 2048) -> Shape:
        """Of so many rows, or steps of a series, so many values each."""
        if self.shape is not None:
            return self.shape
        return self.number("rows", 8, longest), self.channels(most=most)


def evenly(turn: int, start: float) -> list[float]:
    """The `turn`-th point of a sequence that fills a cube however short it is, so that few operators reach its corners.

    Denser towards 1: what takes time is large. Roberts, "The Unreasonable Effectiveness of Quasirandom Sequences", 2018
    """
    return [((start + turn * step) % 1.0) ** DENSER for step in STEPS]
