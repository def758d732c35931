"""DARTS's cells, normal and reduction, each found once and stacked (after ENAS, DARTS and SNAS)."""

from __future__ import annotations

from collections import OrderedDict
from typing import Annotated

from annotated_types import Ge, Le
from torch import Tensor, nn

from edgenas.space.dag import Dag, Edge, Graph
from edgenas.space.operators import DilatedConv, ReluConvBN, SeparableConv, Zero

INPUTS = ("a", "b")  # the cell before the last, and the last


def network(input_shape: tuple[int, int, int], classes: int, *, channels: Annotated[int, Ge(1), Le(4096)] = 16,
            cells: Annotated[int, Ge(1), Le(100)] = 8, nodes: Annotated[int, Ge(1), Le(16)] = 4,
            keep: Annotated[int, Ge(0), Le(100)] = 0,
            affine: bool = False) -> nn.Module:
    """A supernet for images of `input_shape` (channels, height, width); see DARTS (arXiv:1806.09055), section 3.1.1.

    channels: of the first cells' nodes; doubled by each reduction cell, at a third and two thirds of the `cells`.
    nodes: of a cell, each of which sums its edges from the two cells before and from the nodes before it. keep: how
    many of them a node keeps, as DARTS's two; 0 for as many as the search leaves, as SNAS does. affine: whether batch
    norms learn a scale and a shift. Without, as in the papers' searches, a node that nothing feeds carries exactly
    nothing on.

    Where we differ: a skip that halves the image is one 2×2 convolution of stride 2, which sees the pixels that
    DARTS's two shifted 1×1 convolutions see.
    """
    return Cells(input_shape, classes, channels, cells, nodes, keep or None, affine)


def graph(name: str, nodes: int, keep: int | None) -> Graph:
    names = tuple(str(index + 1) for index in range(nodes))
    edges = tuple(Edge(source, target, f"{name}:{source}>{target}")
                  for index, target in enumerate(names) for source in (*INPUTS, *names[:index]))
    return Graph(name, INPUTS, edges, names, keep)


def candidates(channels: int, stride: int, size: int, affine: bool) -> dict[str, nn.Module]:
    """An edge's eight operators, under DARTS's names; size: side of the image that it reads."""
    def pooled(pool: nn.Module) -> nn.Module:
        return nn.Sequential(pool, nn.BatchNorm2d(channels, affine=affine))

    skip = nn.Identity() if stride == 1 else halved(channels, channels, size, affine)
    return {"none": Zero(stride),
            "max_pool_3x3": pooled(nn.MaxPool2d(3, stride, 1)),
            "avg_pool_3x3": pooled(nn.AvgPool2d(3, stride, 1, count_include_pad=False)),
            "skip_connect": skip,
            **{f"sep_conv_{k}x{k}": SeparableConv(channels, k, stride, affine) for k in (3, 5)},
            **{f"dil_conv_{k}x{k}": DilatedConv(channels, k, stride, affine) for k in (3, 5)}}


def halved(inputs: int, outputs: int, size: int, affine: bool) -> nn.Module:
    """Every pixel seen by one convolution of stride 2; odd sides are padded."""
    return ReluConvBN(inputs, outputs, 2, stride=2, padding=size % 2, affine=affine)


class Cell(nn.Module):
    """Both inputs brought to the cell's channels and the last one's size, then the graph."""

    def __init__(self, graph: Graph, inputs: tuple[int, int], channels: int, sizes: tuple[int, int], stride: int,
                 affine: bool) -> None:
        super().__init__()
        before, last = sizes
        self.first = (ReluConvBN(inputs[0], channels, 1, affine=affine) if before == last
                      else halved(inputs[0], channels, before, affine))
        self.second = ReluConvBN(inputs[1], channels, 1, affine=affine)
        self.nodes = Dag(graph, lambda edge: candidates(channels, stride if edge.source in INPUTS else 1, last, affine))

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        output: Tensor = self.nodes(self.first(before), self.second(last))
        return output


class Cells(nn.Module):
    def __init__(self, input_shape: tuple[int, int, int], classes: int, channels: int, cells: int, nodes: int,
                 keep: int | None, affine: bool) -> None:
        super().__init__()
        stem, size = 3 * channels, min(input_shape[1:])
        self.stem = nn.Sequential(nn.Conv2d(input_shape[0], stem, 3, padding=1, bias=False), nn.BatchNorm2d(stem))
        widths, sizes = (stem, stem), (size, size)
        found: OrderedDict[str, nn.Module] = OrderedDict()
        for index in range(cells):
            reduces = index in (cells // 3, 2 * cells // 3) and cells > 2
            channels *= 2 if reduces else 1
            kind = graph("reduction" if reduces else "normal", nodes, keep)
            found[f"cell{index + 1}"] = Cell(kind, widths, channels, sizes, 2 if reduces else 1, affine)
            widths, sizes = (widths[1], nodes * channels), (sizes[1], -(-sizes[1] // 2) if reduces else sizes[1])
        self.cells = nn.ModuleDict(found)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(widths[1], classes)

    def forward(self, x: Tensor) -> Tensor:
        before = last = self.stem(x)
        for cell in self.cells.values():
            before, last = last, cell(before, last)
        output: Tensor = self.classifier(self.pool(last))
        return output

    def simplify(self) -> None:
        """Readers of a cell whose outputs vanished in part read only those that are left: the others were zeros."""
        cells = list(self.cells.values())
        for index, cell in enumerate(cells):
            assert isinstance(cell, Cell)
            left = left_of(cell.nodes)
            for distance, name in ((1, "second"), (2, "first")):
                if index + distance < len(cells):
                    narrow(getattr(cells[index + distance], name)[1], left)
        narrow(self.classifier, left)


def left_of(cell: Dag) -> list[bool]:
    """Which of the outputs of a cell are left."""
    return [node in cell.outputs for node in cell.graph.outputs]


def narrow(reader: nn.Conv2d | nn.Linear, left: list[bool]) -> None:
    """Remove the input channels of outputs that are not left."""
    groups = reader.weight.shape[1] // len(left)
    kept = [index * groups + channel for index, is_left in enumerate(left) if is_left for channel in range(groups)]
    reader.weight = nn.Parameter(reader.weight.detach()[:, kept])
    if isinstance(reader, nn.Conv2d):
        reader.in_channels = len(kept)
    else:
        reader.in_features = len(kept)
