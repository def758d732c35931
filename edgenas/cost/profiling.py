"""Measure what a space is made of: every distinct block, then whole networks to calibrate their sum."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from torch import nn

from edgenas.cost.latency import blocks_of
from edgenas.cost.model import exact_model, networks
from edgenas.cost.operators import example_input, trace
from edgenas.cost.profile import Header, Profile, profile_path
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.measure import measure as measuring
from edgenas.measure.device import Device
from edgenas.measure.job import Artifact
from edgenas.measure.measurement import Measurement
from edgenas.measure.runtime import load_runtime, precision_of, provenance_of
from edgenas.measure.session import runtime_format
from edgenas.space.architecture import Architecture
from edgenas.space.choice import Choice
from edgenas.space.space import Shape, Space

CHUNK = 24  # modules exported as one program: cheaper by the module, and an interrupted one costs little
CALIBRATION_NETWORKS = 16
Advance = Callable[[str], None]


def open_profile(device: Device, runtime: str, *, threads: int | None = None, folder: Path | None = None,
                 renew: bool = False) -> Profile:
    """The profile of `device` and `runtime`, created if there is none.

    Raises: ProfileError if it is of another machine or runtime version, unless `renew` starts it anew.
    """
    threads = threads or device.threads
    module = load_runtime(runtime)
    path = profile_path(device.name, runtime, threads, precision_of(module), folder)
    conditions = measuring.probe(device, runtime)
    if path.exists() and not renew:
        profile = Profile.load(path)
        profile.check(conditions.version, conditions.machine)
        return profile
    return Profile.create(path, Header(device=device.name, runtime=runtime, threads=threads,
                                       precision=precision_of(module), provenance=provenance_of(module),
                                       runtime_version=conditions.version, machine=conditions.machine))


def missing_blocks(space: Space, profile: Profile) -> dict[str, tuple[str, str | None]]:
    """Signature -> one (place, candidate) that has it, for all blocks that are not measured yet."""
    return {network.signature: key for key, network in networks(space).items()
            if network is not None and network.signature not in profile.blocks}


def missing_networks(space: Space, profile: Profile, count: int = CALIBRATION_NETWORKS) -> dict[str, Architecture]:
    """Signature -> calibration network, for those that are not measured yet; the same ones every time."""
    chosen = {trace(space.build(a), space.input_shape).signature: a for a in spread(space, count)}
    return {signature: a for signature, a in chosen.items() if signature not in profile.networks}


def profile_space(space: Space, device: Device, profile: Profile, *, on_done: Advance = lambda label: None) -> None:
    """Measure all that `profile` lacks of `space`. Every result is kept as it is made; call again to go on.

    Raises: DeviceError or ExportError; what was measured until then is kept.
    """
    supernet = space.supernet().eval()
    shapes = {(part.place, part.candidate): part.input_shape for part in space.parts}
    blocks = missing_blocks(space, profile)
    modules = {signature: (_module(supernet, *key), shapes[key]) for signature, key in blocks.items()}
    for signature, measurement in measured(modules, device, profile):
        profile.add_block(signature, measurement, networks(space)[blocks[signature]])
        on_done(" ".join(str(name) for name in blocks[signature] if name))
    wanted = missing_networks(space, profile)
    whole = {signature: (space.build(a).eval(), space.input_shape) for signature, a in wanted.items()}
    for signature, measurement in measured(whole, device, profile):
        profile.add_network(signature, blocks_of(space, wanted[signature]), measurement, trace(*whole[signature]))
        on_done(f"network {wanted[signature].digest}")


def measured(modules: Mapping[str, tuple[nn.Module, Shape]], device: Device,
             profile: Profile) -> Iterable[tuple[str, Measurement]]:
    """Export modules and measure the files on `device`; yields (name, measurement) as each is made."""
    export = exporter(runtime_format(profile.header.runtime))
    names = list(modules)
    for start in range(0, len(names), CHUNK):
        chunk = names[start:start + CHUNK]
        with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
            files = [Path(folder) / f"{i}{export.suffix}" for i in range(len(chunk))]
            export.export([Export(modules[name][0], example_input(modules[name][1]), file)
                           for name, file in zip(chunk, files, strict=True)])
            artifacts = [Artifact(str(i), file) for i, file in enumerate(files)]
            for result in measuring.measure(device, profile.header.runtime, artifacts,
                                            threads=profile.header.threads):
                yield chunk[int(result.id)], result


def spread(space: Space, count: int, seed: int = 0) -> list[Architecture]:
    """`count` distinct architectures (fewer in a smaller space) spread evenly over the space's range of MACs."""
    generator = torch.Generator().manual_seed(seed)
    macs = exact_model(space, "macs")
    smallest, largest = macs.smallest(), macs.largest()
    drawn = {smallest: None, largest: None}
    for _ in range(40 * count):
        lean = float(torch.rand((), generator=generator))  # how often this one takes an extreme candidate
        extreme = smallest if torch.rand((), generator=generator) < 0.5 else largest
        random = space.random(generator)
        take = torch.rand(len(random), generator=generator) < lean
        drawn[Architecture({c: extreme[c] if t else random[c] for c, t in zip(random, take, strict=True)})] = None
    ordered = sorted(drawn, key=lambda a: (macs.predict(a), a.digest))
    low, high = macs.reachable
    chosen: dict[Architecture, None] = {}
    for step in range(count):
        goal = low + (high - low) * step / max(1, count - 1)
        rest = [a for a in ordered if a not in chosen]
        if rest:
            chosen[min(rest, key=lambda a: abs(macs.predict(a) - goal))] = None
    return list(chosen)


def _module(supernet: nn.Module, place: str, candidate: str | None) -> nn.Module:
    module = supernet.get_submodule(place)
    return module.candidates[candidate] if isinstance(module, Choice) and candidate else module
