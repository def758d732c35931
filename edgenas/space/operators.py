"""Building blocks that spaces are written with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from edgenas.errors import unknown

Activation = Literal["relu6", "relu", "hardswish"]
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu6": nn.ReLU6, "relu": nn.ReLU, "hardswish": nn.Hardswish}


def activation_of(name: str) -> nn.Module:
    if name not in ACTIVATIONS:
        raise unknown("activation", name, ACTIVATIONS)
    return ACTIVATIONS[name]()


class ConvBN(nn.Sequential):
    """Convolution, batch normalisation and, unless `activation` is None, an activation. Keeps the size at stride 1."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, *, stride: int = 1, groups: int = 1,
                 activation: str | None = "relu6") -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        if activation is not None:
            layers.append(activation_of(activation))
        super().__init__(*layers)


class SqueezeExcite(nn.Module):
    """Channel attention (Hu et al., arXiv:1709.01507) with the hard sigmoid of MobileNetV3 (arXiv:1905.02244)."""

    def __init__(self, channels: int, reduced: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, reduced, 1)
        self.relu = nn.ReLU()
        self.expand = nn.Conv2d(reduced, channels, 1)
        self.gate = nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        scale: Tensor = self.gate(self.expand(self.relu(self.reduce(self.pool(x)))))
        return x * scale


class MBConv(nn.Module):
    """Inverted residual with linear bottleneck (MobileNetV2, arXiv:1801.04381), optionally with squeeze-excite.

    expansion: hidden channels per input channel; with 1, nothing comes before the depthwise convolution.
    squeeze_excite: whether there is one, or the number of its reduced channels. The residual is there when the shape
    is kept.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, expansion: int, *, stride: int = 1,
                 activation: str = "relu6", squeeze_excite: bool | int = False) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = [] if expansion == 1 else [ConvBN(inputs, hidden, activation=activation)]
        layers.append(ConvBN(hidden, hidden, kernel, stride=stride, groups=hidden, activation=activation))
        if squeeze_excite:
            default = max(8, inputs // 4 * expansion // 4)
            layers.append(SqueezeExcite(hidden, default if squeeze_excite is True else squeeze_excite))
        layers.append(ConvBN(hidden, outputs, activation=None))
        self.body = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.body(x)
        return x + output if self.residual else output


class ReluConvBN(nn.Sequential):
    """ReLU, convolution and batch normalisation, as the operators of cells are built. Keeps the size at stride 1."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int | None = None,
                 affine: bool = True) -> None:
        super().__init__(nn.ReLU(), nn.Conv2d(inputs, outputs, kernel, stride,
                                              kernel // 2 if padding is None else padding, bias=False),
                         nn.BatchNorm2d(outputs, affine=affine))


class DilatedConv(nn.Sequential):
    """Depthwise convolution of dilation 2, pointwise convolution (DARTS, arXiv:1806.09055)."""

    def __init__(self, channels: int, kernel: int, stride: int = 1, affine: bool = True, dilation: int = 2) -> None:
        super().__init__(
            nn.ReLU(), nn.Conv2d(channels, channels, kernel, stride, dilation * (kernel // 2), dilation,
                                 groups=channels, bias=False),
            nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels, affine=affine))


class SeparableConv(nn.Sequential):
    """Depthwise and pointwise convolution, twice (DARTS, arXiv:1806.09055)."""

    def __init__(self, channels: int, kernel: int, stride: int = 1, affine: bool = True) -> None:
        super().__init__(DilatedConv(channels, kernel, stride, affine, dilation=1),
                         DilatedConv(channels, kernel, 1, affine, dilation=1))


class Zero(nn.Module):
    """Nothing: zeros in the place of the input, of every `stride`-th pixel."""

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x[:, :, ::self.stride, ::self.stride])


class Head(nn.Sequential):
    """1×1 convolution, global average pooling and a linear classifier: (N, inputs, H, W) -> (N, classes)."""

    def __init__(self, inputs: int, hidden: int, classes: int, *, activation: str = "relu6") -> None:
        super().__init__(ConvBN(inputs, hidden, activation=activation), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(hidden, classes))
