from __future__ import annotations

import numpy as np
import pytest
import torch

from edgenas.cost.kernels.draws import DRAWS
from edgenas.cost.kernels.mixes import MOST_MACS, chain, mixes, moved
from edgenas.cost.kernels.sampling import Kernel, family
from edgenas.cost.network import trace


@pytest.fixture(scope="module")
def made() -> list[Kernel]:
    return list(mixes(16))


def test_made_up_networks_have_operators_of_all_families_and_run(made: list[Kernel]) -> None:
    families = {family(operator) for kernel in made for operator in kernel.network.operators}
    assert set(DRAWS) <= families
    for kernel in made:
        assert kernel.network.macs <= MOST_MACS and len(kernel.network.operators) > 1
        out = kernel.module(torch.zeros(1, *kernel.input_shape))
        assert out.shape[1:] == kernel.network.operators[-1].shape and torch.isfinite(out).all()
        assert trace(kernel.module, kernel.input_shape) == kernel.network


def test_they_are_the_same_every_time(made: list[Kernel]) -> None:
    assert [kernel.network for kernel in mixes(4)] == [kernel.network for kernel in made[:4]]
    assert len({kernel.network.signature for kernel in made}) == 16


def test_a_chain_turns_maps_to_rows_and_back() -> None:
    steps = [(name, {}) for name in ("convolution", "linear of rows", "depthwise", "adaptiveavgpool2d", "linear")]
    kernel = chain(steps, (3, 12, 12), np.random.default_rng(0))
    assert kernel is not None
    assert [family(operator) for operator in kernel.network.operators] == [name for name, _ in steps]


def test_two_products_of_a_network_are_one_attention() -> None:
    steps = [("layernorm", {}), ("matmul", {"heads": 2}), ("softmax", {}), ("matmul", {"heads": 2}), ("linear", {})]
    kernel = chain(steps, (10, 16), np.random.default_rng(0))
    assert kernel is not None
    names = [family(operator) for operator in kernel.network.operators]
    assert names.count("matmul") == 2 and names.count("softmax") == 1 and names.count("layernorm") == 1


def test_a_chain_of_what_does_not_fit_is_none() -> None:
    assert chain([("depthwise", {}), ("convolution", {}), ("linear", {})], (7,), np.random.default_rng(0)) is None


def test_values_that_are_moved_are_those_read_and_written() -> None:
    kernel = chain([("relu", {}), ("softmax", {})], (4, 6), np.random.default_rng(0))
    assert kernel is not None and moved(kernel.network) == 4 * 24
