from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edgenas.export.base import Export
from edgenas.export.ir.tracing import trace

from ..nets import MiniNet, Twice, settled


class Tapped(nn.Module):
    """The convolution's own output is used as well."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x + self.norm(x)


def left(module: nn.Module, *shape: int) -> int:
    """Batch normalisations in the traced graph, which computes what the module computes."""
    item = Export(settled(module), torch.randn(1, *shape), Path("net"))
    graph = trace([item])
    torch.testing.assert_close(graph(item.example)[0], module.eval()(item.example), rtol=1e-4, atol=1e-5)
    return len(graph.graph.find_nodes(op="call_function", target=torch.ops.aten.batch_norm.default))


@pytest.mark.parametrize(("module", "shape"), [
    (MiniNet(), (3, 24, 24)),
    (nn.Sequential(nn.Conv2d(4, 6, 3, bias=True), nn.BatchNorm2d(6)), (4, 8, 8)),
    (nn.Sequential(nn.Conv2d(4, 4, 3, padding="same", groups=2), nn.BatchNorm2d(4, affine=False)), (4, 8, 8)),
    (nn.Sequential(nn.Conv1d(4, 6, 3, 2, 1), nn.BatchNorm1d(6)), (4, 9)),
    (nn.Sequential(nn.Conv3d(2, 6, 3, dilation=2), nn.BatchNorm3d(6, eps=0.1)), (2, 6, 6, 6)),
    (Twice(nn.Sequential(nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU6())), (4, 5, 5)),
])
def test_a_norm_after_a_convolution_is_folded(module: nn.Module, shape: tuple[int, ...]) -> None:
    assert left(module, *shape) == 0


@pytest.mark.parametrize("module", [
    nn.Sequential(nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1)),
    nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(), nn.BatchNorm2d(4)),
    nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4, track_running_stats=False)),
    Tapped(),
])
def test_any_other_norm_stays(module: nn.Module) -> None:
    assert left(module, 4, 5, 5) == 1
