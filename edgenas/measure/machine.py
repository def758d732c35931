"""What device.sh tells of a device without Python, in the form of worker.describe_machine."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgenas.measure import worker

SCRIPT = Path(__file__).with_name("device.sh")
FACT = re.compile(r"machine (\w+) ?(.*)")
END = "end"
MANY = 10_000
"""Facts; a processor line for each core is far below it."""


def read_facts(lines: Iterator[str]) -> tuple[dict[str, list[str]], str]:
    """The facts up to their end, by name in order; and the line that is none, if one comes before the end."""
    facts: dict[str, list[str]] = {}
    for line in itertools.islice(lines, MANY):
        found = FACT.fullmatch(line.rstrip())
        if found is None:
            return facts, line
        if found[1] == END:
            return facts, ""
        facts.setdefault(found[1], []).append(found[2])
    return facts, ""


def header(runtime: str, version: str, facts: dict[str, list[str]]) -> str:
    """A worker's first line."""
    return json.dumps({"worker": worker.SCHEMA, "runtime": runtime, "version": version, "machine": describe(facts)})


def describe(facts: dict[str, list[str]]) -> dict[str, Any]:
    """The same values as worker.describe_machine gives there, so also the same `id`; no Python."""
    one = {name: values[0] for name, values in facts.items()}
    architecture, memory_kib = one.get("architecture", ""), _number(one.get("memory"))
    fixed = {
        "cpu": _cpu(facts.get("cpuinfo", [])) or architecture,
        "cores": _cores(one),
        "architecture": architecture,
        "memory_gib": None if memory_kib is None else round(memory_kib / 2**20),
    }
    frequency_khz, temperature_mc = _number(one.get("frequency_khz")), _number(one.get("temperature_mc"))
    disk = one.get("disk", "").split()
    free_kib = _number(disk[3]) if len(disk) > 3 else None
    return {
        "id": hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()[:12],
        **fixed,
        "system": one.get("system"),
        "python": None,
        "conditions": {
            "load_average": _number(one.get("load")),
            "governor": one.get("governor"),
            "frequency_mhz": None if frequency_khz is None else frequency_khz / 1e3,
            "temperature_c": None if temperature_mc is None else temperature_mc / 1e3,
            "free_mib": None if free_kib is None else int(free_kib) // 1024,
        },
    }


def _cpu(lines: list[str]) -> str:
    """The processor's name; on ARM boards, which give none, the board's or the core's part number."""
    known: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        known.setdefault(key.strip(), value.strip())
    part = f"implementer {known.get('CPU implementer')} part {known.get('CPU part')}" if "CPU part" in known else ""
    return known.get("model name") or known.get("Model") or known.get("Hardware") or part


def _cores(one: dict[str, str]) -> int | None:
    """As the C library counts them: those online by `/sys` (`0-3,6`), or by `/proc/stat` where that file is missing."""
    online = one.get("online", "")
    if re.fullmatch(r"\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*", online):
        spans = [[int(end) for end in span.split("-")] for span in online.split(",")]
        return sum(span[-1] - span[0] + 1 for span in spans)
    return int(count) if (count := _number(one.get("cores"))) else None


def _number(text: str | None) -> float | None:
    """The first number in a text."""
    found = re.search(r"-?\d{1,18}(\.\d{1,18})?", text or "")
    return float(found[0]) if found else None
