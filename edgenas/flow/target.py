"""A target: a device with a runtime, precision and thread count. A profile is of one, and files are measured on one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from edgenas.cost.budget import Request, place_of, split_place
from edgenas.cost.exact import exact_model
from edgenas.cost.figures import figure_model
from edgenas.cost.heldout import HeldOut
from edgenas.cost.latency import latency_model
from edgenas.cost.model import CostModel
from edgenas.cost.profile import Profile, profile_path
from edgenas.cost.profiling import open_profile
from edgenas.cost.reference import load_published, sum_model
from edgenas.errors import unknown
from edgenas.figure import COUNTED, PREDICTED, PUBLISHED, Provenance
from edgenas.flow.config import RunConfig
from edgenas.measure.device import Device, load_device
from edgenas.measure.measurement import STATISTICS
from edgenas.measure.runtime import Precision, Reported, load_runtime, precision_for, reported_by
from edgenas.space import Space


@dataclass(frozen=True, eq=False)
class Target:
    """What is deployed to, with its profile and the cost models made from it.

    statistic: of latencies. profiles: the folder of profiles, the user's by default. metrics: those with a budget here,
    by their bare names.
    """

    device: Device
    runtime: str
    precision: Precision
    threads: int
    statistic: str = STATISTICS[0]
    profiles: Path | None = None
    metrics: tuple[str, ...] = ()

    @classmethod
    def at(cls, config: RunConfig, place: str = "") -> Target:
        """A run's own target, or that of the place that a budget names, `pixel1/litert`.

        Raises: UsageError for a device or runtime that is not known.
        """
        metrics = tuple(r.here.metric for r in config.budgets if place_of(r.metric) == place)
        profiles = Path(config.profiles) if config.profiles else None
        if not place:
            return cls(load_device(config.device), config.runtime, config.precision, config.threads, config.statistic,
                       profiles, metrics)
        device, runtime, precision = located(place, config.precision)
        return cls(device, runtime, precision, device.threads, config.statistic, profiles, metrics)

    @cached_property
    def profile(self) -> Profile:
        path = profile_path(self.device.name, self.runtime, self.threads, self.precision, self.profiles)
        return load_published(path) or open_profile(self.device, self.runtime, threads=self.threads,
                                                    folder=self.profiles, precision=self.precision)

    @property
    def latency_word(self) -> Provenance:
        """How an exported network's latency is known: measured, estimated, or, from published blocks, predicted."""
        provenance = self.profile.header.provenance
        return PREDICTED if provenance == PUBLISHED else provenance

    def word(self, metric: str) -> Provenance:
        """How an exported network's cost is known; "counted" if in the file or its operators, without a device."""
        if metric == "latency_ms":
            return self.latency_word
        told = self.reported(metric)
        return told.word if told else COUNTED

    def reported(self, metric: str) -> Reported | None:
        """Which figure of the runtime is that metric, if one is."""
        return reported_by(self.runtime, metric)

    @property
    def is_profiled(self) -> bool:
        """Whether a cost model is made from the device's profile."""
        return any(m == "latency_ms" or self.reported(m) for m in self.metrics)

    @property
    def is_measurable(self) -> bool:
        """False for a device that is known by published latencies only."""
        return self.device.transport != "none"

    def latency_model(self, space: Space) -> tuple[CostModel, HeldOut | None]:
        """The model and its held-out error, None where no whole network is known."""
        if self.profile.header.provenance == PUBLISHED:
            return sum_model(space, self.profile, self.statistic), None
        return latency_model(space, self.profile, self.statistic)

    def figure_model(self, space: Space, metric: str) -> CostModel:
        """Of any metric but the latency: what the runtime tells, or what is counted."""
        if told := self.reported(metric):
            return figure_model(space, self.profile, metric, told)
        return exact_model(space, metric, self.precision)


def located(place: str, precision: str) -> tuple[Device, str, Precision]:
    """The device, runtime and precision of a budget's place: the run's precision where that runtime has it.

    Raises: UsageError for an unknown device, a runtime that is none of its, or one that cannot run a network whose
    blocks have precisions of their own.
    """
    name, runtime = split_place(place)
    device = load_device(name)
    found = runtime_of(device, runtime)
    has = precision == "mixed" or precision in load_runtime(found).precisions
    return device, found, precision_for(found, precision if has else None)


def places_of(requests: Iterable[Request]) -> list[str]:
    """The further devices that budgets name."""
    return list(dict.fromkeys(place for request in requests if (place := place_of(request.metric))))


def runtime_of(device: Device, name: str | None) -> str:
    """The runtime of that name, or the device's first.

    Raises: UsageError for one that the device does not have.
    """
    if name is not None and name not in device.runtimes:
        raise unknown(f"runtime of device {device.name!r}", name, device.runtimes)
    return name or device.runtimes[0]
