"""Which channels of a network belong together: all that must be kept or cut with one another.

Every value has an axis of channels, laid out in spans; a span is a group, or a part of one where values are
concatenated. A convolution or linear layer begins a new group and reads the one before; norms and depthwise
convolutions go along with theirs; a sum or product makes two groups one. What is not understood freezes the groups that
it touches, with the reason: nothing is guessed.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from edgenas.space.traced.layouts import Layout, Span, averaged, moved, reshaped
from edgenas.space.traced.trace import ADDITIONS, NORMS, UNARY, Traced, line_of, path_of, shape_of

PRODUCTS = (operator.mul, operator.imul, torch.mul, "mul", "mul_", operator.sub, torch.sub, torch.maximum,
            operator.truediv)
SPATIAL = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.ZeroPad2d, nn.ReflectionPad2d,
           nn.ReplicationPad2d, nn.Upsample, nn.LPPool2d)
PASSING = {F.adaptive_avg_pool2d, F.avg_pool2d, F.max_pool2d, F.pad, F.interpolate, F.dropout, F.dropout2d,
           F.leaky_relu, F.hardtanh, F.tanh, torch.tanh, torch.clamp, "clamp", "contiguous", "clone", "tanh", "float",
           "detach"}
SHAPES = {"size", "dim", getattr, operator.floordiv, "numel"}
RESHAPES = {"view", "reshape", torch.reshape, torch.flatten, "flatten", "squeeze", "unsqueeze", torch.squeeze,
            torch.unsqueeze}
MEANS = {torch.mean, "mean", torch.amax, "amax", torch.sum, "sum"}
MOVES = {"permute", torch.permute, "transpose", torch.transpose}


@dataclass
class Layer:
    """A layer or a parameter whose sizes follow its groups.

    kind: "conv", "depthwise", "linear", "norm", or "tensor" for a parameter that has its channels on `axis`. reads,
    writes: of its input and output channels.
    """

    kind: str
    reads: tuple[Span, ...]
    writes: tuple[Span, ...]
    axis: int = 0
    nodes: list[fx.Node] = field(default_factory=list)


@dataclass
class Groups:
    """layouts: by node. layers: by path. size: of a group. frozen: why a group keeps its size. touched: by group, the
    nodes that write, carry or read it."""

    layouts: dict[fx.Node, Layout]
    layers: dict[str, Layer]
    size: dict[int, int]
    frozen: dict[int, str]
    touched: dict[int, list[fx.Node]]


def groups_of(traced: Traced) -> Groups:
    """The channel groups of a traced network; the image's and the result's are frozen."""
    finder = _Finder(traced)
    finder.run()
    return finder.groups()


class _Finder:
    def __init__(self, traced: Traced) -> None:
        self.traced = traced
        self.parent: list[int] = []
        self.size: list[int] = []
        self.reason: dict[int, str] = {}
        self.layouts: dict[fx.Node, Layout] = {}
        self.layers: dict[str, Layer] = {}
        self.touches: list[tuple[fx.Node, int]] = []

    def run(self) -> None:
        shape = shape_of(self.traced.image)
        assert shape is not None
        self.layouts[self.traced.image] = self.fresh(1, shape[1], "the image's own channels")
        for node in self.traced.nodes:
            layout = self.step(node)
            if layout is not None:
                self.layouts[node] = layout
            self.touches += [(node, span.group) for n in (node, *node.all_input_nodes) if n in self.layouts
                             for span in self.layouts[n].spans]
        self.freeze([self.traced.result], "the classes")

    def groups(self) -> Groups:
        spans = {layout: Layout(layout.axis, self.rooted(layout.spans)) for layout in self.layouts.values()}
        for layer in self.layers.values():
            layer.reads, layer.writes = self.rooted(layer.reads), self.rooted(layer.writes)
        touched: dict[int, dict[fx.Node, None]] = {}
        for node, group in self.touches:
            touched.setdefault(self.find(group), {})[node] = None
        return Groups({node: spans[layout] for node, layout in self.layouts.items()}, self.layers,
                      {root: self.size[root] for root in touched}, {self.find(g): why for g, why in
                                                                    reversed(self.reason.items())},
                      {root: list(nodes) for root, nodes in touched.items()})

    def rooted(self, spans: Sequence[Span]) -> tuple[Span, ...]:
        return tuple(Span(self.find(span.group), span.count, span.repeat) for span in spans)

    def find(self, group: int) -> int:
        while self.parent[group] != group:
            group = self.parent[group]
        return group

    def fresh(self, axis: int, count: int, frozen: str = "") -> Layout:
        group = len(self.parent)
        self.parent.append(group)
        self.size.append(count)
        if frozen:
            self.reason[group] = frozen
        return Layout(axis, (Span(group, count),))

    def freeze(self, nodes: Sequence[Any], why: str) -> None:
        for node in nodes:
            for span in self.layouts[node].spans if node in self.layouts else ():
                self.reason.setdefault(span.group, why)

    def unknown(self, node: fx.Node, what: str) -> Layout | None:
        """Freeze all that comes in, and what goes out."""
        line = line_of(node)
        why = f"{what}{f' ({line})' if line else ''}"
        self.freeze(node.all_input_nodes, why)
        shape = shape_of(node)
        if shape is None or len(shape) < 2:
            return None
        axis = len(shape) - 1 if len(shape) == 3 else 1  # of tokens, and of maps
        return self.fresh(axis, shape[axis], why)

    def joined(self, one: tuple[Span, ...], other: tuple[Span, ...]) -> bool:
        """Make two spans' groups the same; False where their borders differ."""
        if [(s.count, s.repeat) for s in one] != [(s.count, s.repeat) for s in other]:
            return False
        for a, b in zip(one, other, strict=True):
            first, second = sorted((self.find(a.group), self.find(b.group)))
            self.parent[second] = first
        return True

    def step(self, node: fx.Node) -> Layout | None:
        if node.op == "call_module":
            return self.module(node)
        if node.op == "get_attr":
            return None
        inputs = [n for n in node.all_input_nodes if n in self.layouts]
        if shape_of(node) is None or not inputs:
            if any(n in self.layouts for n in node.all_input_nodes) and not self.asks_shape(node):
                return self.unknown(node, f"{name_of(node)} divides its channels")
            return None
        rule = self.rule(node)
        found = rule(node) if rule else None
        return found or self.unknown(node, f"{name_of(node)} mixes its channels with others, or is not understood")

    def asks_shape(self, node: fx.Node) -> bool:
        return node.target in SHAPES or (node.target is operator.getitem and node.args[0] not in self.layouts)

    def rule(self, node: fx.Node) -> Callable[[fx.Node], Layout | None] | None:
        if node.target in (*ADDITIONS, *PRODUCTS):
            return self.pairwise
        if node.target in (torch.cat, torch.concat):
            return self.concatenated
        if node.target in MEANS:
            return self.mean
        if node.target in RESHAPES:
            return self.reshaped
        if node.target in MOVES:
            return self.moved
        return self.same if node.target in PASSING else None

    def same(self, node: fx.Node) -> Layout | None:
        layout = self.layouts[node.all_input_nodes[0]]
        before, after = shape_of(node.all_input_nodes[0]), shape_of(node)
        assert before is not None and after is not None
        kept = len(before) == len(after) and before[layout.axis] == after[layout.axis]
        return layout if kept else None

    def module(self, node: fx.Node) -> Layout | None:
        layer, path = self.traced.module(node), path_of(node)
        given = self.layouts.get(node.all_input_nodes[0])
        shape = shape_of(node)
        if given is None or shape is None or len(node.all_input_nodes) > 1:
            return self.unknown(node, f"{path}, a {type(layer).__name__}, is not understood")
        if any("." in name for name, _ in layer.named_parameters()) if layer is not None else False:
            return self.unknown(node, f"{path} has parameters of its parameters")
        if isinstance(layer, nn.Conv2d) and given.axis == 1:
            return self.conv(node, layer, path, given)
        if type(layer) is nn.Linear and given.axis == len(shape) - 1:
            return self.layer(node, path, Layer("linear", given.spans, self.fresh(given.axis, shape[-1]).spans),
                              given.axis)
        if isinstance(layer, NORMS) and given.axis == 1:
            if isinstance(layer, nn.PReLU) and layer.num_parameters == 1:
                return given
            return self.layer(node, path, Layer("norm", given.spans, given.spans), 1)
        if isinstance(layer, UNARY) or (isinstance(layer, SPATIAL) and given.axis == 1):
            return self.same(node)
        if isinstance(layer, nn.Flatten):
            return self.reshaped(node) or self.unknown(node, f"{path} mixes its channels with others")
        if isinstance(layer, nn.LayerNorm | nn.GroupNorm):
            return self.normalised(node, given, path)
        return self.unknown(node, f"{path}, a {type(layer).__name__}, is not understood")

    def normalised(self, node: fx.Node, given: Layout, path: str) -> Layout:
        """What is normalised over channels would change if some were cut."""
        self.freeze(node.all_input_nodes, f"{path} normalises over the channels")
        return given

    def conv(self, node: fx.Node, layer: nn.Conv2d, path: str, given: Layout) -> Layout | None:
        if layer.groups == 1:
            return self.layer(node, path, Layer("conv", given.spans, self.fresh(1, layer.out_channels).spans), 1)
        if layer.groups == layer.in_channels == layer.out_channels:
            return self.layer(node, path, Layer("depthwise", given.spans, given.spans), 1)
        return self.unknown(node, f"{path} has {layer.groups} groups of channels")

    def layer(self, node: fx.Node, path: str, layer: Layer, axis: int) -> Layout | None:
        """Note what a layer reads and writes; one that is called twice does so with the same groups."""
        known = self.layers.setdefault(path, layer)
        known.nodes.append(node)
        if known is not layer and not (self.joined(known.reads, layer.reads) and
                                       self.joined(known.writes, layer.writes)):
            return self.unknown(node, f"{path} is called with different channels")
        return Layout(axis, layer.writes)

    def pairwise(self, node: fx.Node) -> Layout | None:
        operands = [n for n in node.args if isinstance(n, fx.Node)]
        shape = shape_of(node)
        assert shape is not None
        first, *others = [n for n in operands if n in self.layouts]
        layout = self.layouts[first]
        if (shape_of(first) or ())[layout.axis:layout.axis + 1] != shape[layout.axis:layout.axis + 1]:
            return None
        for other in others:
            second, sizes = self.layouts[other], shape_of(other)
            if second.axis != layout.axis or sizes is None or len(sizes) != len(shape) or not self.joined(
                    layout.spans, second.spans):
                return None
        return layout if all(self.constant(n, node, layout) for n in operands if n not in self.layouts) else None

    def constant(self, tensor: fx.Node, node: fx.Node, layout: Layout) -> bool:
        """Whether a parameter beside a value goes along with its channels."""
        shape, whole = shape_of(tensor), shape_of(node)
        if tensor.op != "get_attr" or shape is None or whole is None:
            return False
        if math.prod(shape) == 1:
            return True
        axis = layout.axis - (len(whole) - len(shape))
        if axis < 0 or shape[axis] == 1:
            return True
        path = path_of(tensor)
        layer = Layer("tensor", layout.spans, layout.spans, axis, [node])
        known = self.layers.setdefault(path, layer)
        return known is layer or (known.axis == axis and self.joined(known.writes, layer.writes))

    def concatenated(self, node: fx.Node) -> Layout | None:
        tensors, axis = node.args[0], node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        if not isinstance(tensors, Sequence) or not isinstance(axis, int):
            return None
        found = [self.layouts.get(n) for n in tensors if isinstance(n, fx.Node)]
        rank = len(shape_of(node) or ())
        if any(layout is None or layout.axis != axis % rank for layout in found):
            return None
        return Layout(axis % rank, tuple(span for layout in found if layout for span in layout.spans))

    def mean(self, node: fx.Node) -> Layout | None:
        given = node.all_input_nodes[0]
        dims: Any = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
        return averaged(self.layouts[given], shape_of(given) or (), shape_of(node) or (), dims)

    def reshaped(self, node: fx.Node) -> Layout | None:
        given = node.all_input_nodes[0]
        return reshaped(self.layouts[given], shape_of(given) or (), shape_of(node) or ())

    def moved(self, node: fx.Node) -> Layout | None:
        swap = node.target in ("transpose", torch.transpose)
        return moved(self.layouts[node.all_input_nodes[0]], len(shape_of(node) or ()), list(node.args[1:]), swap=swap)


def name_of(node: fx.Node) -> str:
    target: Any = node.target
    return target if isinstance(target, str) else getattr(target, "__name__", str(target))
