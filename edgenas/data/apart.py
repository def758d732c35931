"""Parsers of third parties in a forked process, which has a time limit: what they parse may be anything.

Forking costs some milliseconds, and what is parsed comes back through a pipe while the next is being parsed. The child
computes nothing but what it was forked for, and ends without a word. Systems where a process with threads cannot be
forked (all but Linux) parse in the process itself, without the limit.
"""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

from edgenas.errors import EdgenasError
from edgenas.files import parse_json
from edgenas.text import one_line

LONGEST_S = 60.0
"""That is waited for one image, or for one look at a file; what is right takes a hundredth of it."""
SLICE_S = 0.5
"""A longer gap of the clock (the machine slept) is no fault of the child, and counts as one such wait."""
CAN_FORK = sys.platform == "linux"
PIPE = 1 << 20
"""Bytes that are on their way at a time, ..."""
HELD_S = 0.1
"""... and how long the first of them may be, unless each is asked for at once."""
PLAIN, ERROR, FAULT = b"p", b"e", b"f"


class LateError(Exception):
    """Nothing came for LONGEST_S."""


class CrashedError(Exception):
    """The child died of what it parsed."""


def value_of(function: Callable[[], Any]) -> Any:
    """What `function` returns, of what JSON can hold, from a process of its own.

    Raises: LateError; CrashedError; an EdgenasError as `function` does.
    """
    [found] = messages(lambda: [json.dumps(function()).encode()])
    return json.loads(found)


def messages(produce: Callable[[], Iterable[bytes]], at_once: bool = False) -> Iterator[bytes]:
    """What `produce` yields in a process of its own, which has ended when this iterator has. at_once: each as it comes,
    so that the one is known at which the process fails; else some may be lost with it.

    Raises: as value_of().
    """
    if not CAN_FORK:
        yield from produce()
        return
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of forking where there are threads, by Python and by JAX: see above
        child = os.fork()
    if child == 0:
        os.close(reader)
        _serve(writer, produce, at_once)
    os.close(writer)
    runs = True
    try:
        for message in _framed(reader):
            kind, content = message[:1], message[1:]
            if kind != PLAIN:
                raise _error(kind, content)
            yield content
        runs, status = False, os.waitpid(child, 0)[1]
        if status:
            raise CrashedError
    finally:
        os.close(reader)
        if runs:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _serve(handle: int, produce: Callable[[], Iterable[bytes]], at_once: bool) -> None:
    """In the child; does not return."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends this process
        with open(handle, "wb", buffering=PIPE) as writer:
            try:
                _send_all(writer, produce(), 0.0 if at_once else HELD_S)
            except EdgenasError as error:
                _send(writer, ERROR + json.dumps([error.kind, error.message, error.hint]).encode())
            except Exception:
                _send(writer, FAULT + traceback.format_exc().encode("utf-8", "backslashreplace"))
        status = 0
    finally:
        os._exit(status)


def _send_all(writer: BinaryIO, contents: Iterable[bytes], held_s: float) -> None:
    sent = time.monotonic()
    for content in contents:
        _send(writer, PLAIN + content)
        if time.monotonic() - sent >= held_s:
            writer.flush()
            sent = time.monotonic()


def _send(writer: BinaryIO, message: bytes) -> None:
    writer.write(struct.pack("<I", len(message)) + message)


def _framed(reader: int) -> Iterator[bytes]:
    """Messages until the child has ended; one that was cut off with it is dropped."""
    buffer = bytearray()
    while chunk := _received(reader):
        buffer += chunk
        place = 0
        while len(buffer) >= place + 4:
            end = place + 4 + struct.unpack_from("<I", buffer, place)[0]
            if len(buffer) < end:
                break
            yield bytes(buffer[place + 4:end])
            place = end
        del buffer[:place]


def _received(reader: int) -> bytes:
    poll, waited_s = select.poll(), 0.0
    poll.register(reader, select.POLLIN)
    while True:
        began = time.monotonic()
        if poll.poll(min(SLICE_S, LONGEST_S) * 1e3):
            return os.read(reader, PIPE)
        waited_s += min(time.monotonic() - began, SLICE_S)
        if waited_s >= LONGEST_S:
            raise LateError


def _error(kind: bytes, content: bytes) -> Exception:
    if kind == FAULT:
        text = content.decode()
        return RuntimeError(f"{one_line(text.strip().splitlines()[-1], 200)}\n{text}")
    name, message, hint = parse_json(content)
    return _kinds()[name](message, hint)


def _kinds() -> dict[str, type[EdgenasError]]:
    found, left = {EdgenasError.kind: EdgenasError}, [EdgenasError]
    while left:
        for each in left.pop().__subclasses__():
            found.setdefault(each.kind, each)
            left.append(each)
    return found
