"""What a child process writes, taken within limits: it may be hostile, endless, or never come."""

from __future__ import annotations

import os
import selectors
import threading
import time
from collections.abc import Iterator
from typing import IO

from edgenas.errors import DeviceError

LINE_LIMIT = 1 << 20
"""Bytes of a line."""
LINES_LIMIT = 1_000_000
"""Lines in all, ..."""
OUTPUT_LIMIT = 256 << 20
"""... bytes in all, ..."""
ERRORS_LIMIT = 64 << 20
"""... and bytes of standard error. What is longer ends the child."""
KEPT = 4000
"""Bytes that are kept of each end of the standard error."""
SLICE_S = 0.5
"""The longest wait before looking whether the child is still there. A longer gap of the clock (this process was
stopped, the machine slept) is no fault of the child and counts as one such wait."""


class Excess(DeviceError):
    """The child wrote more than anyone reads."""


class Patience:
    """Time that was waited for: at most `silence_s` without a sign, at most `limit_s` in all."""

    def __init__(self, silence_s: float, limit_s: float) -> None:
        self.silence_s, self.limit_s = silence_s, limit_s
        self._silent_s = self._waited_s = 0.0

    def renew(self) -> None:
        """There was a sign."""
        self._silent_s = 0.0

    @property
    def left_s(self) -> float:
        """Of the wait that is next; 0 when all is used up."""
        return max(0.0, min(SLICE_S, self.silence_s - self._silent_s, self.limit_s - self._waited_s))

    @property
    def was_silent(self) -> bool:
        """Whether the silence was too long, and not only the time in all."""
        return self._silent_s >= self.silence_s

    def is_ready(self, selector: selectors.BaseSelector) -> bool:
        """Wait a little for something to read."""
        start = time.monotonic()
        ready = bool(selector.select(self.left_s))
        self.spend(time.monotonic() - start)
        return ready

    def spend(self, seconds: float) -> None:
        passed = min(seconds, SLICE_S)
        self._silent_s += passed
        self._waited_s += passed


class Ends:
    """The first and the last bytes of a stream."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept, self._first, self._last, self.total = kept, b"", b"", 0

    def add(self, chunk: bytes) -> None:
        self.total += len(chunk)
        self._first += chunk[:max(0, self._kept - len(self._first))]
        self._last = (self._last + chunk)[-self._kept:]

    @property
    def first(self) -> str:
        return self._first.decode(errors="replace").strip()

    @property
    def last(self) -> str:
        return self._last.decode(errors="replace").strip()


class Errors:
    """Reads a child's standard error beside all else, so that it never waits for a reader (which would disturb what it
    measures), until it wrote ERRORS_LIMIT.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._ends, self._closed = stream, Ends(), threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def are_too_many(self) -> bool:
        return self._ends.total > ERRORS_LIMIT

    def ends(self, is_over: bool) -> Ends:
        """What there is; all of it if the child has ended. Nobody waits for a grandchild that holds the stream open."""
        if is_over:
            self._thread.join(SLICE_S)
        return self._ends

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self._stream.close()

    def _read(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._stream, selectors.EVENT_READ)
            while not self._closed.is_set() and not self.are_too_many:
                if not selector.select(SLICE_S):
                    continue
                chunk = os.read(self._stream.fileno(), 1 << 16)
                if not chunk:
                    return
                self._ends.add(chunk)


def split_lines(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Lines without their ends, and whether they had one: the last may not.

    Raises: Excess for a line longer than LINE_LIMIT, or more than LINES_LIMIT lines.
    """
    buffer, count = b"", 0
    for chunk in chunks:
        *lines, buffer = (buffer + chunk).split(b"\n")
        count += len(lines)
        if len(buffer) > LINE_LIMIT:
            raise Excess(f"the worker printed a line longer than {LINE_LIMIT} bytes: {buffer[:60]!r}…")
        if count > LINES_LIMIT:
            raise Excess(f"the worker printed more than {LINES_LIMIT} lines, such as {lines[-1][:60]!r}")
        for line in lines:
            yield line, True
    yield buffer, False
