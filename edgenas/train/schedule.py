"""Quantities that change over a search, as functions of its progress from 0 to 1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Gt


@dataclass(frozen=True)
class Exponential:
    """From `start` to `end`, by equal ratios."""

    start: Annotated[float, Gt(0)] = 1.0
    end: Annotated[float, Gt(0)] = 0.1

    def at(self, progress: float) -> float:
        return float(self.start * (self.end / self.start) ** progress)


@dataclass(frozen=True)
class Linear:
    """From `start` to `end`, by equal differences."""

    start: Annotated[float, Gt(0)] = 1.0
    end: Annotated[float, Gt(0)] = 0.1

    def at(self, progress: float) -> float:
        return self.start + (self.end - self.start) * progress


def cosine(progress: float) -> float:
    """1 at the start, 0 at the end."""
    return 0.5 * (1 + math.cos(math.pi * progress))
