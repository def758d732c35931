"""Stages: a search divided into parts, each with a supernet of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Stage:
    """number: of `count`, from 0. first: its first epoch of the search."""

    number: int
    count: int
    first: int
    epochs: int
    checkpoint: Path

    @property
    def is_last(self) -> bool:
        return self.number == self.count - 1

    @property
    def label(self) -> str:
        return f"search, stage {self.number + 1} of {self.count}" if self.count > 1 else "search"


def stages_of(epochs: int, count: int, checkpoint: Path) -> list[Stage]:
    """`epochs` divided into `count` stages as evenly as can be; the last one's checkpoint is the search's."""
    bounds = [epochs * number // count for number in range(count + 1)]
    paths = [*(checkpoint.with_stem(f"{checkpoint.stem}_stage{number + 1}") for number in range(count - 1)), checkpoint]
    return [Stage(number, count, bounds[number], bounds[number + 1] - bounds[number], paths[number])
            for number in range(count)]
