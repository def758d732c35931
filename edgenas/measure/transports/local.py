"""This machine: jobs run in a process of their own, with the same Python."""

from __future__ import annotations

import platform
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

from edgenas.errors import UsageError
from edgenas.measure.device import Device
from edgenas.measure.job import PYTHON, Job
from edgenas.measure.process import stream_lines
from edgenas.measure.transport import Transport


class LocalTransport(Transport):
    def __init__(self, device: Device) -> None:
        if device.options:
            raise UsageError(f"device {device.name!r} has options ({', '.join(sorted(device.options))}), "
                             "but transport 'local' takes none", "remove them from the device's file")

    def stream(self, job: Job, timeout_s: float) -> Generator[str, None, None]:
        with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
            for name, source in job.files.items():
                link = Path(folder, name)
                link.parent.mkdir(exist_ok=True)
                link.symlink_to(source.absolute())
            # -P: the files beside the linked ones must not shadow modules of the same name.
            python = (sys.executable, "-P")
            command = [*python, *job.command[1:]] if job.command[0] == PYTHON else list(job.command)
            yield from stream_lines(command, job.stdin.encode(), timeout_s, folder, job.limit_s(timeout_s))

    def reach(self, timeout_s: float) -> str:
        return f"this machine, {platform.system()} {platform.machine()}"


TRANSPORT = LocalTransport
