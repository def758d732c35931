"""Network and precision found together, on a device that is slower in int8 at one kind of block."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from edgenas.cost.budget import Budget
from edgenas.cost.latency import latency_model
from edgenas.cost.missing import missing_networks, places
from edgenas.cost.model import blocks_of, networks
from edgenas.cost.network import Network
from edgenas.cost.profile import Header, Profile
from edgenas.measure.measurement import Measurement
from edgenas.progress import Silent
from edgenas.search.search import search
from edgenas.search.settings import SearchSettings
from edgenas.search.strategy import load_strategy
from edgenas.selection.correction import settle
from edgenas.space import Architecture, Choice, Space
from edgenas.space.operators import ConvBN, Head, MBConv
from edgenas.space.precision import in_vain, is_int8, mixed, uniform

from .toy import colours, fabric


def network(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    def block(kernel: int) -> Choice:
        return Choice({"narrow": MBConv(4, 4, kernel, 1), "wide": MBConv(4, 4, kernel, 3)})

    return nn.Sequential(ConvBN(input_shape[0], 4, 3), block(3), block(5), Head(4, 8, classes))


SPACE = mixed(Space("own", network, (3, 8, 8), 4))


def latency_ms(part: Network) -> float:
    """int8 is twice as fast; where a kernel is of 5×5, four times as slow."""
    factor = (4.0 if "k5x5" in part.signature else 0.5) if part.operators[0].int8 else 1.0
    return 0.05 + factor * part.macs / 1e5


def exact(latency_ms: float) -> Measurement:
    return Measurement("made up", min_ms=latency_ms, median_of_minima_ms=latency_ms, p50_ms=latency_ms,
                       p90_ms=latency_ms, mad_ms=0.0, spread=0.0, rounds=3, runs=60, agreed=True)


def network_ms(architecture: Architecture) -> float:
    found = {n.signature: n for n in networks(SPACE).values() if n is not None}
    return sum(latency_ms(found[signature]) for signature in blocks_of(SPACE, architecture))


def profiled(path: Path) -> Profile:
    profile = Profile.create(path, Header(device="made up", runtime="mock", runtime_version="1", threads=1,
                                          precision="mixed", machine={"id": "made up"}))
    for signature, place in places(SPACE).items():
        part = networks(SPACE)[place]
        assert part is not None
        profile.add_block(signature, exact(latency_ms(part)), part)
    for signature, architecture in missing_networks(SPACE, profile).items():
        profile.add_network(signature, blocks_of(SPACE, architecture), exact(network_ms(architecture)))
    return Profile.load(path)


def test_a_block_that_int8_makes_slower_stays_in_float32(tmp_path: Path) -> None:
    model, held_out = latency_model(SPACE, profiled(tmp_path / "profile.jsonl"), "median_of_minima")
    assert held_out.mape < 0.01
    assert model.table["1"]["wide@int8"] < model.table["1"]["wide"]
    assert model.table["2"]["wide@int8"] > model.table["2"]["wide"]
    fastest = Architecture({"0": "convbn@int8", "1": "narrow@int8", "2": "narrow", "3": "head@int8"})
    assert model.smallest() == fastest
    budget = Budget("latency_ms", 1.1 * network_ms(fastest))
    assert network_ms(uniform(fastest, SPACE.choices, int8=False)) > budget.limit
    vain = in_vain(SPACE.choices, [model.table])
    assert vain == {"2": ("narrow@int8", "wide@int8")}
    result = search(SPACE, colours(), load_strategy("snas", {}), {"latency_ms": model}, [budget],
                    settings=SearchSettings(epochs=2, batch_size=24), seed=0, checkpoint=tmp_path / "search.pt",
                    fabric=fabric())
    found = settle(result.scores, {"latency_ms": model}, [budget], lambda a: {"latency_ms": network_ms(a)},
                   Silent()).architecture
    assert not is_int8(found["2"])
    assert any(map(is_int8, found.values()))
    assert network_ms(found) <= budget.limit
