"""Small modules that hold one operator of the vocabulary each, in the ways that PyTorch has to write it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgenas.space.operators import Head
from edgenas.space.operators import MBConv as Block

from .nets import settled

MAP = (4, 9, 8)


class Applied(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Joined(nn.Module):
    """Two branches of one input."""

    def __init__(self, join: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.left, self.right, self.join = nn.Conv2d(4, 3, 1), nn.Conv2d(4, 3, 3, padding=1), join

    def forward(self, x: Tensor) -> Tensor:
        return self.join(self.left(x), self.right(x))


class VectorGate(nn.Module):
    """Squeeze-and-excitation with linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Linear(4, 2), nn.Linear(2, 4)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.excite(torch.relu(self.squeeze(x.mean((-1, -2))))).sigmoid()
        return x * gate.view(x.size(0), -1, 1, 1)


def blocks() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    """What the space `mobile` is made of."""
    torch.manual_seed(0)
    made = {
        "residual": (Block(8, 8, 3, 3), (8, 10, 10)),
        "strided": (Block(8, 12, 5, 3, stride=2, activation="relu"), (8, 10, 11)),
        "excited": (Block(8, 8, 3, 3, activation="hardswish", squeeze_excite=True), (8, 10, 10)),
        "head": (Head(8, 16, 5), (8, 6, 5)),
    }
    return {name: (settled(module).eval(), shape) for name, (module, shape) in made.items()}


def single() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    torch.manual_seed(0)
    conv = nn.Conv2d
    modules: dict[str, nn.Module] = {
        "grouped": conv(4, 8, 3, padding=1, groups=2), "multiplied": conv(4, 8, 3, padding=1, groups=4),
        "dilated": conv(4, 5, 3, padding=2, dilation=2), "even kernel": conv(4, 5, (4, 2), padding=1),
        "without bias": conv(4, 5, 3, bias=False), "wide padding": conv(4, 5, 3, padding=(2, 3), stride=2),
        "biased and normal": settled(nn.Sequential(conv(4, 5, 3), nn.BatchNorm2d(5), nn.ReLU())),
        "unweighted norm": settled(nn.Sequential(conv(4, 5, 3), nn.BatchNorm2d(5, affine=False))),
        "relu": nn.ReLU(), "relu6": nn.ReLU6(), "hardswish": nn.Hardswish(), "hardsigmoid": nn.Hardsigmoid(),
        "sigmoid": nn.Sigmoid(), "silu": nn.SiLU(), "gelu": nn.GELU(), "gelu tanh": nn.GELU("tanh"),
        "functions": Applied(lambda x: F.hardswish(F.relu6(x) + F.silu(x))),
        "gate after conv": nn.Sequential(conv(4, 4, 1, bias=False), nn.Hardsigmoid()),
        "average": nn.AvgPool2d(2), "padded average": nn.AvgPool2d(3, 2, 1),
        "largest": nn.MaxPool2d(2), "padded largest": nn.MaxPool2d(3, 2, 1), "same largest": nn.MaxPool2d(3, 1, 1),
        "mean": Applied(lambda x: x.mean((2, 3))), "kept mean": Applied(lambda x: x.mean([-1, -2], keepdim=True)),
        "global average": nn.AdaptiveAvgPool2d(1), "global average of one pixel": nn.Sequential(
            conv(4, 6, (9, 8)), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten()),
        "sum": Joined(lambda a, b: torch.relu(a + b)), "product": Joined(torch.mul), "twice": Applied(lambda x: x + x),
        "concatenation": Joined(lambda a, b: torch.cat([a, b], 1)), "second user": Joined(lambda a, b: a * b + a),
        "flattened map": nn.Sequential(conv(4, 3, 3), nn.Flatten(), nn.Linear(3 * 7 * 6, 5), nn.ReLU6()),
        "vector gate": VectorGate(), "dropout": nn.Sequential(nn.Dropout(), nn.Identity(), conv(4, 3, 1)),
    }
    return {name: (module.eval(), MAP) for name, module in modules.items()}


def outside() -> dict[str, nn.Module]:
    """Modules beyond the vocabulary, by the operator to blame."""
    torch.manual_seed(0)
    return {
        "BatchNorm2d": nn.Sequential(nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1)), "ELU": nn.ELU(),
        "padding_mode=reflect": nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        "ceil_mode=True": nn.MaxPool2d(2, ceil_mode=True), "AdaptiveAvgPool2d": nn.AdaptiveAvgPool2d(2),
        "mul": Applied(lambda x: x * 2), "transpose": Applied(lambda x: x.transpose(2, 3)),
        "mean": Applied(lambda x: x.mean(1, keepdim=True)), "Linear": nn.Linear(8, 3),
        "traced": Applied(lambda x: x if x.sum() > 0 else -x),
    }
