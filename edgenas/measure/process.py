"""A process on this machine (a worker, a compiler, the program that reaches a device): started, read within limits
(child_output.py), and ended with all that it started.
"""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edgenas.errors import DeviceError
from edgenas.measure.child_output import OUTPUT_LIMIT, SLICE_S, Errors, Excess, Patience, split_lines
from edgenas.measure.descendants import Descendants, marked

TAIL = 400
"""Characters of the last words that an error message shows."""


class Silent(DeviceError):
    """No line came in time, or the end did not."""


class Ended(DeviceError):
    """The exit status was not 0, or (below 0) a signal's. words: the end of the standard error."""

    def __init__(self, message: str, hint: str = "", status: int = 1, words: str = "") -> None:
        super().__init__(message, hint)
        self.status, self.words = status, words


class Running:
    """A started program. name: of it in messages."""

    def __init__(self, process: subprocess.Popen[bytes], errors: Errors, patience: Patience, name: str) -> None:
        self._process, self._errors, self._patience, self._name = process, errors, patience, name

    def allow(self, timeout_s: float, limit_s: float = math.inf) -> None:
        """From now on, the longest silence between two lines, and the time that may be waited in all."""
        self._patience = Patience(timeout_s, limit_s)

    def lines(self) -> Generator[str, None, None]:
        """The lines of its standard output, without their ends, as they come.

        Raises: Silent if no line comes for `timeout_s`, or not all for `limit_s`; Ended if the exit status is not 0;
        Excess for more than anyone reads.
        """
        rest = ""
        for line, whole in split_lines(self.chunks()):
            if whole:
                self._patience.renew()
                yield line.decode(errors="replace")
            else:
                rest = line.decode(errors="replace")
        if status := self.wait():
            raise ended(status, self.words())
        if rest:
            yield rest

    def chunks(self) -> Iterator[bytes]:
        """Its standard output as it comes, until that ends or, a little later, the program does: what the program left
        behind may hold the output open. Raises: as `lines` does.
        """
        assert self._process.stdout is not None
        total, late_s = 0, 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while late_s < SLICE_S:
                began, is_over = time.monotonic(), self._process.poll() is not None
                if self._patience.is_ready(selector):
                    chunk = os.read(self._process.stdout.fileno(), 1 << 16)
                    if not chunk:
                        return
                    total += len(chunk)
                    self._check(total)
                    yield chunk
                elif is_over:
                    return
                else:
                    self._check(total)
                    self._hurry()
                late_s += time.monotonic() - began if is_over else 0.0

    def wait(self) -> int:
        """The exit status, once it has ended. Raises: Silent, Excess."""
        while True:
            start = time.monotonic()
            try:
                return self._process.wait(max(self._patience.left_s, 0.001))
            except subprocess.TimeoutExpired:
                self._patience.spend(time.monotonic() - start)
                self._check(0)
                self._hurry()

    def say(self, line: str) -> None:
        """Write one line to its standard input. If it has ended, `lines` tells."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line.encode() + b"\n")

    def words(self) -> str:
        """The end of its standard error."""
        return self._errors.ends(self._process.poll() is not None).last

    def first_words(self) -> str:
        """The beginning of its standard error."""
        return self._errors.ends(self._process.poll() is not None).first

    def _check(self, total: int) -> None:
        if self._errors.are_too_many or total > OUTPUT_LIMIT:
            raise Excess(f"{self._name} wrote without end and was stopped" + _tail(self.words()))

    def _hurry(self) -> None:
        """Raises: Silent when all patience is used up."""
        if self._patience.left_s:
            return
        how = (f"gave no result for {self._patience.silence_s:g} s" if self._patience.was_silent else
               f"was not done after {self._patience.limit_s:g} s")
        raise Silent(f"{self._name} {how} and was stopped{_tail(self.words())}")


@contextlib.contextmanager
def running(command: list[str], stdin: IO[bytes] | int, timeout_s: float, folder: str | None = None,
            grace_s: float = 0.0, limit_s: float = math.inf, env: Mapping[str, str] | None = None,
            name: str = "the worker") -> Iterator[Running]:
    """Start `command` in `folder`. stdin: a file, or subprocess.PIPE for `Running.say`. timeout_s, limit_s: see
    `Running.allow`.

    Afterwards the process and all that it started have ended. One with a pipe first gets `grace_s` to end by itself
    when the pipe is closed. One with an environment of its own, `env`, may leave a server behind, in a session of its
    own.
    Raises: DeviceError if it cannot be started.
    """
    mark, environment = marked() if env is None else ("", dict(env))
    try:
        process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
                                   cwd=folder, env=environment, start_new_session=True)
    except (OSError, ValueError) as error:  # ValueError: a null character
        raise DeviceError(f"cannot start {command[0]!r}: {getattr(error, 'strerror', None) or error}") from error
    assert process.stdout is not None and process.stderr is not None
    errors, descendants = Errors(process.stderr), Descendants(process.pid, mark)
    try:
        yield Running(process, errors, Patience(timeout_s, limit_s), name)
    except Excess:
        grace_s = 0.0  # it would only go on writing
        raise
    finally:
        try:
            if process.stdin is not None:
                process.stdin.close()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(grace_s)
        finally:
            descendants.end()
            process.wait()
            process.stdout.close()
            errors.close()


def stream_lines(command: list[str], stdin: bytes | IO[bytes], timeout_s: float, folder: str | None = None,
                 limit_s: float = math.inf, env: Mapping[str, str] | None = None) -> Generator[str, None, None]:
    """Run `command` in `folder` and yield the lines of its standard output, without their ends, as they come.

    However this generator ends, the process and all that it started have ended too. Raises: as `Running.lines` does.
    """
    with _given(stdin) as given, running(command, given, timeout_s, folder, limit_s=limit_s, env=env) as process:
        yield from process.lines()


@dataclass(frozen=True)
class Done:
    """A program that ended: its exit status (below 0, a signal's), all that it printed, and the first and the last
    that it wrote to the standard error."""

    status: int
    said: bytes
    first: str
    words: str


def complete(command: list[str], timeout_s: float, stdin: bytes = b"", folder: str | None = None,
             env: Mapping[str, str] | None = None) -> Done:
    """Run `command` in `folder` to its end.

    Raises: Silent if it is not done after `timeout_s`; Excess; DeviceError if it cannot be started.
    """
    name = Path(command[0]).name
    with _given(stdin) as given, running(command, given, timeout_s, folder, limit_s=timeout_s, env=env,
                                         name=name) as process:
        said = b"".join(process.chunks())
        return Done(process.wait(), said, process.first_words(), process.words())


@contextlib.contextmanager
def _given(stdin: bytes | IO[bytes]) -> Iterator[IO[bytes]]:
    """What a program reads, as a file."""
    if not isinstance(stdin, bytes):
        stdin.seek(0)
        yield stdin
        return
    with tempfile.TemporaryFile() as file:
        file.write(stdin)
        file.seek(0)
        yield file


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
