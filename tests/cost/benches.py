"""Devices made up for tests: their latencies follow from the operators, and time passes only as they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edgenas.cost.network import Network, trace
from edgenas.cost.profile import Header, Profile
from edgenas.cost.profiling import Bench, Modules
from edgenas.measure.device import load_device
from edgenas.measure.measurement import Measurement
from edgenas.space import Space

from .nets import measured

KNOWN: dict[str, Network] = {}
Latency = Callable[[Network], float]


def plain_ms(network: Network) -> float:
    return 0.01 * len(network.operators) + network.macs / 1e6


def cliff_ms(network: Network) -> float:
    """Another device: faster, but seven times as slow for 7x7 depthwise convolutions."""
    return sum(0.002 + op.macs / 3e6 * (7 if "k7x7" in op.detail and " g1 " not in op.detail else 1)
               for op in network.operators)


@dataclass
class Planted(Bench):
    latency: Latency = plain_ms
    seconds_each: float = 1.0
    now: float = 0.0

    def clock(self) -> float:
        return self.now

    def _measured(self, modules: Modules) -> Iterator[tuple[str, Measurement]]:
        for signature, (module, shape) in modules.items():
            self.now += self.seconds_each
            if signature not in KNOWN:
                KNOWN[signature] = trace(module, shape)
            yield signature, measured(self.latency(KNOWN[signature]))


def bench(space: Space, path: Path, latency: Latency = plain_ms, seconds_each: float = 1.0) -> Planted:
    header = Header(device=path.stem, runtime="mock", runtime_version="1", threads=1, machine={"id": "m"})
    return Planted(space, load_device("mock"), Profile.create(path, header), latency=latency,
                   seconds_each=seconds_each)
