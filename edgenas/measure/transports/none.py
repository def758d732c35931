"""Reaches nothing: for devices that are known by published latencies only."""

from __future__ import annotations

from collections.abc import Generator

from edgenas.errors import DeviceError, UsageError
from edgenas.measure.device import Device
from edgenas.measure.job import Job
from edgenas.measure.transport import Transport


class NoTransport(Transport):
    def __init__(self, device: Device) -> None:
        if device.options:
            raise UsageError(f"device {device.name!r} has options ({', '.join(sorted(device.options))}), "
                             "but transport 'none' takes none", "remove them from the device's file")
        self._name = device.name

    def stream(self, job: Job, timeout_s: float) -> Generator[str, None, None]:
        raise self._error()

    def reach(self, timeout_s: float) -> str:
        raise self._error()

    def _error(self) -> DeviceError:
        return DeviceError(f"device {self._name} is known by published latencies only and cannot be measured here",
                           f"edgenas search --device {self._name} needs no measurement; to measure a phone of your "
                           "own, write a device file: --device ./phone.toml")


TRANSPORT = NoTransport
