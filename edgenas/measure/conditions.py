"""What did the measuring: the runtime's version, the machine and the state it was in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgenas.errors import DeviceError, UsageError, missing_extra
from edgenas.measure import described, packages, worker
from edgenas.measure.lines import bad_line, parse
from edgenas.measure.runtime import load_runtime
from edgenas.text import one_line, quoted


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
    try:
        return Conditions(runtime, described.version(header.get("version")), described.machine(header.get("machine")))
    except ValueError as error:
        raise bad_line(line, f"does not say the runtime's version and the machine: {error}") from error


def reported_failure(line: dict[str, Any], runtime: str, what: str, device: str = "") -> Exception:
    """The error for a line in which the worker says what went wrong."""
    missing = line.get("missing")
    if isinstance(missing, str) and device:
        return UsageError(f"{runtime} needs the Python package {quoted(missing)}, which is not installed on {device}",
                          packages.how_to_install(missing, "there: python3 -m pip install",
                                                  load_runtime(runtime).packages))
    if isinstance(missing, str):
        return missing_extra(one_line(missing, 80), load_runtime(runtime).extra)
    if line.get("busy"):
        return DeviceError(one_line(str(line["error"]), 500),
                           "close other programs and run the same command again, or measure on one thread: --threads 1")
    return DeviceError(f"{what}: {str(line['error'])[:500]}")
