from __future__ import annotations

import itertools
import platform
from pathlib import Path

import numpy as np
import pytest
import torch
import tvm
from torch import Tensor, nn

from edgenas.export.base import Export
from edgenas.export.exporters.tvm import relax_module
from edgenas.export.ir.tracing import trace
from edgenas.export.tvm.build import scheduled
from edgenas.space.load import load_space

from ..nets import MBConv, settled

CPUS = {"x86_64": ("haswell", "x86-64", "")}.get(platform.machine(), ("",))  # "": this one
if platform.machine() == "x86_64" and "avx512f" in Path("/proc/cpuinfo").read_text():
    CPUS = ("skylake-avx512", *CPUS[:2])


class Crop(nn.Module):
    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, x: Tensor) -> Tensor:
        channels, height, width = self.sizes
        return x[:, :channels, :height, :width]


class Side(nn.Module):
    """Several modules on crops of one image, their values in a row."""

    def __init__(self, parts: list[tuple[tuple[int, int, int], nn.Module]]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(nn.Sequential(Crop(*sizes), part) for sizes, part in parts)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([part(x).flatten(1) for part in self.parts], 1)


class Joined(nn.Module):
    """A convolution of a convolution, to whose output its input is added, and what is multiplied by its own mean."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 1)
        self.second = nn.Conv2d(channels, channels, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        inner = torch.relu(self.first(x))
        outer = nn.functional.hardswish(inner + self.second(inner))
        return outer * torch.sigmoid(outer.mean((2, 3), keepdim=True))


def convolutions() -> list[tuple[tuple[int, int, int], nn.Module]]:
    """Every kernel and stride, dense and depthwise, on odd numbers of channels and pixels."""
    activations = itertools.cycle([nn.ReLU, nn.ReLU6, nn.Hardswish, nn.Identity, nn.SiLU])
    pairs = itertools.cycle([(3, 16), (8, 5), (17, 33), (24, 40), (1, 8)])
    sizes = itertools.cycle([(7, 7), (9, 13), (8, 19), (8, 7), (9, 16)])
    found: list[tuple[tuple[int, int, int], nn.Module]] = []
    for index, (kernel, stride) in enumerate(itertools.product((1, 3, 5, 7), (1, 2))):
        (inputs, outputs), size, activation = next(pairs), next(sizes), next(activations)
        padding, channels = (kernel // 2, 0)[index % 3 == 0], (12, 17, 32)[index % 3]
        found += [
            ((inputs, *size), nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, padding), activation())),
            ((channels, *size), nn.Sequential(nn.Conv2d(channels, channels, kernel, stride, padding, groups=channels),
                                              activation())),
        ]
    return found


def mobile(**options: str) -> nn.Module:
    """A whole network of the space `mobile`, narrow."""
    space = load_space("mobile", (3, 16, 16), 5, {"width": "0.5", "depth": "2", **options})
    return space.build(space.random(torch.Generator().manual_seed(1)))


def others() -> list[tuple[tuple[int, int, int], nn.Module]]:
    return [
        ((16, 6, 7), nn.Conv2d(16, 32, 3, padding=1, groups=2)),
        ((12, 6, 7), nn.Sequential(nn.Conv2d(12, 24, 1), nn.Conv2d(24, 48, 3, 2, groups=4), nn.ReLU())),
        ((9, 6, 7), nn.Conv2d(9, 15, (1, 3), padding="same", groups=3)),
        ((6, 5, 5), nn.Conv2d(6, 12, 3, groups=6)),
        ((5, 9, 9), nn.Conv2d(5, 9, 3, padding=2, dilation=2)),
        ((9, 9, 9), nn.Conv2d(9, 9, 3, padding=(0, 2), dilation=(1, 2), groups=9)),
        ((3, 9, 8), nn.Conv2d(3, 8, (3, 5), (2, 1), (0, 1), padding_mode="zeros")),
        ((24, 8, 8), Joined(24, 3)),
        ((9, 7, 5), Joined(9, 1)),
        ((8, 7, 7), MBConv(8, 8, 5, squeeze_excite=True, activation=nn.Hardswish)),
        ((20, 9, 9), nn.Sequential(nn.Conv2d(20, 20, 1), nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2))),
        ((20, 9, 9), nn.Sequential(nn.MaxPool2d(2, ceil_mode=True), nn.Conv2d(20, 7, 1), nn.AvgPool2d(3, 1, 1))),
        ((4, 5, 5), nn.Sequential(nn.Conv2d(4, 6, 3), nn.Flatten(), nn.Linear(54, 30), nn.ReLU(), nn.Linear(30, 7))),
        ((6, 5, 5), nn.Sequential(nn.Conv2d(6, 19, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(19, 3))),
        ((3, 16, 16), mobile(activation="hardswish", squeeze_excite="true")),
        ((3, 16, 16), mobile()),
        ((6, 5, 5), nn.Sequential(nn.Conv2d(6, 6, 1), nn.PReLU(6), nn.GELU(), nn.BatchNorm2d(6), nn.LeakyReLU())),
    ]


def values(module: nn.Module, image: Tensor, cpu: str) -> tuple[np.ndarray, tuple[str, ...]]:
    from tvm.target.codegen import llvm_get_system_cpu
    item = Export(module, image, Path("net.so"))
    target = tvm.target.Target({"kind": "llvm", "mcpu": cpu or llvm_get_system_cpu()})
    fast = scheduled(relax_module(item, trace([item])), target)
    machine = tvm.relax.VirtualMachine(tvm.compile(fast.module, target=target), tvm.cpu())
    return machine["main"](tvm.runtime.tensor(image.numpy())).numpy(), fast.leftovers


@pytest.mark.parametrize(("cpu", "step"), list(zip(CPUS, (1, 4, 5), strict=False)))
def test_every_shape_is_what_pytorch_computes(cpu: str, step: int) -> None:
    torch.manual_seed(0)
    side = settled(Side([*convolutions(), *others()][::step])).eval()
    image = torch.randn(1, 40, 20, 20)
    found, leftovers = values(side, image, cpu)
    assert leftovers == ()
    ends = list(itertools.accumulate(part(image).numel() for part in side.parts))
    assert found.size == ends[-1]
    for part, start, end in zip(side.parts, [0, *ends], ends, strict=False):
        with torch.no_grad():
            expected = part(image).flatten(1).numpy()
        np.testing.assert_allclose(found[:, start:end], expected, rtol=1e-4, atol=1e-5, err_msg=str(part))


def test_what_no_rule_is_for_keeps_the_default_schedule() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ConvTranspose2d(8, 4, 2, 2), nn.Softmax(1)).eval()
    image = torch.randn(1, 3, 6, 6)
    found, leftovers = values(net, image, "")
    np.testing.assert_allclose(found, net(image).detach().numpy(), rtol=1e-4, atol=1e-5)
    assert len(leftovers) == 2
    assert any("conv2d_transpose" in name for name in leftovers)
    assert any("softmax" in name for name in leftovers)
