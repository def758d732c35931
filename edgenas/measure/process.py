"""A worker's process on this machine (or the program that reaches one elsewhere): started, read, and ended."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from typing import IO

from edgenas.errors import DeviceError

LINE_LIMIT = 1 << 20
"""Bytes; a longer line is an error."""
TAIL = 400
"""Characters of the standard error that an error message shows."""


def stream_lines(command: list[str], stdin: bytes, timeout_s: float,
                 folder: str | None = None) -> Generator[str, None, None]:
    """Run `command` in `folder` and yield the lines of its standard output, without their ends, as they come.

    However this generator ends, the process and its children have ended too.
    Raises: DeviceError if no line comes for `timeout_s`, a line is too long, or the exit status is not 0.
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as errors:
        given.write(stdin)
        given.seek(0)
        try:
            process = subprocess.Popen(command, stdin=given, stdout=subprocess.PIPE, stderr=errors,
                                       cwd=folder, start_new_session=True)
        except OSError as error:
            raise DeviceError(f"cannot start {command[0]!r}: {error.strerror}") from error
        try:
            assert process.stdout is not None
            rest = yield from _whole_lines(process.stdout, timeout_s, errors)
            try:
                status = process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                raise _silent(timeout_s, errors) from None
            if status:
                raise DeviceError(f"the worker {_fate(status)}{_tail(errors)}")
            if rest:
                yield rest
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _whole_lines(stdout: IO[bytes], timeout_s: float, errors: IO[bytes]) -> Generator[str, None, str]:
    """Yield every line that has an end; return what is left when the stream ends."""
    buffer = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        deadline = time.monotonic() + timeout_s
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise _silent(timeout_s, errors)
            chunk = os.read(stdout.fileno(), 1 << 16)
            if not chunk:
                return buffer.decode(errors="replace")
            *lines, buffer = (buffer + chunk).split(b"\n")
            if len(buffer) > LINE_LIMIT:
                raise DeviceError(f"the worker printed a line longer than {LINE_LIMIT} bytes: {buffer[:60]!r}…")
            for line in lines:
                yield line.decode(errors="replace")
            if lines:
                deadline = time.monotonic() + timeout_s


def _silent(timeout_s: float, errors: IO[bytes]) -> DeviceError:
    return DeviceError(f"the worker gave no result for {timeout_s:g} s and was stopped{_tail(errors)}")


def _fate(status: int) -> str:
    if status > 0:
        return f"ended with exit status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


def _tail(errors: IO[bytes]) -> str:
    errors.seek(0, os.SEEK_END)
    errors.seek(max(0, errors.tell() - 4 * TAIL))
    text = errors.read().decode(errors="replace").strip()
    return f"; its last words: {text[-TAIL:]}" if text else ""
