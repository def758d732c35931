"""Measuring artifacts on a device."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from edgenas.errors import DeviceError, LinkLost, UsageError, unknown
from edgenas.locks import Say, device_lock, locked, to_stderr
from edgenas.measure.clock import check_clock
from edgenas.measure.conditions import Conditions, read_header, reported_failure
from edgenas.measure.device import Device
from edgenas.measure.job import Artifact, Order, job_of, lines_of
from edgenas.measure.lines import bad_line, parse
from edgenas.measure.measurement import Measurement
from edgenas.measure.protocol import DEFAULT, Protocol
from edgenas.measure.runtime import Runtime, load_runtime
from edgenas.measure.transport import Transport, open_transport

PAUSES_S = (1.0, 5.0, 15.0, 30.0, 60.0)
"""Before each further try after a connection broke and nothing was measured since."""
SHOWN = 3  # names of artifacts that a message gives
Hear = Callable[[Conditions], None]


def measure(device: Device, runtime: str, artifacts: Sequence[Artifact], *, threads: int | None = None,
            protocol: Protocol = DEFAULT, interleave: bool = False,
            on_trouble: Say = to_stderr,
            on_header: Hear = lambda conditions: None) -> Iterator[Measurement]:
    """Measure the artifacts in order, yielding each measurement as soon as it is made.

    With `interleave` the rounds of all artifacts take turns, which makes their ratios steadier, and the
    measurements come at the end. `threads` is the device's own number if not given. If the connection to the device
    breaks, it is made again and what is left is measured; while another process measures on the device, that is waited
    for; `on_trouble` hears of it. `on_header` hears what measures,
    and in what state it is, whenever it begins.

    Raises, at once: UsageError for a runtime that the device does not have, an artifact that is not there, or
    one id given twice. While iterating: UsageError for a runtime that is not installed; DeviceError for an
    artifact that the runtime cannot run, a worker that dies or hangs, a result that is missing or not credible.
    """
    threads = device.threads if threads is None else threads
    _check(device, runtime, artifacts, threads)
    order = Order(tuple(artifacts), threads, protocol, interleave, device.settings_of(runtime))
    return _measurements(device, runtime, order, on_trouble, on_header)


def probe(device: Device, runtime: str) -> Conditions:
    """The runtime's version on the device, the machine, and its present state.

    Raises: UsageError if the runtime is not installed; DeviceError if the device does not answer.
    """
    _check(device, runtime, [], device.threads)
    order = Order((), device.threads, DEFAULT, options=device.settings_of(runtime))
    here = _Here(device, runtime, load_runtime(runtime), open_transport(device))
    with closing(here.transport.stream(job_of(here.module, order), DEFAULT.timeout_s)) as printed:
        return here.header(lines_of(here.module, order, printed))


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


def _measurements(device: Device, runtime: str, order: Order, on_trouble: Say,
                  on_header: Hear) -> Iterator[Measurement]:
    due = {artifact.id: artifact for artifact in order.artifacts}
    if not due:
        return
    here = _Here(device, runtime, load_runtime(runtime), open_transport(device))
    place = f"with {runtime} on {device.name}"
    tries = 0
    while due:
        before = len(due)
        try:
            with here.turn(on_trouble):
                yield from here.measurements(replace(order, artifacts=tuple(due.values())), due, on_header)
            break
        except LinkLost as error:
            tries = 0 if len(due) < before else tries + 1
            if tries > len(PAUSES_S):
                raise _failed(error, due, place) from error
            pause_s = PAUSES_S[max(0, tries - 1)]
            on_trouble(f"{device.name}: {error.message}; trying again in {pause_s:g} s, {len(due)} left to measure")
            time.sleep(pause_s)
        except DeviceError as error:
            raise _failed(error, due, place) from error
    if due:
        raise DeviceError(f"the worker ended without measuring {_named(due)} {place}",
                          "run the same command again")


@dataclass(frozen=True)
class _Here:
    """A runtime on a device that a transport reaches."""

    device: Device
    runtime: str
    module: Runtime
    transport: Transport

    def measurements(self, order: Order, due: dict[str, Artifact], on_header: Hear) -> Iterator[Measurement]:
        """One job; takes what it measured out of `due`."""
        timeout_s = order.protocol.timeout_s * (len(due) if order.interleave else 1)
        began, claimed_s = time.monotonic(), 0.0
        with closing(self.transport.stream(job_of(self.module, order), timeout_s)) as printed:
            lines = lines_of(self.module, order, printed)
            on_header(self.header(lines))
            for line in lines:
                found = self._read(line, due, order.threads)
                claimed_s += found.runs * found.min_ms / 1e3
                check_clock(self.module, claimed_s, time.monotonic() - began)
                del due[found.id]
                yield found

    def turn(self, say: Say) -> contextlib.AbstractContextManager[None]:
        """Held while it measures: two that do so at once disturb each other. Where no time is measured, nobody does."""
        if not self.module.takes_time:
            return contextlib.nullcontext()
        path = device_lock(self.device.name, is_local=self.device.transport == "local")
        return locked(path, f"measures on {self.device.name}", say)

    def header(self, lines: Iterator[str]) -> Conditions:
        for line in lines:
            return read_header(line, self.runtime, self._remote_name)
        raise DeviceError("the worker ended without saying anything", "run the same command again")

    @property
    def _remote_name(self) -> str:
        return "" if self.device.transport == "local" else self.device.name

    def _read(self, line: str, due: dict[str, Artifact], threads: int) -> Measurement:
        result = parse(line)
        name = result.get("id")
        if not isinstance(name, str) or name not in due:
            raise bad_line(line, "is for no artifact whose result is due")
        if "error" in result:
            raise reported_failure(result, self.runtime, f"{self.runtime} said", self._remote_name)
        latency = result.get("latency")
        if not isinstance(latency, dict):
            raise bad_line(line, "has no latency")
        try:
            return Measurement.from_dict(
                {**latency, "figures": result.get("figures", {}), "id": name, "threads": threads})
        except DeviceError as error:
            raise bad_line(line, f"is not credible: {error.message}") from error


def _named(due: dict[str, Artifact]) -> str:
    names = [artifact.name for artifact in due.values()]
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _failed(error: DeviceError, due: dict[str, Artifact], place: str) -> DeviceError:
    what = f"{next(iter(due.values())).name} could not be measured {place}" if due else f"measuring {place} failed"
    return type(error)(f"{what}: {error.message}", error.hint)
