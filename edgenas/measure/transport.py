"""The family of transports: how to reach a device. One file in `transports` each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator

from edgenas import plugins
from edgenas.measure.device import Device
from edgenas.measure.job import Job
from edgenas.measure.transports import FAMILY


class Transport(ABC):
    """A way to run jobs where the device is. Its module's `TRANSPORT` is the class.

    `__init__` checks the device's `options`.
    """

    @abstractmethod
    def __init__(self, device: Device) -> None: ...

    @abstractmethod
    def stream(self, job: Job, timeout_s: float) -> Generator[str, None, None]:
        """Run `job` in a folder of its own on the device and yield the lines that it prints, as they come.

        Closing the generator stops the job; the folder is gone afterwards, unless the connection is.
        Raises: DeviceError if nothing comes for `timeout_s` or if the job fails; LinkLost if the connection broke, or
        if a device that was there before is not back yet: the rest may be tried again.
        """

    @abstractmethod
    def reach(self, timeout_s: float) -> str:
        """Say in a few words what answers there.

        Raises: DeviceError that says why nothing does.
        """


def open_transport(device: Device) -> Transport:
    """Raises: UsageError if the device's options do not suit its transport."""
    found = plugins.subclass(FAMILY, device.transport, "transport", "TRANSPORT", Transport)  # type: ignore[type-abstract]
    return found(device)
