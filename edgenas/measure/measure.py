"""Measuring artifacts on a device."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgenas.errors import DeviceError, UsageError, unknown
from edgenas.measure.conditions import Conditions, read_header, reported_failure
from edgenas.measure.device import Device
from edgenas.measure.lines import bad_line, parse
from edgenas.measure.measurement import Measurement
from edgenas.measure.protocol import DEFAULT, Protocol
from edgenas.measure.runtime import load_runtime
from edgenas.measure.transport import open_transport


@dataclass(frozen=True)
class Artifact:
    """An exported model file, and the name that its measurement bears."""

    id: str
    path: Path


def measure(device: Device, runtime: str, artifacts: Sequence[Artifact], *, threads: int | None = None,
            protocol: Protocol = DEFAULT, interleave: bool = False) -> Iterator[Measurement]:
    """Measure the artifacts in order, yielding each measurement as soon as it is made.

    With `interleave` the rounds of all artifacts take turns, which makes their ratios steadier, and the
    measurements come at the end. `threads` is the device's own number if not given.

    Raises, at once: UsageError for a runtime that the device does not have, an artifact that is not there, or
    one id given twice. While iterating: UsageError for a runtime that is not installed; DeviceError for an
    artifact that the runtime cannot run, a worker that dies or hangs, a result that is missing or not credible.
    """
    threads = device.threads if threads is None else threads
    _check(device, runtime, artifacts, threads)
    job = _job(runtime, artifacts, threads, protocol, interleave)
    return _measurements(device, job, runtime, [artifact.id for artifact in artifacts])


def probe(device: Device, runtime: str) -> Conditions:
    """The runtime's version on the device, the machine, and its present state.

    Raises: UsageError if the runtime is not installed; DeviceError if the device does not answer.
    """
    _check(device, runtime, [], device.threads)
    job = _job(runtime, [], device.threads, DEFAULT, interleave=False)
    with closing(open_transport(device).stream(job, DEFAULT.timeout_s)) as lines:
        return read_header(_first(lines), runtime)


def _check(device: Device, runtime: str, artifacts: Sequence[Artifact], threads: int) -> None:
    if runtime not in device.runtimes:
        raise unknown(f"runtime of device {device.name!r}", runtime, device.runtimes)
    if threads < 1:
        raise UsageError(f"threads is {threads}; it must be at least 1")
    seen: set[str] = set()
    for artifact in artifacts:
        if artifact.id in seen:
            raise UsageError(f"two artifacts have the id {artifact.id!r}")
        if not artifact.path.is_file():
            raise UsageError(f"artifact {artifact.id!r} is no file: {artifact.path}")
        seen.add(artifact.id)


def _job(runtime: str, artifacts: Sequence[Artifact], threads: int, protocol: Protocol,
         interleave: bool) -> dict[str, Any]:
    return {"runner": load_runtime(runtime).__file__, "threads": threads, "protocol": protocol.to_dict(),
            "interleave": interleave,
            "artifacts": [{"id": artifact.id, "path": os.path.abspath(artifact.path)} for artifact in artifacts]}


def _measurements(device: Device, job: dict[str, Any], runtime: str, due: list[str]) -> Iterator[Measurement]:
    if not due:
        return
    timeout_s = job["protocol"]["timeout_s"] * (len(due) if job["interleave"] else 1)
    place = f"with {runtime} on {device.name}"
    with closing(open_transport(device).stream(job, timeout_s)) as lines:
        try:
            read_header(_first(lines), runtime)
            for line in lines:
                found = _read(line, due, runtime, job["threads"])
                due.remove(found.id)
                yield found
        except DeviceError as error:
            what = f"{due[0]!r} could not be measured {place}" if due else f"measuring {place} failed"
            raise DeviceError(f"{what}: {error.message}", error.hint) from error
    if due:
        raise DeviceError(f"the worker ended without measuring {', '.join(map(repr, due))} {place}",
                          "run the same command again")


def _first(lines: Generator[str, None, None]) -> str:
    for line in lines:
        return line
    raise DeviceError("the worker ended without saying anything", "run the same command again")


def _read(line: str, due: list[str], runtime: str, threads: int) -> Measurement:
    result = parse(line)
    name = result.get("id")
    if name not in due:
        raise bad_line(line, "is for no artifact whose result is due")
    if "error" in result:
        raise reported_failure(result, runtime, f"{runtime} said")
    latency = result.get("latency")
    if not isinstance(latency, dict):
        raise bad_line(line, "has no latency")
    try:
        return Measurement.from_dict({**latency, "id": name, "threads": threads})
    except DeviceError as error:
        raise bad_line(line, f"is not credible: {error.message}") from error
