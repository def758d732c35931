from __future__ import annotations

from functools import cache
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from edgenas.space import Space, choices_of
from edgenas.space.operators import MBConv, SqueezeExcite
from edgenas.space.spaces.mobile import network, scaled

SHAPES = {  # image -> stages, shorter side of the last feature map
    (1, 28, 28): (2, 7), (3, 32, 32): (3, 4), (1, 8, 8): (2, 4), (3, 96, 96): (4, 6), (3, 224, 224): (5, 7),
    (3, 64, 40): (3, 5), (1, 5, 5): (1, 5),
}
MBCONVS = tuple(f"mbconv_k{k}_e{e}" for e in (3, 6) for k in (3, 5, 7))


@cache
def space(shape: tuple[int, int, int], **options: Any) -> Space:
    return Space("mobile", network, shape, 10, {"width": 0.25, "depth": 2, **options})


def conv(module: nn.Module, path: str) -> nn.Conv2d:
    return cast(nn.Conv2d, module.get_submodule(path))


def widths(shape: tuple[int, int, int], **options: Any) -> list[int]:
    """Output channels of each stage."""
    found = choices_of(network(shape, 10, depth=1, **options)).values()
    return [conv(choice.candidates[MBCONVS[0]], "body.2.0").out_channels for choice in found]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_last_feature_map_has_a_side_of_4_to_8(shape: tuple[int, int, int]) -> None:
    head = space(shape).parts[-1]
    assert head.place == "head"
    assert 4 <= min(head.input_shape[1:]) < 8
    assert min(head.input_shape[1:]) == SHAPES[shape][1]


@pytest.mark.parametrize("shape", SHAPES)
def test_each_place_is_there_once_and_no_part_is_missing(shape: tuple[int, int, int]) -> None:
    toy = space(shape)
    stages, _ = SHAPES[shape]
    blocks = [f"stage{s}.block{b}" for s in range(1, stages + 1) for b in (1, 2)]
    assert list(dict.fromkeys(p.place for p in toy.parts)) == ["stem", *blocks, "head"]
    assert list(toy.choices) == blocks
    for name, candidates in toy.choices.items():
        assert candidates == (MBCONVS if name.endswith("block1") else (*MBCONVS, "skip"))
    assert toy.size == (6 * 7) ** stages
    assert sum(w.numel() for p in toy.parts for w in p.module.parameters()) == sum(
        w.numel() for w in toy.supernet().parameters())


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28)])
def test_each_stage_but_the_first_halves_the_image_in_its_first_block(shape: tuple[int, int, int]) -> None:
    for part in space(shape).parts:
        if isinstance(part.module, MBConv):
            with torch.no_grad():
                output = part.module(torch.empty(1, *part.input_shape, device="meta"))
            halves = part.place.endswith("block1") and not part.place.startswith("stage1.")
            assert output.shape[2] == -(-part.input_shape[1] // (2 if halves else 1))
            expand, depthwise = conv(part.module, "body.0.0"), conv(part.module, "body.1.0")
            assert part.candidate == f"mbconv_k{depthwise.kernel_size[0]}_e{expand.out_channels // expand.in_channels}"


def test_depth_is_the_number_of_blocks_of_a_stage() -> None:
    assert [name for name in space((1, 8, 8), depth=1).choices] == ["stage1.block1", "stage2.block1"]


@pytest.mark.parametrize("activation", ["relu6", "relu", "hardswish"])
def test_the_activation_is_used_everywhere(activation: str) -> None:
    kinds = {"relu6": nn.ReLU6, "relu": nn.ReLU, "hardswish": nn.Hardswish}
    found = {type(m) for m in space((1, 8, 8), activation=activation).supernet().modules()}
    assert found & set(kinds.values()) == {kinds[activation]}


@pytest.mark.parametrize("squeeze_excite", [True, False])
def test_squeeze_excite_is_in_every_block_or_in_none(squeeze_excite: bool) -> None:
    blocks = [m for m in space((1, 8, 8), squeeze_excite=squeeze_excite).supernet().modules() if isinstance(m, MBConv)]
    has = {any(isinstance(m, SqueezeExcite) for m in block.modules()) for block in blocks}
    assert has == {squeeze_excite}


def test_width_multiplies_the_channels_of_every_stage() -> None:
    assert [widths((3, 224, 224), width=width) for width in (0.5, 1.0, 2.0)] == [
        [8, 16, 16, 40, 80], [16, 24, 40, 80, 160], [32, 48, 80, 160, 320]]


def test_very_large_images_get_more_stages_of_the_largest_width() -> None:
    assert widths((3, 1024, 1024)) == [16, 24, 40, 80, 160, 160, 160, 160]


def test_the_supernet_computes_one_value_a_class() -> None:
    assert space((3, 16, 16)).supernet()(torch.zeros(2, 3, 16, 16)).shape == (2, 10)


@given(st.integers(1, 500), st.floats(0.01, 10), st.integers(1, 16))
@settings(deadline=None)
def test_scaled_channels_are_the_nearest_multiple_above_none(channels: int, factor: float, multiple: int) -> None:
    found = scaled(channels, factor, multiple)
    assert found % multiple == 0
    assert found >= multiple
    assert found == multiple or abs(found - channels * factor) <= multiple / 2 + 1e-9
