"""An Android phone that the `adb` program reaches. It has no Python: what runs there are programs.

A job is a shell that makes its folder, runs it and cleans up (see remote_script.py), and a push that brings the files.
adb ends with status 0 and without a word when the connection breaks: a job is over when its shell says so.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import re
import secrets
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

from edgenas.errors import DeviceError, UsageError
from edgenas.measure.device import Device
from edgenas.measure.job import PYTHON, Job
from edgenas.measure.process import Ended, Running, Silent, running, stream_lines
from edgenas.measure.transport import Transport
from edgenas.measure.transports._adb_errors import disk_full, failed_push, job_failed, link_lost, no_connection
from edgenas.measure.transports._adb_options import read_options
from edgenas.measure.transports._remote_script import Place, job_script, read_place

ANSWER_S = 60.0
"""What a phone may take to open a shell and make a folder, and adb to start its server."""
GRACE_S = 10.0
"""What it may take to stop a job and remove its folder."""
SLOWEST = 50_000
"""Bytes per second; files that come slower are given up."""
CHATTER = 1000
"""Lines of adb's own, or that a phone may print before it runs what it is told."""
BLOCK = 4096
"""Bytes; what the smallest file takes on most disks."""
ABOUT = 'echo "$(getprop ro.product.model), Android $(getprop ro.build.version.release), $(uname -m)"'


class AdbTransport(Transport):
    def __init__(self, device: Device) -> None:
        self._options = read_options(device)
        self._met = False
        self._left: list[str] = []
        """Folders of jobs whose connection broke."""

    def stream(self, job: Job, timeout_s: float) -> Generator[str, None, None]:
        if job.command[0] == PYTHON:
            raise UsageError("this runtime needs Python on the device, and a phone has none",
                             "use the runtime binary or benchmark_model: --runtime binary")
        token = secrets.token_hex(8)
        limit_s = job.limit_s(timeout_s)  # also for the phone itself, when this machine can no longer end it
        script = job_script(token, self._options.folder, job.command, limit_s, self._left)
        self._connect()
        with staged(job) as (stage, need_kib), self._begin(script, token) as session:
            lines = self._lines(session, token, job.command[0])
            place = self._begun(lines, token)
            self._left.append(place.folder)
            self._push(stage, place, need_kib, timeout_s)
            session.allow(timeout_s, limit_s + GRACE_S)
            session.say("go")
            yield from lines
        self._left.clear()

    def reach(self, timeout_s: float) -> str:
        token = secrets.token_hex(8)
        self._connect()
        with self._shell(ABOUT, token, timeout_s) as session:
            for line in self._lines(session, token, "getprop"):
                known = re.sub(r"^, |Android ,? ?", "", line).strip(" ,")
                return f"{known} over adb" + (f" ({self._options.serial})" if self._options.serial else "")
        raise link_lost(self._options)

    def _begin(self, script: str, token: str) -> contextlib.AbstractContextManager[Running]:
        return self._shell(f"sh -c {shlex.quote(script)}", token, ANSWER_S)

    @contextlib.contextmanager
    def _shell(self, script: str, token: str, timeout_s: float) -> Iterator[Running]:
        """A shell on the phone that says `<token> ended <exit status>` at its end."""
        command = self._options.command("shell", f"{script}; status=$?; echo {token} ended $status; exit $status")
        with running(command, subprocess.PIPE, timeout_s, grace_s=GRACE_S, limit_s=timeout_s,
                     env=os.environ) as session:
            yield session

    def _lines(self, session: Running, token: str, program: str) -> Generator[str, None, None]:
        status, words = None, ""
        try:
            for line in session.lines():
                found = re.fullmatch(rf"(.*){token} ended (\d{{1,3}})", line.rstrip("\r"))
                if found is None:
                    yield line.rstrip("\r")
                    continue
                status = int(found[2])
                if found[1]:
                    yield found[1]
        except Ended as error:
            words = error.words
            if status is None:
                raise self._trouble(words) from error
        except Silent as error:
            raise self._silence(error) from error
        if status is None:
            raise link_lost(self._options)
        if status:
            raise job_failed(self._options, status, words, program)

    def _begun(self, lines: Generator[str, None, None], token: str) -> Place:
        """The place that the script made."""
        for line in itertools.islice(lines, CHATTER):
            if place := read_place(line, token):
                self._met = True
                return place
        raise DeviceError("the phone's shell does not run what it is told",
                          f"see what this says: {self._options.by_hand('shell', 'uname -a')}")

    def _push(self, stage: Path, place: Place, need_kib: int, timeout_s: float) -> None:
        if place.free_kib is not None and need_kib > place.free_kib:
            raise disk_full(self._options, need_kib, place.free_kib)
        limit_s = math.ceil(timeout_s + need_kib * 1024 / SLOWEST)
        try:
            self._adb(limit_s, "push", f"{stage}/.", place.folder)
        except Ended as error:
            raise failed_push(self._options, error, need_kib, place.free_kib, self._trouble(error.words)) from error
        except Silent as error:
            raise link_lost(self._options) from error

    def _connect(self) -> None:
        """Have the adb server connect to a phone on the network; one that is plugged in needs nothing."""
        if shutil.which(self._options.adb) is None:
            raise DeviceError(f"the program {self._options.adb!r} is not installed",
                              "apt install adb, or export EDGENAS_ADB=PATH, which says where it is")
        if not self._options.on_network:
            return
        with contextlib.suppress(Ended, Silent):
            if self._adb(ANSWER_S, "get-state") == ["device"]:
                return
        with contextlib.suppress(Ended, Silent):
            self._adb(ANSWER_S, "connect", self._options.serial)

    def _adb(self, timeout_s: float, *words: str) -> list[str]:
        # With an environment of its own, as the adb server, which this may start, is for the user's other programs too.
        said = stream_lines(self._options.command(*words), b"", timeout_s, limit_s=timeout_s, env=os.environ)
        with contextlib.closing(said):
            return list(itertools.islice(said, CHATTER))

    def _trouble(self, words: str) -> DeviceError:
        return no_connection(self._options, words, self._met, self._attached())

    def _silence(self, error: Silent) -> DeviceError:
        """Nothing came in time: is the phone still there?"""
        try:
            self._adb(GRACE_S, "get-state")
        except (Ended, Silent) as gone:
            return self._trouble(gone.words) if isinstance(gone, Ended) else link_lost(self._options)
        return error

    def _attached(self) -> str:
        try:
            rows = [line.split() for line in self._adb(GRACE_S, "devices")]
        except DeviceError:
            return "none"
        return ", ".join(row[0] for row in rows if len(row) == 2) or "none"


@contextlib.contextmanager
def staged(job: Job) -> Iterator[tuple[Path, int]]:
    """A folder with the job's files under `job/` and what it reads as `stdin`; their size on a disk in KiB.

    They are copies, as adb pushes links as links.
    Raises: UsageError naming a file that cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="edgenas-") as name:
        folder = Path(name)
        (folder / "job").mkdir()
        (folder / "job" / "edgenas").touch()  # adb pushes no empty folder
        (folder / "stdin").write_text(job.stdin, encoding="utf-8")
        for target, source in job.files.items():
            path = folder / "job" / target
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copy(source, path)
            except OSError as error:
                raise UsageError(f"cannot read {source}: {error.strerror or error}") from error
        files = [path for path in folder.rglob("*") if path.is_file()]
        yield folder, sum(1 + path.stat().st_size // BLOCK for path in files) * BLOCK // 1024


TRANSPORT = AdbTransport
