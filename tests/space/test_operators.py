from __future__ import annotations

from typing import cast

import pytest
import torch
from torch import nn
from torch.nn import functional

from edgenas.errors import UsageError
from edgenas.space.operators import ConvBN, Head, MBConv, SqueezeExcite, activation_of


def conv(module: nn.Module, path: str) -> nn.Conv2d:
    return cast(nn.Conv2d, module.get_submodule(path))


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize(("stride", "side"), [(1, 9), (2, 5)])
def test_conv_bn_keeps_the_size_at_stride_1(kernel: int, stride: int, side: int) -> None:
    block = ConvBN(2, 3, kernel, stride=stride)
    assert block(images(2, 2, 9, 9)).shape == (2, 3, side, side)
    assert conv(block, "0").bias is None


@pytest.mark.parametrize(("name", "kind"), [("relu6", nn.ReLU6), ("relu", nn.ReLU), ("hardswish", nn.Hardswish)])
def test_activations_by_name(name: str, kind: type[nn.Module]) -> None:
    assert type(activation_of(name)) is kind
    assert type(ConvBN(2, 2, activation=name)[-1]) is kind
    assert any(type(m) is kind for m in Head(2, 4, 3, activation=name).modules())


def test_an_unknown_activation_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="'hardswich'") as caught:
        activation_of("hardswich")
    assert "did you mean 'hardswish'" in caught.value.hint


def test_no_activation() -> None:
    assert [type(m) for m in ConvBN(2, 2, activation=None)] == [nn.Conv2d, nn.BatchNorm2d]


def test_squeeze_excite_is_its_formula() -> None:
    block, x = SqueezeExcite(4, 2), images(3, 4, 5, 5)
    pooled = x.mean((2, 3))
    hidden = functional.relu(functional.linear(pooled, block.reduce.weight[:, :, 0, 0], block.reduce.bias))
    gate = functional.relu6(functional.linear(hidden, block.expand.weight[:, :, 0, 0], block.expand.bias) + 3) / 6
    torch.testing.assert_close(block(x), x * gate[:, :, None, None])


@pytest.mark.parametrize(("outputs", "stride", "residual"), [(4, 1, True), (6, 1, False), (4, 2, False)])
def test_mbconv_adds_its_input_where_the_shape_is_kept(outputs: int, stride: int, residual: bool) -> None:
    block, x = MBConv(4, outputs, 3, 3, stride=stride).eval(), images(2, 4, 6, 6)
    nn.init.zeros_(block.get_parameter("body.2.1.weight"))
    expected = x if residual else torch.zeros(2, outputs, 6 // stride, 6 // stride)
    assert block.residual is residual
    assert torch.equal(block(x), expected)


def test_mbconv_expands_is_depthwise_and_ends_linear() -> None:
    block = MBConv(4, 6, 5, 3, activation="hardswish")
    expand, depthwise, project = (conv(block, f"body.{i}.0") for i in range(3))
    assert (expand.in_channels, expand.out_channels, expand.kernel_size) == (4, 12, (1, 1))
    assert (depthwise.groups, depthwise.out_channels, depthwise.kernel_size) == (12, 12, (5, 5))
    assert (project.in_channels, project.out_channels) == (12, 6)
    assert [type([*part][-1]) for part in cast(list[ConvBN], block.body)] == [nn.Hardswish, nn.Hardswish,
                                                                             nn.BatchNorm2d]


def test_mbconv_of_expansion_1_begins_with_the_depthwise_convolution() -> None:
    block = MBConv(8, 4, 3, 1, squeeze_excite=2)
    assert [type(part) for part in block.body] == [ConvBN, SqueezeExcite, ConvBN]
    assert conv(block, "body.0.0").groups == 8 and conv(block, "body.1.reduce").out_channels == 2
    assert block(images(2, 8, 4, 4)).shape == (2, 4, 4, 4)


def test_mbconv_with_squeeze_excite_scales_the_hidden_channels() -> None:
    block = MBConv(16, 16, 3, 6, squeeze_excite=True)
    assert [type(part) for part in block.body] == [ConvBN, ConvBN, SqueezeExcite, ConvBN]
    assert conv(block, "body.2.reduce").in_channels == 96
    assert block(images(2, 16, 4, 4)).shape == (2, 16, 4, 4)


def test_head_gives_one_value_a_class_whatever_the_size() -> None:
    head = Head(4, 8, 3)
    assert head(images(2, 4, 7, 5)).shape == (2, 3)
    assert head(images(2, 4, 1, 1).expand(2, 4, 3, 3)).shape == (2, 3)
