"""`edgenas devices check`: what of a device works, one step after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from edgenas.cost.profile import Profile
from edgenas.errors import DeviceError, ProfileError, UsageError
from edgenas.flow.devices import accelerator_text, is_software, profile_paths
from edgenas.flow.machine_steps import machine_step, state_steps
from edgenas.flow.step import OK, SKIPPED, WARNING, Step, failed
from edgenas.flow.target import runtime_of
from edgenas.measure.clock import takes_time
from edgenas.measure.conditions import Conditions
from edgenas.measure.device import Device, device_file, load_device
from edgenas.measure.measure import probe
from edgenas.measure.runtime import load_runtime
from edgenas.measure.transport import open_transport
from edgenas.text import one_line

REACH_S = 30.0


def check_device(name_or_path: str, runtime: str | None = None, folder: Path | None = None) -> Iterator[Step]:
    """Yields each step as it is done: file, reach, runtimes (or the one given), machine and its state, profiles (those
    in `folder`; default: the user's).

    Raises: UsageError if the device's file is wrong or the runtime is none of its.
    """
    device = load_device(name_or_path)
    runtimes = [runtime_of(device, runtime)] if runtime else list(device.runtimes)
    transport = open_transport(device)
    yield Step("file", OK, f"{device_file(name_or_path)} is valid", values={"device": device.name})
    try:
        yield Step("reach", OK, one_line(transport.reach(REACH_S)), values={"transport": device.transport})
    except DeviceError as error:
        yield failed("reach", error)
        names = [*(f"runtime {name}" for name in runtimes), "machine", *(f"profile {name}" for name in runtimes)]
        yield from (Step(name, SKIPPED, "the device cannot be reached") for name in names)
        return
    yield from _beyond(device, runtimes, folder)


def _beyond(device: Device, runtimes: Sequence[str], folder: Path | None) -> Iterator[Step]:
    """The steps on a device that can be reached."""
    found: dict[str, Conditions] = {}
    for name in runtimes:
        yield _runtime(device, name, found)
    if found:
        yield machine_step(next(iter(found.values())).machine)
    else:
        yield Step("machine", SKIPPED, "no runtime works there to tell")
    timed = [conditions for name, conditions in found.items() if takes_time(load_runtime(name))]
    if timed:
        yield from state_steps(timed[0].machine)
    for name in runtimes:
        if name in found:
            yield from _profiles(device, found[name], folder)
        else:
            yield Step(f"profile {name}", SKIPPED, f"runtime {name} does not work")


def _runtime(device: Device, name: str, found: dict[str, Conditions]) -> Step:
    """Adds the runtime's conditions to `found` if it works."""
    try:
        conditions = found[name] = probe(device, name)
    except (DeviceError, UsageError) as error:
        return failed(f"runtime {name}", error, "mend it on the device, or leave the runtime out of the device's file")
    return Step(f"runtime {name}", WARNING if is_software(conditions.machine) else OK,
                one_line(f"{name} {conditions.version} {accelerator_text(conditions.machine)}"),
                values={"version": conditions.version, "machine": conditions.machine})


def _profiles(device: Device, conditions: Conditions, folder: Path | None) -> Iterator[Step]:
    """One step per profile of the runtime, or one that says there is none."""
    name = f"profile {conditions.runtime}"
    paths = profile_paths(device, conditions.runtime, folder)
    for path in paths:
        try:
            profile = Profile.load(path)
            profile.check(conditions.version, conditions.machine)
        except ProfileError as error:
            yield failed(name, error)
        else:
            yield Step(name, OK, f"{path} is of this machine and runtime", values={"path": str(path)})
    if not paths:
        yield Step(name, SKIPPED, "none was measured yet",
                   f"edgenas profile --device {device.name} --runtime {conditions.runtime}")
