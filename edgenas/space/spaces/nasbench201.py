"""NAS-Bench-201: one cell of four nodes and five operators, repeated (Dong and Yang, arXiv:2001.00326)."""

from __future__ import annotations

from collections import OrderedDict
from typing import Annotated

from annotated_types import Ge, Le
from torch import Tensor, nn

from edgenas.space.dag import Build, Dag, Edge, Graph
from edgenas.space.operators import ReluConvBN, Zero

NODES = ("0", "1", "2", "3")
EDGES = tuple(Edge(source, target, f"{source}>{target}")
              for index, target in enumerate(NODES) for source in NODES[:index])
GRAPH = Graph("cell", NODES[:1], EDGES, NODES[-1:])


def network(input_shape: tuple[int, int, int], classes: int, *, channels: Annotated[int, Ge(1), Le(4096)] = 16,
            cells: Annotated[int, Ge(1), Le(100)] = 5, affine: bool = True) -> nn.Module:
    """A supernet for images of `input_shape` (channels, height, width): three stages of `cells` cells, with residual
    blocks between them that halve the image and double the channels.

    channels: of the first stage; the benchmark's networks have 16 and 5 cells. affine: whether the candidates' batch
    norms learn a scale and a shift; the authors' searches do without.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["stem"] = nn.Sequential(nn.Conv2d(input_shape[0], channels, 3, padding=1, bias=False),
                                   nn.BatchNorm2d(channels))
    for stage in range(3):
        if stage:
            layers[f"reduction{stage}"] = Residual(channels, 2 * channels)
            channels *= 2
        for cell in range(cells):
            layers[f"stage{stage + 1}_cell{cell + 1}"] = Dag(GRAPH, every_edge(channels, affine))
    layers["norm"] = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())
    layers["classifier"] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))
    return nn.Sequential(layers)


def every_edge(channels: int, affine: bool) -> Build:
    return lambda edge: candidates(channels, affine)


def candidates(channels: int, affine: bool) -> dict[str, nn.Module]:
    """An edge's five operators, under the benchmark's names."""
    return {"none": Zero(), "skip_connect": nn.Identity(),
            "nor_conv_1x1": ReluConvBN(channels, channels, 1, affine=affine),
            "nor_conv_3x3": ReluConvBN(channels, channels, 3, affine=affine),
            "avg_pool_3x3": nn.AvgPool2d(3, 1, 1, count_include_pad=False)}


class Residual(nn.Module):
    """A residual block of two 3×3 convolutions that halves the image."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(ReluConvBN(inputs, outputs, 3, stride=2), ReluConvBN(outputs, outputs, 3))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, 2, ceil_mode=False), nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.shortcut(x) + self.body(x)
        return output
