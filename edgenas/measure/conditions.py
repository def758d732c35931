"""What did the measuring: the runtime's version, the machine and the state it was in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgenas.errors import DeviceError, UsageError, missing_extra
from edgenas.measure import worker
from edgenas.measure.lines import bad_line, parse
from edgenas.measure.runtime import load_runtime


@dataclass(frozen=True)
class Conditions:
    """`machine` is what `worker.describe_machine` returns on the device."""

    runtime: str
    version: str
    machine: dict[str, Any]


def read_header(line: str, runtime: str, device: str = "") -> Conditions:
    """The first line of a worker that was asked for `runtime`. device: its name, if it is not this machine.

    Raises: UsageError if the runtime's package is missing; DeviceError if it does not work or the line is garbled.
    """
    header = parse(line)
    if header.get("worker") != worker.SCHEMA or header.get("runtime") != runtime:
        raise bad_line(line, f"is no header of worker {worker.SCHEMA} with runtime {runtime!r}")
    if "error" in header:
        raise reported_failure(header, runtime, f"runtime {runtime!r} does not work", device)
    version, machine = header.get("version"), header.get("machine")
    if not (isinstance(version, str) and isinstance(machine, dict) and isinstance(machine.get("id"), str)):
        raise bad_line(line, "does not say the runtime's version and the machine")
    return Conditions(runtime, version, machine)


def reported_failure(line: dict[str, Any], runtime: str, what: str, device: str = "") -> Exception:
    """The error for a line in which the worker says what went wrong."""
    missing = line.get("missing")
    if isinstance(missing, str) and device:
        return UsageError(f"{runtime} needs the Python package {missing!r}, which is not installed on {device}",
                          f"there: python3 -m pip install {missing.partition('.')[0]}")
    if isinstance(missing, str):
        return missing_extra(missing, load_runtime(runtime).EXTRA)
    if line.get("busy"):
        return DeviceError(str(line["error"])[:500],
                           "close other programs and run the same command again, or measure on one thread: --threads 1")
    return DeviceError(f"{what}: {str(line['error'])[:500]}")
