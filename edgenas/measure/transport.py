"""The family of transports: how to reach a device. One file `transport_<name>.py` each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, cast

from edgenas import plugins

if TYPE_CHECKING:
    from edgenas.measure.device import Device

PACKAGE = "edgenas.measure"
PREFIX = "transport_"


class Transport(ABC):
    """A way to run the worker where the device is. Its module's `TRANSPORT` is the class.

    `__init__` checks the device's `options`.
    """

    @abstractmethod
    def __init__(self, device: Device) -> None: ...

    @abstractmethod
    def stream(self, job: Mapping[str, Any], timeout_s: float) -> Generator[str, None, None]:
        """Run the worker with `job` and yield its lines as they come; closing the generator stops the worker.

        The paths in `job` (of the runner and of the artifacts, with what lies beside them: `<path>.json`) are
        this machine's; a transport to another one brings the files there and puts its paths into the job.
        Raises: DeviceError if nothing comes for `timeout_s`, or if the worker dies.
        """


def transport_names() -> list[str]:
    return plugins.names(PACKAGE, PREFIX)


def open_transport(device: Device) -> Transport:
    """Raises: UsageError if the device's options do not suit its transport."""
    module = plugins.load(PACKAGE, device.transport, "transport", PREFIX)
    return cast(type[Transport], module.TRANSPORT)(device)
