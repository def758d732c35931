"""Reading what a worker prints. A device's output is not trusted: it may be cut short, garbled or hostile."""

from __future__ import annotations

from typing import Any

from edgenas.errors import DeviceError
from edgenas.files import parse_json
from edgenas.text import quoted

SHOWN = 80


def parse(line: str) -> dict[str, Any]:
    """The JSON object in one line.

    Raises: DeviceError showing the line, shortened.
    """
    try:
        value = parse_json(line, finite=True)
    except ValueError as error:
        raise bad_line(line, "is not one whole JSON document") from error
    if not isinstance(value, dict):
        raise bad_line(line, "is not a JSON object")
    return value


def bad_line(line: str, rule: str) -> DeviceError:
    return DeviceError(f"the worker's line {quoted(line, SHOWN)} {rule}",
                       "run the same command again; if it stays, the runtime on the device is damaged")
