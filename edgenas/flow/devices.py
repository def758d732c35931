"""What is known of a device: its description, its runtimes, and the profiles measured on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgenas.cost.profile import Profile, packaged_folder, profiles_folder
from edgenas.errors import ProfileError
from edgenas.flow.records.documents import DescribedDevice, DescribedProfile, DescribedRuntime
from edgenas.measure.device import Device, device_file, load_device
from edgenas.measure.runtime import load_runtime


def describe_device(name_or_path: str, folder: Path | None = None) -> DescribedDevice:
    """All that its file says, where that is, its runtimes, and its profiles in `folder` (default: the user's) and
    those that come with edgenas.

    Raises: UsageError if the file is wrong.
    """
    device = load_device(name_or_path)
    return DescribedDevice(
        device=device, path=str(device_file(name_or_path)),
        runtimes=tuple(_runtime(device, name) for name in device.runtimes),
        profiles=tuple(_profile(path) for path in profile_paths(device, folder=folder)))


def profile_paths(device: Device, runtime: str = "*", folder: Path | None = None) -> list[Path]:
    """Of every precision and number of threads: the user's own, and those that come with edgenas and have none of
    their kind there."""
    found = {path.name: path for root in (packaged_folder(), folder or profiles_folder())
             for path in (root / device.name).glob(f"{runtime}-*.jsonl")}
    return [found[name] for name in sorted(found)]


def accelerator_text(machine: Mapping[str, object]) -> str:
    """`on SwiftShader Device, a GPU only emulated in software`; empty for a machine without an accelerator."""
    accelerator = machine.get("accelerator")
    if not isinstance(accelerator, Mapping):
        return ""
    return f"on {accelerator.get('name')}" + (", a GPU only emulated in software" if is_software(machine) else "")


def is_software(machine: Mapping[str, object]) -> bool:
    accelerator = machine.get("accelerator")
    return isinstance(accelerator, Mapping) and bool(accelerator.get("software"))


def _runtime(device: Device, name: str) -> DescribedRuntime:
    runtime = load_runtime(name)
    return DescribedRuntime(name=name, format=runtime.format, precisions=runtime.precisions,
                            provenance=runtime.provenance, extra=runtime.extra, settings=device.settings_of(name))


def _profile(path: Path) -> DescribedProfile:
    try:
        profile = Profile.load(path)
    except ProfileError as error:
        return DescribedProfile(path=str(path), error=error.message)
    header = profile.header
    return DescribedProfile(
        path=str(path), runtime=header.runtime, runtime_version=header.runtime_version, precision=header.precision,
        threads=header.threads, provenance=header.provenance, created=header.created, blocks=len(profile.blocks),
        networks=len(profile.networks), machine=header.machine)
