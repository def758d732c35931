"""How a trained network did with the usual normalisations of its inputs."""

from __future__ import annotations

import math

from edgenas.record import Json, Record

Values = tuple[float, ...]
LEAST, ERRORS = 0.05, 2.5  # a difference that is told: so much, and so many of its standard errors


class Tried(Record):
    """accuracy: a share of the judged images."""

    name: str
    mean: Values
    std: Values
    accuracy: float


class Probe(Record):
    """by: "head", the network's own, or "features". images: that were judged. rows: the given normalisation first."""

    by: str
    images: int
    rows: tuple[Tried, ...]

    @property
    def better(self) -> Tried | None:
        """A normalisation with which the network does better than with the given one, by more than chance."""
        best, given = max(self.rows, key=lambda row: row.accuracy), self.rows[0]
        shares = [row.accuracy * (1 - row.accuracy) for row in (best, given)]
        needed = max(LEAST, ERRORS * math.sqrt(sum(shares) / max(1, self.images)))
        return best if best.accuracy - given.accuracy > needed else None

    def said(self) -> str:
        """A sentence where another normalisation is better; else nothing."""
        found, given = self.better, self.rows[0]
        if found is None:
            return ""
        who = "the network is right on" if self.by == "head" else "a linear classifier of its features is right on"
        how = f"--mean {_written(found.mean)} --std {_written(found.std)} ({found.name})"
        return (f"{who} {found.accuracy:.1%} of {self.images} validation images with {how}, and on "
                f"{given.accuracy:.1%} as they are normalised now: is that how it was trained?")

    def to_json(self) -> Json:
        """With the name of the better one, for whoever reads the file."""
        better = self.better
        return super().to_json() | {"better": better.name if better else None}


def _written(values: Values) -> str:
    return ",".join(f"{value:.4g}" for value in values)
