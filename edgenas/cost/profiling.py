"""Profiles: opened or begun, and filled with what a space lacks: its distinct blocks, then whole networks."""

from __future__ import annotations

from pathlib import Path

from edgenas.cost.batches import TORCH, Say, Spent
from edgenas.cost.bench import Advance, Bench
from edgenas.cost.missing import missing_blocks, missing_networks
from edgenas.cost.profile import Header, Profile, profile_path
from edgenas.measure import measure as measuring
from edgenas.measure.device import Device
from edgenas.measure.runtime import load_runtime, precision_for, provenance_of
from edgenas.space.space import Space


def open_profile(device: Device, runtime: str, *, threads: int | None = None, folder: Path | None = None,
                 renew: bool = False, precision: str | None = None) -> Profile:
    """The profile of `device` and `runtime`, created if there is none. precision: of the files, the runtime's first
    by default.

    Raises: UsageError for a precision that the runtime does not measure; ProfileError if it is of another machine or
    runtime version, unless `renew` starts it anew.
    """
    threads = threads or device.threads
    module = load_runtime(runtime)
    precision = precision_for(runtime, precision)
    path = profile_path(device.name, runtime, threads, precision, folder)
    conditions = measuring.probe(device, runtime)
    if path.exists() and not renew:
        profile = Profile.load(path)
        profile.check(conditions.version, conditions.machine)
        return profile
    return Profile.create(path, Header(device=device.name, runtime=runtime, threads=threads,
                                       precision=precision, provenance=provenance_of(module),
                                       runtime_version=conditions.version, machine=conditions.machine))


def profile_space(space: Space, device: Device, profile: Profile, *, on_done: Advance = lambda label: None,
                  say: Say = lambda text: None, left_out: bool = False) -> Spent:
    """Measure all that `profile` lacks of `space`. Every result is kept as it is made; call again to go on.

    left_out: also what an earlier call left to be predicted.

    Raises: DeviceError or ExportError; what was measured until then is kept.
    """
    bench = Bench(space, device, profile, on_done, say)
    bench.blocks(missing_blocks(space, profile, left_out=left_out))
    with TORCH:
        wanted = missing_networks(space, profile, left_out=left_out)
    bench.networks(wanted)
    return bench.spent
