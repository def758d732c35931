"""This machine: the worker runs in a process of its own, with the same Python."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Mapping
from typing import Any

from edgenas.errors import UsageError
from edgenas.measure import worker
from edgenas.measure.device import Device
from edgenas.measure.process import stream_lines
from edgenas.measure.transport import Transport


class LocalTransport(Transport):
    def __init__(self, device: Device) -> None:
        if device.options:
            raise UsageError(f"device {device.name!r} has options ({', '.join(sorted(device.options))}), "
                             "but transport 'local' takes none", "remove them from the device's file")

    def stream(self, job: Mapping[str, Any], timeout_s: float) -> Generator[str, None, None]:
        # -P: the files beside the worker must not shadow modules of the same name.
        command = [sys.executable, "-P", worker.__file__]
        yield from stream_lines(command, json.dumps(job).encode(), timeout_s)


TRANSPORT = LocalTransport
