"""What tuning found for a file, as its sidecar and the manifest have it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class TunedKernel(BaseModel):
    """One kernel, measured by the rule's schedule and by the best other one that was tried, in turns.

    calls: how often the network calls it. tuned_us: None where no other schedule was faster when it was tried, or there
    is no other. taken: whether the file has the other one. trials: how many were ever tried for such a kernel.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    calls: int
    rule_us: float
    tuned_us: float | None
    taken: bool
    trials: int


class Tuned(BaseModel):
    """What was measured, on so many threads, and taken.

    trials: made for this file, beside those that were known. rule_ms, tuned_ms: the whole network without and with what
    was faster kernel by kernel, measured in turns; None where nothing was. Where the second is no faster, nothing was
    taken.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threads: int
    trials: int
    rule_ms: float | None
    tuned_ms: float | None
    kernels: tuple[TunedKernel, ...]

    def __str__(self) -> str:
        taken = sum(kernel.taken for kernel in self.kernels)
        found = f"{taken} of {len(self.kernels)} kernels are tuned after {self.trials} trials"
        return found if self.tuned_ms is None else f"{found}: {self.rule_ms:.3g} ms by rule, then {self.tuned_ms:.3g}"
