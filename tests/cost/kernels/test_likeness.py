from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from torch import nn

from edgenas.cost.kernels.likeness import FEWEST_EACH, NEAR, centre, kernels_like, networks_like, steps_of
from edgenas.cost.kernels.mixes import moved
from edgenas.cost.kernels.modules import Attention, Rows
from edgenas.cost.kernels.sampling import family
from edgenas.cost.network import Network, trace


def transformer() -> Network:
    return trace(nn.Sequential(nn.Conv2d(3, 32, 4, 4), Rows((32, 8, 8), as_they_lie=False), nn.LayerNorm(32),
                               Attention(32, 4), nn.Linear(32, 64), nn.GELU()), (3, 32, 32))


def test_kernels_are_of_the_networks_families_and_about_its_sizes() -> None:
    network = transformer()
    kernels = list(kernels_like(network, 40))
    counts = Counter(family(kernel.network.operators[0]) for kernel in kernels)
    assert set(counts) == {family(operator) for operator in network.operators} and min(counts.values()) >= FEWEST_EACH
    largest = {name: max(operator.macs for operator in network.operators if family(operator) == name)
               for name in ("matmul", "linear of rows")}
    for name, macs in largest.items():
        drawn = [kernel.network.macs for kernel in kernels if family(kernel.network.operators[0]) == name]
        assert max(drawn) >= macs and macs / 20 <= sorted(drawn)[len(drawn) // 2] <= 20 * macs


def test_networks_do_about_as_much_some_less_and_some_more_and_run() -> None:
    network = transformer()
    found = networks_like(network, 10)
    assert len(found) == 10
    work = [kernel.network.macs / network.macs for kernel in found]
    assert 1 / NEAR <= min(work) < 1 < max(work) <= NEAR
    assert all(1 / NEAR <= moved(kernel.network) / moved(network) <= 1.01 * NEAR for kernel in found)
    assert {family(op) for kernel in found for op in kernel.network.operators} >= {"matmul", "layernorm", "gelu"}
    assert torch.isfinite(found[0].module(torch.zeros(1, *found[0].input_shape))).all()


def test_several_maps_are_drawn_as_one_of_as_many_positions() -> None:
    network = Network((48, 8, 8), trace(nn.Conv2d(3, 16, 3, padding=1), (3, 32, 32)).operators)
    assert centre(network, 0)["inputs"] == 3
    tiled = Network((3, 16, 8, 8), network.operators)
    assert centre(tiled, 0)["side"] == pytest.approx(math.sqrt(16 * 64))


def test_of_operators_that_nothing_is_like_there_are_no_steps() -> None:
    assert steps_of(trace(nn.Threshold(0, 1), (3, 4, 4))) == []
    [(name, sizes)] = steps_of(trace(nn.ConvTranspose2d(8, 4, 4, 2, 1), (8, 6, 6)))
    assert name == "convtranspose2d" and (sizes["inputs"], sizes["outputs"], sizes["side"]) == (8, 4, 6)
