from __future__ import annotations

import math
from collections import OrderedDict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from edgenas.selection.zero_cost import MEASURES, blocks_of, entropy, initialise, measures_of, patches, spectral_norm
from edgenas.space import Architecture, Space, load_space

IMAGES = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def space_of(name: str, **options: str) -> Space:
    return load_space(name, (3, 8, 8), 4, options)


def test_blocks_are_the_stem_and_all_up_to_the_last_choice() -> None:
    assert blocks_of(space_of("mobile", width="0.25", depth="2")) == (
        "stem", "stage1.block1", "stage1.block2", "stage2.block1", "stage2.block2")
    assert blocks_of(space_of("nasbench201", channels="4", cells="1")) == (
        "stem", "stage1_cell1", "reduction1", "stage2_cell1", "reduction2", "stage3_cell1")
    assert blocks_of(space_of("cell", channels="4", cells="2")) == ("stem", "cells.cell1", "cells.cell2")


def test_entropy_is_that_of_the_share_of_each_direction() -> None:
    independent = torch.randn(64, 8, 16, 16, generator=seeded())
    assert entropy(independent) == pytest.approx(math.log(8), abs=1e-3)
    assert entropy(independent[:, :1].expand(-1, 8, -1, -1)) == pytest.approx(0, abs=1e-3)
    two = torch.cat([independent[:, :1], 3 * independent[:, 1:2]], 1)  # variances 1 and 9
    assert entropy(two) == pytest.approx(-0.1 * math.log(0.1) - 0.9 * math.log(0.9), abs=1e-2)
    assert entropy(torch.ones(4, 3, 2, 2)) == 0


@pytest.mark.parametrize("stride", [1, 2])
def test_the_spectral_norm_is_that_of_the_block_s_own_matrix(stride: int) -> None:
    convolution = nn.Conv2d(6, 5, stride, stride=stride, bias=False)
    initialise(convolution, seeded())
    before = torch.randn(64, 6, 16, 16, generator=seeded(1), requires_grad=True)
    expected = torch.linalg.matrix_norm(convolution.weight.detach().flatten(1), 2)
    assert spectral_norm(before, convolution(before), seeded(2)) == pytest.approx(float(expected), rel=0.03)


def test_trainability_is_greatest_where_gradients_keep_their_size() -> None:
    def of(scale: float) -> float:
        layers = OrderedDict({"stem": nn.Conv2d(3, 4, 1), "block": nn.Conv2d(4, 4, 1, bias=False)})
        network = nn.Sequential(layers)
        with torch.no_grad():
            for parameter in layers["stem"].parameters():
                parameter.normal_(generator=seeded())
            layers["block"].weight.copy_(scale * torch.eye(4)[:, :, None, None])
        before = network.stem(torch.randn(64, 3, 16, 16, generator=seeded()))
        norm = spectral_norm(before, network.block(before), seeded())
        return 2 - norm - 1 / norm

    assert of(1.0) == pytest.approx(0, abs=0.01)
    assert of(3.0) < -1 and of(1 / 3) < -1


@given(st.lists(st.integers(1, 20), min_size=4, max_size=4))
@settings(deadline=None, max_examples=50)
def test_patches_of_either_map_meet_at_the_same_positions(sides: list[int]) -> None:
    one, other = torch.ones(2, 3, *sides[:2]), torch.ones(2, 5, *sides[2:])
    of_one, of_other = patches(one, other.shape[2:]), patches(other, one.shape[2:])
    assert of_one.shape[2] == of_other.shape[2] == min(sides[0], sides[2]) * min(sides[1], sides[3])
    assert float(of_one.sum()) == one.sum() and float(of_other.sum()) == other.sum()


def test_a_skip_is_no_block() -> None:
    def of(*inner: nn.Module) -> dict[str, float]:
        layers = [nn.Conv2d(3, 4, 3), *inner, nn.Conv2d(4, 8, 3, stride=2)]
        return measures_of(nn.Sequential(*layers), [str(i) for i in range(len(layers))], IMAGES, seeded())

    assert of(nn.Identity()) == pytest.approx(of(), rel=1e-5)
    assert of(nn.Identity(), nn.Identity()) == pytest.approx(of(), rel=1e-5)
    assert of(nn.ReLU()) != pytest.approx(of(), rel=1e-2)


def test_measures_depend_on_the_generator_alone_and_need_two_blocks() -> None:
    space = space_of("mobile", width="0.25", depth="2")
    architecture = space.random(seeded(1))
    found = [measures_of(space.build(architecture), blocks_of(space), IMAGES, seeded(seed)) for seed in (0, 0, 1)]
    assert found[0] == pytest.approx(found[1], rel=1e-5)
    assert found[0] != pytest.approx(found[2], rel=1e-3)
    assert tuple(found[0]) == MEASURES and all(math.isfinite(value) for value in found[0].values())
    assert measures_of(space.build(architecture), ("stem",), IMAGES, seeded()) == dict.fromkeys(MEASURES, -math.inf)


def test_a_chain_of_convolutions_is_more_expressive_than_one_of_poolings() -> None:
    space = space_of("nasbench201", channels="8", cells="1")
    edges = list(space.choices)

    def of(operator: str) -> dict[str, float]:
        chain = {"0>1", "1>2", "2>3"}
        architecture = Architecture({edge: operator if edge in chain else "none" for edge in edges})
        return measures_of(space.build(architecture), blocks_of(space), IMAGES, seeded())

    assert of("nor_conv_3x3")["expressivity"] > of("avg_pool_3x3")["expressivity"]


def test_biases_are_none_and_what_is_not_finite_is_not_measured() -> None:
    def of(scale: float) -> dict[str, float]:
        class Scaled(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return x * scale

        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.Conv2d(4, 4, 1), Scaled()))
        return measures_of(network, ("0", "1"), IMAGES, seeded())

    torch.manual_seed(1)
    first = of(1.0)
    torch.manual_seed(2)
    assert of(1.0) == pytest.approx(first, rel=1e-5)
    assert of(math.inf) == dict.fromkeys(MEASURES, -math.inf)


def test_a_block_that_a_network_dropped_is_none() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3))
    assert measures_of(network, ("0", "1"), IMAGES, seeded()) == pytest.approx(
        measures_of(network, ("0", "gone", "1"), IMAGES, seeded()), rel=1e-5)
