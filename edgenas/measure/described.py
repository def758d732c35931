"""What a device says that it is: taken only in the shapes that worker.describe_machine gives, and made fit to print."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from edgenas.text import one_line

ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
LONGEST = 200
"""Characters of a text."""
MOST = 64
"""Values of one mapping."""
LARGEST = 1e15
TEXTS = ("cpu", "architecture", "system", "python", "governor", "name")
NUMBERS = ("cores", "memory_gib", "load_average", "frequency_mhz", "temperature_c", "free_mib")
INSIDE = ("accelerator", "conditions")


def machine(said: object) -> dict[str, Any]:
    """A device's machine as it is kept: no control characters, no endless text, no number out of this world.

    Raises: ValueError naming the value that no machine has.
    """
    if not isinstance(said, Mapping):
        raise ValueError("the machine is not values by name")
    found: dict[str, Any] = _cleaned("machine", said)
    if not isinstance(found.get("id"), str) or not ID.fullmatch(found["id"]):
        raise ValueError("the machine's id is no short name")
    return found


def version(said: object) -> str:
    """A runtime's version. Raises: ValueError for what is no short text."""
    if not isinstance(said, str) or not said.strip() or len(said) > LONGEST:
        raise ValueError(f"a runtime's version is a text of 1 to {LONGEST} characters")
    return one_line(said)


def _cleaned(key: str, value: Any) -> Any:
    if not _is_fit(key, value):
        kinds = ((TEXTS, "a text"), (NUMBERS, "a number"), (INSIDE, "values by name"))
        kind = next((kind for keys, kind in kinds if key in keys), "a text, a number, true or false, or a few of them")
        raise ValueError(f"the machine's {one_line(key, 40)} is not {kind}")
    if isinstance(value, Mapping):
        return {one_line(str(inner), LONGEST): _cleaned(str(inner), each) for inner, each in value.items()}
    if isinstance(value, list):
        return [_cleaned("", each) for each in value]
    return one_line(value, LONGEST) if isinstance(value, str) else value


def _is_fit(key: str, value: object) -> bool:
    if value is None:
        return True
    if key in INSIDE and not isinstance(value, Mapping):
        return False
    if isinstance(value, Mapping | list):
        return len(value) <= MOST and key not in (*TEXTS, *NUMBERS)
    if isinstance(value, str):
        return key not in NUMBERS
    if isinstance(value, bool):
        return key not in (*TEXTS, *NUMBERS)
    return isinstance(value, int | float) and abs(value) <= LARGEST and key not in TEXTS
