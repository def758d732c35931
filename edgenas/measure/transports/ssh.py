"""A device that the `ssh` program reaches, with the user's own ssh configuration.

A job is two sessions over one connection: one that makes its folder, runs it and cleans up, and one that brings the
files. remote_script.py is what the first one runs.
"""

from __future__ import annotations

import itertools
import math
import os
import secrets
import subprocess
import tempfile
from collections.abc import Generator
from typing import IO

from edgenas.errors import DeviceError
from edgenas.measure.device import Device
from edgenas.measure.job import PYTHON, Job
from edgenas.measure.process import Ended, Silent, running, stream_lines
from edgenas.measure.transport import Transport
from edgenas.measure.transports._bundle import pack
from edgenas.measure.transports._remote_script import Place, job_script, read_place, unpack_script
from edgenas.measure.transports._ssh_errors import disk_full, job_failed, link_lost, no_answer, no_connection, no_files
from edgenas.measure.transports._ssh_options import read_options

LOGIN_S = 60.0
"""What a device may take, beyond the time to connect, to log in and make a folder."""
GRACE_S = 10.0
"""What it may take to stop a job and remove its folder."""
SLOWEST = 50_000
"""Bytes per second; files that come slower are given up."""
CHATTER = 1000
"""Lines that a login shell may print before it runs what it is told."""


class SshTransport(Transport):
    def __init__(self, device: Device) -> None:
        self._options = read_options(device)
        self._met = False
        self._left: list[str] = []
        """Folders of jobs whose connection broke."""

    def stream(self, job: Job, timeout_s: float) -> Generator[str, None, None]:
        token = secrets.token_hex(8)
        limit_s = job.limit_s(timeout_s)  # also for the device itself, when this machine can no longer end it
        script = job_script(token, self._options.folder, self._command(job), limit_s, self._left)
        # A socket's path may have 100 characters: not every system's own temporary folder is that short.
        short = tempfile.TemporaryDirectory(prefix="edgenas-", dir="/tmp")
        with tempfile.TemporaryFile() as files, short:
            need_kib, link = pack(job, files), f"{short.name}/link"
            command = self._options.command(script, "-M", "-S", link)
            with running(command, subprocess.PIPE, self._login_s, grace_s=GRACE_S, limit_s=self._login_s,
                         env=os.environ) as session:
                lines = session.lines()
                place = self._begun(lines, token)
                self._left.append(place.folder)
                self._send(files, link, place, need_kib, timeout_s)
                short.cleanup()
                session.allow(timeout_s, limit_s + GRACE_S)
                session.say("go")
                yield from self._results(lines, self._command(job)[0])
        self._left.clear()

    def reach(self, timeout_s: float) -> str:
        token = secrets.token_hex(8)
        command = self._options.command(f'echo {token} "$(uname -s -r -m)"', "-S", "none")
        try:
            for line in itertools.islice(_said(command, b"", timeout_s), CHATTER):
                if line.startswith(token):
                    return f"{line.removeprefix(token).strip()} over ssh to {self._options.host}"
        except Ended as error:
            raise no_connection(self._options, error, self._met) from error
        except Silent as error:
            raise no_answer(self._options, timeout_s, self._met) from error
        raise DeviceError(f"{self._options.host!r} ran nothing and said nothing", self._options.by_hand("uname -a"))

    @property
    def _login_s(self) -> float:
        return self._options.connect_timeout_s + LOGIN_S

    def _command(self, job: Job) -> list[str]:
        first = self._options.python if job.command[0] == PYTHON else job.command[0]
        return [first, *job.command[1:]]

    def _begun(self, lines: Generator[str, None, None], token: str) -> Place:
        """The place that the script made."""
        try:
            for line in itertools.islice(lines, CHATTER):
                if place := read_place(line, token):
                    self._met = True
                    return place
        except Ended as error:
            raise no_connection(self._options, error, self._met) from error
        except Silent as error:
            raise no_answer(self._options, self._login_s, self._met) from error
        raise DeviceError(f"the shell of {self._options.host!r} does not run what it is told",
                          f"see what it says: {self._options.by_hand('uname -a')}")

    def _send(self, files: IO[bytes], link: str, place: Place, need_kib: int, timeout_s: float) -> None:
        if place.free_kib is not None and need_kib > place.free_kib:
            raise disk_full(self._options, need_kib, place.free_kib)
        limit_s = math.ceil(timeout_s + files.tell() / SLOWEST)
        command = self._options.command(unpack_script(place.folder, limit_s), "-oControlMaster=no", "-S", link)
        try:
            for _ in _said(command, files, limit_s):
                pass
        except Ended as error:
            raise no_files(self._options, error, need_kib, place.free_kib) from error
        except Silent as error:
            raise link_lost(self._options) from error

    def _results(self, lines: Generator[str, None, None], program: str) -> Generator[str, None, None]:
        try:
            yield from lines
        except Ended as error:
            raise job_failed(self._options, error, program) from error


def _said(command: list[str], stdin: bytes | IO[bytes], limit_s: float) -> Generator[str, None, None]:
    """What ssh prints within that time. It has an environment of its own: an agent that it starts is the user's."""
    return stream_lines(command, stdin, limit_s, limit_s=limit_s, env=os.environ)


TRANSPORT = SshTransport
