"""Five networks of different kinds, with random weights: (module, shape of its image)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from edgenas.space.load import load_space
from edgenas.space.operators import ConvBN, Head, MBConv

Shape = tuple[int, int, int]


class Basic(nn.Module):
    """ResNet's basic block (arXiv:1512.03385)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = ConvBN(inputs, outputs, 3, stride=stride, activation="relu")
        self.second = ConvBN(outputs, outputs, 3, activation=None)
        same = stride == 1 and inputs == outputs
        self.short = nn.Identity() if same else ConvBN(inputs, outputs, stride=stride, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(self.first(x)) + self.short(x))


def of_space(name: str, side: int, **options: str) -> tuple[nn.Module, Shape]:
    space = load_space(name, (3, side, side), 100, options)
    return space.build(space.random(torch.Generator().manual_seed(0))), space.input_shape


def mobilenet_v2() -> tuple[nn.Module, Shape]:
    layers: list[nn.Module] = [ConvBN(3, 32, 3, stride=2), MBConv(32, 16, 3, 1)]
    inputs = 16
    for outputs, number, stride in ((24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1)):
        for block in range(number):
            layers.append(MBConv(inputs, outputs, 3, 6, stride=1 if block else stride))
            inputs = outputs
    return nn.Sequential(*layers, Head(inputs, 1280, 1000)), (3, 160, 160)


def resnet18() -> tuple[nn.Module, Shape]:
    layers: list[nn.Module] = [ConvBN(3, 64, 7, stride=2, activation="relu"), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for outputs, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Basic(inputs, outputs, stride), Basic(outputs, outputs, 1)]
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 100)), (3, 64, 64)


def vgg() -> tuple[nn.Module, Shape]:
    layers: list[nn.Module] = []
    inputs = 3
    for outputs in (32, 64, 128):
        layers += [ConvBN(inputs, outputs, 3, activation="relu"), ConvBN(outputs, outputs, 3, activation="relu"),
                   nn.MaxPool2d(2)]
        inputs = outputs
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2048, 256), nn.ReLU(), nn.Linear(256, 10)), (3, 32, 32)


NETWORKS: dict[str, Callable[[], tuple[nn.Module, Shape]]] = {
    "mobile": lambda: of_space("mobile", 96),
    "mobilenet_v2": mobilenet_v2,
    "resnet18": resnet18,
    "ofa": lambda: of_space("ofa", 128),
    "vgg": vgg,
}
