"""A worker's process on this machine (or the program that reaches one elsewhere): started, read, and ended."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO

from edgenas.errors import DeviceError

LINE_LIMIT = 1 << 20
"""Bytes; a longer line is an error."""
WORDS = 4000
"""Bytes that are kept of the end of the standard error, ..."""
ENDING_S = 5.0
"""How long killed processes may take to end."""
SLICE_S = 0.5
"""Waited for at a time. What lasts longer is a pause of this whole machine, or of this process, and no silence."""
TAIL = 400
"""... and characters of it that an error message shows."""


class Silent(DeviceError):
    """No line came in time."""


class Ended(DeviceError):
    """The exit status was not 0, or (below 0) a signal's. words: the end of the standard error."""

    def __init__(self, message: str, hint: str = "", status: int = 1, words: str = "") -> None:
        super().__init__(message, hint)
        self.status, self.words = status, words


class Running:
    """A started program. timeout_s: the longest silence between two lines, from the next line on."""

    def __init__(self, process: subprocess.Popen[bytes], errors: IO[bytes], timeout_s: float) -> None:
        self._process, self._errors, self.timeout_s = process, errors, timeout_s

    def lines(self) -> Generator[str, None, None]:
        """The lines of its standard output, without their ends, as they come.

        Raises: Silent if no line comes for `timeout_s`; Ended if the exit status is not 0; DeviceError if a line is
        too long.
        """
        rest = yield from self._whole_lines()
        try:
            status = self._process.wait(self.timeout_s)
        except subprocess.TimeoutExpired:
            raise self._silent() from None
        if status:
            raise ended(status, self._words())
        if rest:
            yield rest

    def say(self, line: str) -> None:
        """Write one line to its standard input. If it has ended, `lines` tells."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line.encode() + b"\n")

    def _whole_lines(self) -> Generator[str, None, str]:
        """Yield every line that has an end; return what is left when the stream ends."""
        stdout, buffer = self._process.stdout, b""
        assert stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            silent_s = 0.0
            while True:
                began, wait_s = time.monotonic(), max(0.0, min(SLICE_S, self.timeout_s - silent_s))
                is_ready = bool(selector.select(wait_s))
                silent_s += min(time.monotonic() - began, wait_s)
                if not is_ready and silent_s >= self.timeout_s:
                    raise self._silent()
                if not is_ready:
                    continue
                chunk = os.read(stdout.fileno(), 1 << 16)
                if not chunk:
                    return buffer.decode(errors="replace")
                *lines, buffer = (buffer + chunk).split(b"\n")
                if len(buffer) > LINE_LIMIT:
                    raise DeviceError(f"the worker printed a line longer than {LINE_LIMIT} bytes: {buffer[:60]!r}…")
                for line in lines:
                    yield line.decode(errors="replace")
                if lines:
                    silent_s = 0.0

    def _silent(self) -> Silent:
        return Silent(f"the worker gave no result for {self.timeout_s:g} s and was stopped{_tail(self._words())}")

    def _words(self) -> str:
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - WORDS))
        return self._errors.read().decode(errors="replace").strip()


@contextlib.contextmanager
def running(command: list[str], stdin: IO[bytes] | int, timeout_s: float, folder: str | None = None,
            grace_s: float = 0.0) -> Iterator[Running]:
    """Start `command` in `folder`. stdin: a file, or subprocess.PIPE for `Running.say`.

    Afterwards the process and its children have ended. One with a pipe first gets `grace_s` to end by itself when
    the pipe is closed.
    Raises: DeviceError if it cannot be started.
    """
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=errors, bufsize=0,
                                       cwd=folder, start_new_session=True)
        except OSError as error:
            raise DeviceError(f"cannot start {command[0]!r}: {error.strerror}") from error
        try:
            yield Running(process, errors, timeout_s)
        finally:
            try:
                if process.stdin is not None:
                    process.stdin.close()
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(grace_s)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                _end_session(process.pid)
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()


def _end_session(leader: int) -> None:
    """Kill what is left of the session in process groups of its own, as `timeout` makes one for what it runs."""
    deadline = time.monotonic() + ENDING_S
    while (left := _members(leader)) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _members(leader: int) -> list[int]:
    """The running processes of the session but its leader; none where the system has no /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, session = path.read_text(errors="replace").rpartition(") ")[2].split()[:4]
            if int(session) == leader and state != "Z" and int(path.parent.name) != leader:
                found.append(int(path.parent.name))
    return found


def stream_lines(command: list[str], stdin: bytes | IO[bytes], timeout_s: float,
                 folder: str | None = None) -> Generator[str, None, None]:
    """Run `command` in `folder` and yield the lines of its standard output, without their ends, as they come.

    However this generator ends, the process and its children have ended too.
    Raises: DeviceError if no line comes for `timeout_s`, a line is too long, or the exit status is not 0.
    """
    with contextlib.ExitStack() as stack:
        if isinstance(stdin, bytes):
            given: IO[bytes] = stack.enter_context(tempfile.TemporaryFile())
            given.write(stdin)
        else:
            given = stdin
        given.seek(0)
        process = stack.enter_context(running(command, given, timeout_s, folder))
        yield from process.lines()


def ended(status: int, words: str) -> Ended:
    return Ended(f"the worker {_fate(status)}{_tail(words)}", status=status, words=words)


def _fate(status: int) -> str:
    if status > 0:
        return f"ended with exit status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


def _tail(words: str) -> str:
    return f"; its last words: {words[-TAIL:]}" if words else ""
