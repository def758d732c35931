"""Measure what a space is made of: every distinct block, then whole networks to calibrate their sum."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from edgenas.cost.drift import ALLOWED, state_of, warning
from edgenas.cost.missing import Place, missing_blocks, missing_networks, places
from edgenas.cost.model import blocks_of, networks, whole
from edgenas.cost.network import example_input
from edgenas.cost.profile import Header, Profile, profile_path, writing
from edgenas.cost.published import Published
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import runtime_format
from edgenas.figure import MEASURED
from edgenas.measure import measure as measuring
from edgenas.measure.conditions import Conditions
from edgenas.measure.device import Device
from edgenas.measure.job import Artifact
from edgenas.measure.measurement import STATISTICS, Measurement
from edgenas.measure.runtime import load_runtime, precision_for
from edgenas.space.architecture import Architecture
from edgenas.space.choice import Choice
from edgenas.space.parts import Shape
from edgenas.space.space import Space

CHUNK = 24  # modules exported as one program: cheaper by the module, and an interrupted one costs little
ANCHOR = "anchor"
Advance = Callable[[str], None]
Say = Callable[[str], None]
Modules = Mapping[str, tuple[nn.Module, Shape]]

TORCH = threading.RLock()
"""Tracing and exporting change PyTorch as a whole while they last: one thread at a time."""


@contextlib.contextmanager
def same_weights() -> Iterator[None]:
    """Fresh weights are the same ones every time: a compiler that packs them would find each another size."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@dataclass
class Spent:
    """Seconds that went into exporting, and into transferring and measuring; how many modules that were."""

    export: float = 0.0
    measure: float = 0.0
    modules: int = 0


def open_profile(device: Device, runtime: str, *, threads: int | None = None, folder: Path | None = None,
                 renew: bool = False, precision: str | None = None) -> Profile:
    """The profile of `device` and `runtime`, created if there is none. precision: of the files, the runtime's first
    by default.

    Raises: UsageError for a precision that the runtime does not measure; ProfileError if it is of another machine or
    runtime version, unless `renew` starts it anew.
    """
    threads = threads or device.threads
    precision = precision_for(runtime, precision)
    path = profile_path(device.name, runtime, threads, precision, folder)
    conditions = measuring.probe(device, runtime)
    with writing(path) if renew or not path.exists() else contextlib.nullcontext():
        if path.exists() and not renew:
            profile = Profile.load(path)
            profile.check(conditions.version, conditions.machine)
            return profile
        return Profile.create(path, Header(device=device.name, runtime=runtime, threads=threads,
                                           precision=precision, provenance=load_runtime(runtime).provenance,
                                           runtime_version=conditions.version, machine=conditions.machine))


def is_repeated(profile: Profile) -> bool:
    """Whether networks are measured in two sessions: where a figure is estimated or made up, it is always the same."""
    return profile.header.provenance == MEASURED and load_runtime(profile.header.runtime).clock is None


def steps(profile: Profile, blocks: Sized, networks: Sized) -> int:
    """How many measurements so many blocks and whole networks take."""
    return len(blocks) + len(networks) * (2 if is_repeated(profile) else 1)


@dataclass
class Bench:
    """Measures parts of a space and whole networks on one device, into a profile, where each result is kept at once.

    on_done hears of each one; say, of what the user should know. Both of its methods raise DeviceError or ExportError.
    """

    space: Space
    device: Device
    profile: Profile
    on_done: Advance = lambda label: None
    say: Say = lambda text: None
    spent: Spent = field(default_factory=Spent)

    def blocks(self, wanted: Mapping[str, Place]) -> None:
        """Measure blocks by signature."""
        known = networks(self.space)

        def keep(signature: str, measurement: Measurement, first: bool) -> None:
            self.profile.add_block(signature, measurement, known[wanted[signature]] if first else None)
            if first:
                self.on_done(" ".join(str(name) for name in wanted[signature] if name))

        self._settled(self._modules(wanted), keep)

    def networks(self, chosen: Mapping[str, Architecture], repeat: bool = True) -> None:
        """Measure whole networks by signature; `repeat`: and once more in other sessions, if the device's time is real.
        """
        with TORCH, same_weights():
            modules = {s: (self.space.build(a).eval(), self.space.input_shape) for s, a in chosen.items()}
            structures = {s: whole(self.space, a) for s, a in chosen.items()}
        parts = {signature: blocks_of(self.space, a) for signature, a in chosen.items()}

        def keep(signature: str, measurement: Measurement, first: bool) -> None:
            self.profile.add_network(signature, parts[signature], measurement, structures[signature] if first else None)
            if first:
                self.on_done(f"network {chosen[signature].digest}")

        self._settled(modules, keep)
        if repeat and is_repeated(self.profile):
            self._repeat(modules)

    def _repeat(self, modules: Modules) -> None:
        """Measure networks once more; where the two figures lie apart, a third time, and keep the two fastest.

        What slows a whole session of one network down, its rounds cannot tell.
        """
        known, apart = self.profile.networks, {}
        for signature, measurement in self._measured(modules):
            self.profile.add_repeat(signature, measurement)
            self.on_done(f"network {signature[:12]}… once more")
            if abs(change(measurement, known[signature].measurement)) > ALLOWED:
                apart[signature] = measurement
        if apart:
            self.say(f"{self.device.name}: two measurements of {len(apart)} networks lie apart; measuring a third time")
        for signature, third in self._measured({s: modules[s] for s in apart}):
            found = known[signature]
            fast, slow, _ = sorted((found.measurement, apart[signature], third), key=time_of)
            self.profile.add_network(signature, found.blocks, fast)
            self.profile.add_repeat(signature, slow)

    def _settled(self, modules: Modules, keep: Callable[[str, Measurement, bool], None]) -> None:
        """Measure, and once more what something disturbed: other programs only add time, so the faster one is kept.

        keep: takes a signature, its measurement, and whether that is its first.
        """
        doubtful: dict[str, Measurement] = {}
        by_cpu = 0
        for signature, measurement in self._measured(modules):
            keep(signature, measurement, True)
            by_cpu += measurement.clock == "cpu"
            if not measurement.agreed:
                doubtful[signature] = measurement
        if by_cpu:
            self.say(f"{self.device.name}: other programs made {by_cpu} of {len(modules)} latencies longer; these are "
                     "told by the processor's time instead")
        if doubtful:
            self.say(f"{self.device.name}: the rounds of {len(doubtful)} never agreed; measuring them once more")
        for signature, measurement in self._measured({s: modules[s] for s in doubtful}):
            if time_of(measurement) < time_of(doubtful[signature]):
                keep(signature, measurement, False)

    def _measured(self, modules: Modules) -> Iterator[tuple[str, Measurement]]:
        names = list(modules)
        for start in range(0, len(names), CHUNK):
            chunk = {name: modules[name] for name in names[start:start + CHUNK]}
            heard: list[Conditions] = []
            anchor = self._anchor()
            again = {ANCHOR: self._modules({anchor: places(self.space)[anchor]})[anchor]} if anchor else {}
            anchored: list[Measurement] = []
            for name, measurement in self._chunk(chunk | again, heard):
                if name == ANCHOR:
                    anchored.append(measurement)
                else:
                    yield name, measurement
            if anchor:
                self._check(anchor, again, anchored[0], heard)

    def _anchor(self) -> str | None:
        """The block of this space that was measured first: a device that it finds slower now is too warm."""
        ours = places(self.space)
        return next((signature for signature in self.profile.blocks if signature in ours), None)

    def _check(self, anchor: str, again: Modules, now: Measurement, heard: list[Conditions]) -> None:
        """Compare with the first time. What looks slower is measured once more: it may have been disturbed."""
        before = self.profile.blocks[anchor]
        if change(now, before) > ALLOWED:
            now = min(now, *(m for _, m in self._chunk(again, heard)), key=time_of)
        state = state_of(heard[-1])
        self.profile.add_check(anchor, now, state)
        if abs(change(now, before)) > ALLOWED:
            self.say(warning(change(now, before), self.device.name, state))

    def _chunk(self, modules: Modules, heard: list[Conditions]) -> Iterator[tuple[str, Measurement]]:
        return measured(modules, self.device, self.profile, spent=self.spent, on_header=heard.append, say=self.say,
                        label=self._label)

    def _label(self, signature: str) -> str:
        """What an error calls a block or network."""
        place = places(self.space).get(self._anchor() or "" if signature == ANCHOR else signature)
        return "the block " + " ".join(str(name) for name in place if name) if place else "a whole network"

    def _modules(self, wanted: Mapping[str, Place]) -> dict[str, tuple[nn.Module, Shape]]:
        return block_modules(self.space, wanted)


def block_modules(space: Space, wanted: Mapping[str, Place] | None = None) -> dict[str, tuple[nn.Module, Shape]]:
    """Blocks by signature (by default all of the space's) with fresh weights, and their input shapes."""
    with TORCH, same_weights():
        network = space.whole().eval()
    shapes = {(part.place, part.candidate): part.input_shape for part in space.parts}
    return {signature: (_module(network, *place), shapes[place])
            for signature, place in (places(space) if wanted is None else wanted).items()}


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


def measured(modules: Modules, device: Device, profile: Profile, *, spent: Spent | None = None,
             on_header: Callable[[Conditions], None] = lambda conditions: None,
             say: Say = lambda text: None,
             label: Callable[[str], str] = lambda name: "") -> Iterator[tuple[str, Measurement]]:
    """Export modules and measure the files on `device`; yields (name, measurement) as each is made.

    label: what an error calls a module of that name.
    """
    spent = spent or Spent()
    names = list(modules)
    for start in range(0, len(names), CHUNK + 1):
        chunk = names[start:start + CHUNK + 1]
        with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
            began = time.monotonic()
            files = exported([modules[name] for name in chunk], device, profile, Path(folder))
            artifacts = [replace(file, label=label(name)) for name, file in zip(chunk, files, strict=True)]
            spent.export += time.monotonic() - began
            began = time.monotonic()
            for result in measuring.measure(device, profile.header.runtime, artifacts, threads=profile.header.threads,
                                            on_trouble=say, on_header=on_header):
                spent.measure += time.monotonic() - began
                spent.modules += 1
                yield chunk[int(result.id)], result
                began = time.monotonic()


def time_of(measurement: Measurement | Published) -> float:
    return measurement.latency_ms(STATISTICS[0])


def change(now: Measurement, before: Measurement | Published) -> float:
    """Relative: 0.1 is 10% slower."""
    return time_of(now) / time_of(before) - 1


def exported(modules: Sequence[tuple[nn.Module, Shape]], device: Device, profile: Profile,
              folder: Path) -> list[Artifact]:
    """The modules' files for the profile's runtime, in order, with their place in it as id."""
    from edgenas.export.quantise.quantised import random_calibration
    export, precision = exporter(runtime_format(profile.header.runtime)), profile.header.precision
    files = [folder / f"{i}{export.suffix}" for i in range(len(modules))]
    inputs = [example_input(shape, torch.Generator().manual_seed(0)) for _, shape in modules]
    with TORCH:
        export.export([Export(module, x, file, None if precision == "fp32" else random_calibration(x))
                       for (module, _), x, file in zip(modules, inputs, files, strict=True)],
                      target=device.target, precision=precision)
    return [Artifact(str(i), file) for i, file in enumerate(files)]


def _module(supernet: nn.Module, place: str, candidate: str | None) -> nn.Module:
    module = supernet.get_submodule(place)
    return module.candidates[candidate] if isinstance(module, Choice) and candidate else module
