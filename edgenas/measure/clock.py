"""Whether a device can have spent the time that it says it measured."""

from __future__ import annotations

from edgenas.errors import DeviceError
from edgenas.figure import MEASURED
from edgenas.measure.runtime import Runtime, provenance_of

FACTOR = 1.05
SLACK_S = 1.0


def takes_time(runtime: Runtime) -> bool:
    """Whether its figures are time that passed: estimates are none, nor is what a clock of the runtime's own says."""
    return provenance_of(runtime) == MEASURED and not hasattr(runtime, "clock")


def check_clock(runtime: Runtime, claimed_s: float, passed_s: float) -> None:
    """claimed_s: the least time that all measurements of one job so far can have taken. passed_s: the time that passed
    on this machine since it gave the job.

    Raises: DeviceError if the first is longer.
    """
    if takes_time(runtime) and claimed_s > passed_s * FACTOR + SLACK_S:
        raise DeviceError(f"the device claims runs of {claimed_s:.3g} s in the {passed_s:.3g} s that passed here: "
                          "its clock jumped or its figures are made up",
                          "run the same command again; if it stays, the device's clock cannot be used")
