"""Reading what a worker prints. A device's output is not trusted: it may be cut short, garbled or hostile."""

from __future__ import annotations

import json
from typing import Any

from edgenas.errors import DeviceError

SHOWN = 80


def parse(line: str) -> dict[str, Any]:
    """The JSON object in one line.

    Raises: DeviceError showing the line, shortened.
    """
    try:
        value = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise bad_line(line, "is not one whole JSON document") from error
    if not isinstance(value, dict):
        raise bad_line(line, "is not a JSON object")
    return value


def bad_line(line: str, rule: str) -> DeviceError:
    shown = line if len(line) <= SHOWN else line[:SHOWN] + "…"
    return DeviceError(f"the worker's line {shown!r} {rule}",
                       "run the same command again; if it stays, the runtime on the device is damaged")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")
