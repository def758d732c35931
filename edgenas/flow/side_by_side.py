"""`edgenas profile` for several devices at once: each for itself, whatever happens to the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from edgenas.errors import DeviceError, EdgenasError, Interrupted, UsageError
from edgenas.flow.profile import WritePage, profile_one, space_of
from edgenas.flow.records.documents import Profiled
from edgenas.flow.requests import ProfileRequest
from edgenas.measure.device import Device, load_device
from edgenas.progress import Progress
from edgenas.space import Space

HERE = "local"
Outcome = Profiled | EdgenasError


def profile_devices(names: Sequence[str], request: ProfileRequest, progress: Progress,
                    beside: Callable[[], Progress],
                    write_page: WritePage | None = None) -> list[tuple[str, Outcome]]:
    """Profile devices, by name or file, for the same space: its name, with its report or what went wrong.

    Devices that are this machine would disturb each other: they take turns. beside: a further line of progress.
    write_page: as of `profile_one`.

    Raises: UsageError for two devices of one name, or options that none of them could use.
    """
    devices = [load_device(name) for name in names]
    for device in devices:
        if sum(device.name == other.name for other in devices) > 1:
            raise UsageError(f"two devices are named {device.name!r}", "name each device once")
    space = space_of(request)
    here = [device for device in devices if device.transport == HERE]
    if len(here) > 1:
        progress.say(f"{', '.join(d.name for d in here)} are this machine and would disturb each other: one after "
                     "the other")
    groups = [here, *([device] for device in devices if device.transport != HERE)]
    stop = threading.Event()

    def work(group: Sequence[Device]) -> list[tuple[str, Outcome]]:
        return [(device.name, outcome(space, device, request, Stoppable(beside(), stop), write_page))
                for device in group]

    with ThreadPoolExecutor(len(groups)) as pool:
        try:
            found = dict(pair for group in pool.map(work, filter(None, groups)) for pair in group)
        except BaseException:
            stop.set()
            raise
    return [(device.name, found[device.name]) for device in devices]


def outcome(space: Space, device: Device, request: ProfileRequest, progress: Progress,
            write_page: WritePage | None) -> Outcome:
    """The report, or what is wrong with this device or with what is asked of it; what stops all devices is raised."""
    try:
        return profile_one(space, device, request, progress, write_page)
    except (DeviceError, UsageError) as error:
        progress.say(f"{device.name}: {error.message}")
        return error


@dataclass
class Stoppable:
    """Progress that ends the work of its thread when `stop` is set."""

    line: Progress
    stop: threading.Event

    def start(self, label: str, total: int, done: int = 0) -> None:
        self.line.start(label, total, done)

    def advance(self, note: str = "") -> None:
        self.line.advance(note)
        if self.stop.is_set():
            raise Interrupted("interrupted; what was measured is kept", "run the same command again")

    def say(self, text: str) -> None:
        self.line.say(text)
