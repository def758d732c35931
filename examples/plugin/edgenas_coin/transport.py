"""This machine, after a moment's patience: `options.seconds`."""

from __future__ import annotations

import time
from collections.abc import Generator

from edgenas.errors import UsageError
from edgenas.measure.device import Device
from edgenas.measure.job import Job
from edgenas.measure.transport import Transport
from edgenas.measure.transports.local import LocalTransport


class PatientTransport(Transport):
    def __init__(self, device: Device) -> None:
        seconds = device.options.get("seconds", 0.0)
        if set(device.options) - {"seconds"} or not isinstance(seconds, int | float) or not 0 <= seconds <= 60:
            raise UsageError(f"device {device.name!r}: transport 'patient' takes options.seconds, from 0 to 60",
                             "for example seconds = 0.5")
        self._seconds, self._local = seconds, LocalTransport(device.model_copy(update={"options": {}}))

    def stream(self, job: Job, timeout_s: float) -> Generator[str, None, None]:
        time.sleep(self._seconds)
        yield from self._local.stream(job, timeout_s)

    def reach(self, timeout_s: float) -> str:
        return f"{self._local.reach(timeout_s)}, patiently"


TRANSPORT = PatientTransport
