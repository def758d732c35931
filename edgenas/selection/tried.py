"""A network that was a candidate."""

from __future__ import annotations

from pydantic import ConfigDict

from edgenas.record import Number, Record


class TriedNetwork(Record):
    """Its figures, by which it was ranked, by their names: `validation`, zero-cost measures; None is what could not be
    measured. trial_loss: of the last of trial_epochs, None where that diverged."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Number | None]

    architecture: dict[str, str]
    trial_loss: float | None = None
    trial_epochs: int | None = None

    @classmethod
    def of(cls, architecture: dict[str, str], figures: dict[str, float | None]) -> TriedNetwork:
        return cls.from_json({"architecture": architecture, **figures})
