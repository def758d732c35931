"""What an epoch of a training leaves."""

from __future__ import annotations

from edgenas.record import Record


class TrainEpoch(Record):
    """loss: the mean of its batches. validation: the accuracy after it, a share of 1."""

    loss: float
    validation: float
    seconds: float


class TrialEpoch(Record):
    """Of a trial training, which asks for no accuracy."""

    loss: float
