from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from edgenas.cost.inside import BROUGHT, LEAST_SHARE, values, values_kept
from edgenas.cost.kernels.model import KernelModel
from edgenas.cost.kernels.sampling import family, features, sample
from edgenas.cost.network import Network, trace
from edgenas.cost.profile import Header, Profile
from edgenas.errors import ProfileError

from ..nets import draws, measured, mobile

HEADER = Header(device="host", runtime="onnxruntime", runtime_version="1", threads=1, machine={"id": "m"})
CALL_MS, PER_VALUE_MS = 0.003, 1e-6


def inside_ms(network: Network, index: int) -> float:
    """The planted truth of an operator inside a network."""
    macs, params, read, written, *_ = features(network, index)
    rate = 4e6 if family(network.operators[index]) == "depthwise" else 2e7
    return 0.001 + macs / rate + (read + written + params) / 4e6


def alone_ms(network: Network, per_value_ms: float = PER_VALUE_MS) -> float:
    """Of a kernel in a file of its own: with the call, and a convolution's values brought in and out."""
    return CALL_MS + inside_ms(network, 0) + per_value_ms * brought(network)[0]


def whole_ms(network: Network, per_value_ms: float = PER_VALUE_MS) -> float:
    """Only what leaves the convolutions' layout, or comes into it, is brought."""
    moved = brought(network).sum() - values_kept(network).sum()
    return CALL_MS + sum(inside_ms(network, i) for i in range(len(network.operators))) + per_value_ms * moved


def brought(network: Network) -> np.ndarray:
    return values(network) * [family(operator) in BROUGHT for operator in network.operators]


@cache
def kernels() -> tuple[Network, ...]:
    return tuple(kernel.network for kernel in sample(250))


def planted(path: Path, networks: int = 16, without: str = "", per_value_ms: float = PER_VALUE_MS) -> Profile:
    profile = Profile.create(path / "host" / "p.jsonl", HEADER)
    for network in kernels():
        if family(network.operators[0]) != without:
            profile.add_block(network.signature, measured(alone_ms(network, per_value_ms)), network)
    for architecture in draws(mobile(), networks):
        network = trace(mobile().build(architecture), mobile().input_shape)
        profile.add_network(network.signature, (), measured(whole_ms(network, per_value_ms)), network)
    return profile


def test_networks_never_measured_are_predicted_with_an_interval(tmp_path: Path) -> None:
    model = KernelModel.fit(planted(tmp_path, networks=24), "median_of_minima")
    fresh = [trace(mobile().build(a), mobile().input_shape) for a in draws(mobile(), 20, seed=9)]
    found = [model.predict(network) for network in fresh]
    truth = np.array([whole_ms(network) for network in fresh])
    errors = np.abs(np.array([p.latency_ms for p in found]) / truth - 1)
    assert errors.mean() < 0.08
    inside = [p.low_ms <= ms <= p.high_ms for p, ms in zip(found, truth, strict=True) if p.low_ms and p.high_ms]
    assert len(inside) == 20 and sum(inside) >= 16
    assert model.held_out is not None and model.held_out.mape < 0.08


def test_the_layers_and_the_overhead_are_the_whole(tmp_path: Path) -> None:
    model = KernelModel.fit(planted(tmp_path, networks=24), "median_of_minima")
    found = model.predict(trace(mobile().build(draws(mobile(), 1)[0]), mobile().input_shape))
    total = found.overhead_ms + sum(layer.latency_ms or 0 for layer in found.layers)
    assert total == pytest.approx(found.latency_ms)
    assert {layer.provenance for layer in found.layers} == {"predicted"} and found.unknown == ()


def test_a_kernel_that_was_measured_is_looked_up(tmp_path: Path) -> None:
    profile = planted(tmp_path, networks=0)
    model = KernelModel.fit(profile, "min")
    for network in kernels()[:20]:
        [layer] = model.predict(network).layers
        assert layer.provenance == "measured"
        alone = profile.blocks[network.signature].min_ms
        assert layer.latency_ms == pytest.approx(max(alone - model.inside.call_ms, LEAST_SHARE * alone))


def test_a_family_never_profiled_is_named_and_has_no_figure_nor_interval(tmp_path: Path) -> None:
    model = KernelModel.fit(planted(tmp_path, without="maxpool2d"), "median_of_minima")
    found = model.predict(trace(nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(2), nn.Threshold(0, 1)), (3, 16, 16)))
    assert found.unknown == ("maxpool2d", "threshold")
    assert [layer.latency_ms is None for layer in found.layers] == [False, True, True]
    assert (found.low_ms, found.high_ms) == (None, None)
    assert found.latency_ms == pytest.approx(found.overhead_ms + (found.layers[0].latency_ms or 0))


def test_with_few_networks_there_is_no_interval(tmp_path: Path) -> None:
    found = KernelModel.fit(planted(tmp_path, networks=8), "median_of_minima").predict(kernels()[0])
    assert (found.low_ms, found.high_ms) == (None, None)
    assert found.overhead_ms == pytest.approx(min(alone_ms(network) for network in kernels()))


def test_what_a_file_of_its_own_costs_is_taken_off_inside_a_network(tmp_path: Path) -> None:
    """Where bringing is most of a kernel's time. A smaller saving is not told from what the regressions are off by."""
    brings = 10 * PER_VALUE_MS
    fit = KernelModel.fit(planted(tmp_path, per_value_ms=brings), "median_of_minima").inside
    assert fit.call_ms == pytest.approx(CALL_MS, abs=0.002)
    assert fit.scale == pytest.approx(1.0, abs=0.1)
    assert fit.per_value_ms == pytest.approx(brings, rel=0.2)


def test_a_profile_without_single_operators_says_how_to_measure_them(tmp_path: Path) -> None:
    profile = Profile.create(tmp_path / "p.jsonl", HEADER)
    with pytest.raises(ProfileError, match="holds no single operators") as caught:
        KernelModel.fit(profile, "min")
    assert caught.value.hint == ("edgenas profile --device host --runtime onnxruntime --threads 1 "
                                 "--precision fp32 --operators 200")


