"""The images of a part decoded one after another, in a process with a time limit for each."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgenas.data.apart import LONGEST_S, CrashedError, LateError, messages, value_of
from edgenas.data.decode import Seen, Unreadable, decode
from edgenas.data.raw import Encoded, Rows
from edgenas.errors import DataError

MOST_GIVEN_UP = 5
"""Images that took too long, or that a library crashed on; more are no accident."""
LATE = f"it takes longer than {LONGEST_S:g} s to read and decode"
CRASHED = "the library that decodes it crashed on it"

Decoded = tuple[str, NDArray[np.uint8] | Unreadable]


def decoded(encoded: Encoded, rows: Rows, size: int | None, seen: Seen) -> Iterator[Decoded]:
    """The name of each image of these ascending rows, and its pixels or why it has none; see decode.decode().

    Raises: DataError when more than MOST_GIVEN_UP take too long; what `encoded.read` does.
    """
    done = given_up = 0
    at_once = False
    while done < len(rows):
        left = rows[done:]
        try:
            for message in messages(lambda some=left: _messages(encoded, some, size), at_once):  # type: ignore[misc]
                done += 1
                yield _read(message, seen)
        except (LateError, CrashedError) as error:
            if not at_once:  # which one it was is known after another try
                at_once = True
                continue
            why = LATE if isinstance(error, LateError) else CRASHED
            name = _name(encoded, rows[done:done + 1])
            given_up += 1
            if given_up > MOST_GIVEN_UP:
                raise DataError(f"{given_up} images cannot be read; of the last, {name}: {why}",
                                "take these files out of the data") from error
            done += 1
            yield name, Unreadable(why)
        else:
            return


def _messages(encoded: Encoded, rows: Rows, size: int | None) -> Iterator[bytes]:
    """A line of JSON for each image: its name, shape or reason, and what was seen; then its pixels."""
    for name, content in encoded.read(rows):
        seen, pixels, reason = Seen(), b"", ""
        shape: tuple[int, ...] = ()
        try:
            image = decode(name, content, size, seen)
            shape, pixels = image.shape, image.tobytes()
        except Unreadable as error:
            reason = str(error)
        yield json.dumps([name, shape, reason, seen.deep, seen.several]).encode() + b"\n" + pixels


def _read(message: bytes, seen: Seen) -> Decoded:
    line, _, pixels = message.partition(b"\n")
    name, shape, reason, deep, several = json.loads(line)
    seen.add(name, deep, several)
    return name, Unreadable(reason) if reason else np.frombuffer(pixels, np.uint8).reshape(shape)


def _name(encoded: Encoded, row: Rows) -> str:
    try:
        return str(value_of(lambda: next(iter(encoded.read(row)))[0]))
    except (LateError, CrashedError):
        return f"number {row[0]}"
