"""Small networks to export, with batch-norm statistics that matter."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, 4, 1), nn.ReLU(),
                                  nn.Conv2d(4, channels, 1), nn.Hardsigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)


class MBConv(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, expansion: int = 3,
                 activation: type[nn.Module] = nn.ReLU6, squeeze_excite: bool = False) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            nn.Conv2d(inputs, hidden, 1, bias=False), nn.BatchNorm2d(hidden), activation(),
            nn.Conv2d(hidden, hidden, kernel, stride, kernel // 2, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden), activation(), SqueezeExcite(hidden) if squeeze_excite else nn.Identity(),
            nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.residual else self.body(x)


class MiniNet(nn.Sequential):
    def __init__(self, channels: int = 3, classes: int = 5) -> None:
        super().__init__(
            nn.Conv2d(channels, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(),
            MBConv(8, 8, 3), MBConv(8, 16, 5, stride=2, activation=nn.Hardswish, squeeze_excite=True),
            MBConv(16, 16, 7), nn.Conv2d(16, 24, 1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, classes),
        )


class Twice(nn.Module):
    """One module in two places."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: Tensor) -> Tensor:
        return self.part(self.part(x))


class Unsupported(nn.Module):
    """An operator that no exporter knows."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.svd(x)[1]


@torch.no_grad()
def settled(module: nn.Module) -> nn.Module:
    """As after training: batch-norm statistics and weights away from 0 and 1."""
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            for tensor, low, high in ((part.running_mean, -1, 1), (part.running_var, 0.5, 2),
                                      (part.weight, 0.5, 2), (part.bias, -1, 1)):
                if tensor is not None:
                    tensor.uniform_(low, high)
    return module


@torch.no_grad()
def decided(net: nn.Sequential, images: Tensor) -> nn.Sequential:
    """As after training: statistics of the images, and logits of mean 0 and deviation 3 in every class."""
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 1
    net.train()(images)
    net.eval()
    *body, last = net
    features = nn.Sequential(*body)(images)
    logits = features @ last.weight.T
    last.weight *= 3 / logits.std(0)[:, None]
    last.bias[:] = -(features @ last.weight.T).mean(0)
    return net


def coloured(count: int, *shape: int) -> Tensor:
    """Images (count, *shape) that differ in their mean colours, as photos do, with some noise."""
    generator = torch.Generator().manual_seed(1)
    means = torch.randn(count, shape[0], 1, 1, generator=generator)
    return means + 0.3 * torch.randn(count, *shape, generator=generator)


def grey_net(classes: int = 5) -> nn.Sequential:
    net = nn.Sequential(nn.Conv2d(1, 8, 5, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, classes))
    return decided(net, coloured(20, 1, 20, 28))
