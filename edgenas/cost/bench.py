"""Measure blocks and whole networks on one device, with what guards against drift and disturbances."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sized
from dataclasses import dataclass, field

from torch import nn

from edgenas.cost.batches import CHUNK, TORCH, Modules, Say, Spent, change, measured, same_weights, time_of
from edgenas.cost.drift import ALLOWED, state_of, warning
from edgenas.cost.missing import Place, places
from edgenas.cost.model import blocks_of, networks, whole
from edgenas.cost.profile import Profile
from edgenas.measure.conditions import Conditions
from edgenas.measure.device import Device
from edgenas.measure.measurement import Measurement
from edgenas.measure.runtime import load_runtime
from edgenas.space.architecture import Architecture
from edgenas.space.choice import Choice
from edgenas.space.parts import Shape
from edgenas.space.space import Space

ANCHOR = "anchor"
Advance = Callable[[str], None]


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
        for signature, measurement in self._measured(modules):
            keep(signature, measurement, True)
            if not measurement.agreed:
                doubtful[signature] = measurement
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
        return measured(modules, self.device, self.profile, spent=self.spent, on_header=heard.append, say=self.say)

    def _modules(self, wanted: Mapping[str, Place]) -> dict[str, tuple[nn.Module, Shape]]:
        return block_modules(self.space, wanted)


def is_repeated(profile: Profile) -> bool:
    """Whether networks are measured in two sessions: where a figure is estimated or made up, it is always the same."""
    return profile.header.provenance == "measured" and not hasattr(load_runtime(profile.header.runtime), "clock")


def steps(profile: Profile, blocks: Sized, networks: Sized) -> int:
    """How many measurements so many blocks and whole networks take."""
    return len(blocks) + len(networks) * (2 if is_repeated(profile) else 1)


def block_modules(space: Space, wanted: Mapping[str, Place] | None = None) -> dict[str, tuple[nn.Module, Shape]]:
    """Blocks by signature (by default all of the space's) with fresh weights, and their input shapes."""
    with TORCH, same_weights():
        network = space.whole().eval()
    shapes = {(part.place, part.candidate): part.input_shape for part in space.parts}
    return {signature: (_module(network, *place), shapes[place])
            for signature, place in (places(space) if wanted is None else wanted).items()}


def _module(supernet: nn.Module, place: str, candidate: str | None) -> nn.Module:
    module = supernet.get_submodule(place)
    return module.candidates[candidate] if isinstance(module, Choice) and candidate else module
