from __future__ import annotations

import math
from collections import Counter
from itertools import islice

import pytest
import torch
from torch import nn

from edgenas.cost.kernels.draws import DRAWS
from edgenas.cost.kernels.modules import Permuted, Product
from edgenas.cost.kernels.sampling import MOST_MACS, MOST_VALUES, Kernel, family, features, kept_together, sample
from edgenas.cost.network import trace


@pytest.fixture(scope="module")
def kernels() -> list[Kernel]:
    return list(sample(120))


def test_every_kernel_is_one_operator_of_the_family_that_drew_it_and_runs(kernels: list[Kernel]) -> None:
    assert len({kernel.network.signature for kernel in kernels}) == 120
    for kernel in kernels:
        (operator,) = kernel.network.operators
        assert family(operator) in DRAWS
        assert operator.macs <= MOST_MACS and operator.elements <= MOST_VALUES
        if operator.elements < 10_000:
            assert kernel.module(torch.zeros(1, *kernel.input_shape)).shape[1:] == operator.shape


def test_any_beginning_of_the_sample_is_a_fair_mix(kernels: list[Kernel]) -> None:
    whole = sum(weight for weight, _ in DRAWS.values())
    for count in (40, 120):
        drawn = Counter(family(kernel.network.operators[0]) for kernel in kernels[:count])
        for name, (weight, _) in DRAWS.items():
            assert abs(drawn[name] - count * weight / whole) <= 2, name


def test_the_sample_is_the_same_every_time_and_grows_at_its_end(kernels: list[Kernel]) -> None:
    again = [kernel.network.signature for kernel in islice(sample(60), 60)]
    assert again == [kernel.network.signature for kernel in kernels[:60]]
    assert again != [kernel.network.signature for kernel in sample(60, seed=1)]


@pytest.mark.parametrize(("module", "shape", "expected"), [
    (nn.Conv2d(8, 16, 1), (8, 4, 4), "pointwise"),
    (nn.Conv2d(1, 1, 1), (1, 4, 4), "pointwise"),
    (nn.Conv2d(8, 16, 3, 2), (8, 8, 8), "convolution"),
    (nn.Conv2d(8, 8, 5, groups=8), (8, 8, 8), "depthwise"),
    (nn.Conv2d(8, 16, 3, groups=4), (8, 8, 8), "grouped"),
    (nn.Linear(8, 4), (8,), "linear"),
    (nn.MaxPool2d(2), (8, 4, 4), "maxpool2d"),
    (nn.Linear(8, 4), (5, 8), "linear of rows"),
    (nn.Conv1d(8, 4, 3), (8, 9), "conv1d"),
    (nn.Upsample(scale_factor=2, mode="bilinear"), (8, 4, 4), "resize linear"),
    (nn.SiLU(), (8, 4, 4), "gelu"),
    (Permuted(0, 2, 1), (8, 4), "transpose"),
])
def test_families(module: nn.Module, shape: tuple[int, ...], expected: str) -> None:
    assert family(trace(module, shape).operators[0]) == expected


def test_features_by_hand() -> None:
    network = trace(nn.Sequential(nn.Conv2d(4, 6, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(2)), (4, 8, 8))
    conv, pool = features(network, 0), features(network, 1)
    assert conv[:4] == [6 * 16 * 36, 6 * 36 + 6, 4 * 64, 6 * 16]
    assert conv[8:] == [math.log1p(value) for value in (16, 4, 6, 9, 2)]
    assert pool[:4] == [0, 0, 6 * 16, 6 * 4]
    assert len(conv) == len(pool)


def test_features_of_products_and_permutations_by_hand() -> None:
    product = features(trace(Product(2, 5, 3), (2, 5, 3)), 0)
    assert product[:4] == [2 * 5 * 5 * 3, 0, 2 * 30, 2 * 25] and product[8:11] == [math.log1p(x) for x in (10, 3, 5)]
    for order, shape, together in (((0, 2, 1), (6, 4), 1), ((0, 2, 1, 3), (6, 2, 4), 4), ((0, 1, 2), (6, 4), 24)):
        assert kept_together(trace(Permuted(*order), shape).operators[0]) == together

    class Swapped(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.transpose(1, 2)

    assert kept_together(trace(Swapped(), (6, 2, 4)).operators[0]) == 4


def test_what_a_sum_reads_does_not_depend_on_where_its_second_term_is() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pool = nn.MaxPool2d(1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.pool(x)

    alone = next(k for k in sample(120) if k.network.operators[0].kind == "add").network
    inside = trace(Residual(), alone.input_shape)
    assert features(alone, 0) == features(inside, 1)
