"""What a search learned, and what was tried of it."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict

from edgenas.record import Kept, Number, Record
from edgenas.search.history import SearchEpoch


class TriedNetwork(Record):
    """A network that was a candidate, with the figures by which it was ranked, by their names: `validation`, zero-cost
    measures; None is what could not be measured. trial_loss: of the last of trial_epochs, None where that diverged."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Number | None]

    architecture: dict[str, str]
    trial_loss: float | None = None
    trial_epochs: int | None = None

    @classmethod
    def of(cls, architecture: dict[str, str], figures: dict[str, float | None]) -> TriedNetwork:
        return cls.from_json({"architecture": architecture, **figures})


class Search(Kept):
    """search.json; no history where the strategy trains no supernet. scores: by choice and candidate."""

    FILE: ClassVar[str] = "search.json"

    history: tuple[SearchEpoch, ...]
    scores: dict[str, dict[str, float]] = {}
    tried: tuple[TriedNetwork, ...] = ()
