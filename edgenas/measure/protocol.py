"""The numbers of the measuring protocol; worker.py says how they are used."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from edgenas.errors import UsageError


@dataclass(frozen=True)
class Protocol:
    """How long and how often to measure.

    Raises: UsageError naming the value that cannot be used.
    """

    calibration_s: float = 1.0
    """Time in which a worker learns how fast the undisturbed processor is, once per worker."""
    warmup_runs: int = 50
    """Runs before the first sample, ..."""
    warmup_min_s: float = 0.05
    """... for at least this long (a processor needs it to reach its speed) ..."""
    warmup_max_s: float = 0.3
    """... but no longer than this, however slow the model."""
    rounds: int = 3
    """Rounds to take, and to base the statistics of minima on."""
    max_rounds: int = 20
    """Rounds after which to stop although they disagree or were disturbed, ..."""
    patience_s: float = 3.0
    """... and the time after which to stop for the same reason (but never before `rounds` rounds)."""
    agreement: float = 0.05
    """Relative difference up to which rounds' minima agree, and a round's reference is undisturbed."""
    runs: int = 20
    """Samples in a round, at least: ..."""
    round_s: float = 0.1
    """... as many more as fit into this time, ..."""
    min_runs: int = 5
    """... and down to this many ..."""
    slow_round_s: float = 1.0
    """... where `runs` samples would take longer than this."""
    sample_us: float = 50.0
    """A shorter model is run in a loop of this length for one sample."""
    seed: int = 0
    """Of the random input."""
    timeout_s: float = 300.0
    """The longest silence of a worker, per artifact whose result is due."""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            least = 0 if name in ("seed", "warmup_min_s") else 1 if isinstance(value, int) else 1e-9
            if not (math.isfinite(value) and value >= least):
                raise UsageError(f"{name} of the measuring protocol is {value}; it must be at least {least}")
        if self.max_rounds < self.rounds:
            raise UsageError(f"max_rounds of the measuring protocol is {self.max_rounds}; "
                             f"it must be at least rounds, which is {self.rounds}")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


DEFAULT = Protocol()
