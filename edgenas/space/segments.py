"""Where a traced network can be cut so that one tensor goes on, and what lies between two cuts.

Costs are sums of parts (DESIGN: elastic networks), so a width is searched only where it stays inside a part. Of the
groups of channels whose parts would overlap, as in a plain chain of convolutions, those are taken that weigh most.
"""

from __future__ import annotations

import copy
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from edgenas.space.channels import Groups, Layer, Span
from edgenas.space.trace import ADDITIONS, NORMS, UNARY, Traced, path_of, shape_of

Kept = Mapping[int, Tensor]
"""By group, the indices of the channels that are kept."""
STREAM = "it is the stream that several residual blocks add to: their costs would all hang on it"
COUPLED = "a layer would hang on two widths at once: that of {other} is searched"
SMALL = "it is too narrow to be cut"
FEWEST = 8  # channels of a group that can be cut


@dataclass(frozen=True, eq=False)
class Segment:
    """nodes: what is computed from the value of `start`, the last of them being the segment's result. groups: those
    inside that can be cut. skip: the addition of the segment's own input to all else, where there is one."""

    start: fx.Node
    nodes: tuple[fx.Node, ...]
    groups: tuple[int, ...] = ()
    skip: fx.Node | None = None

    @property
    def layers(self) -> list[str]:
        return [path_of(node) for node in self.nodes if node.op == "call_module"]

    @property
    def branch(self) -> fx.Node | None:
        """What the addition adds to the input."""
        operands = self.skip.args[:2] if self.skip is not None else ()
        return next((n for n in operands if isinstance(n, fx.Node) and n is not self.start), None)

    @property
    def tail(self) -> list[fx.Node]:
        """What comes after the addition."""
        return list(self.nodes[self.nodes.index(self.skip) + 1:]) if self.skip is not None else []


def segments_of(traced: Traced, groups: Groups) -> tuple[list[Segment], dict[int, str]]:
    """The network as segments in order, and why groups that nothing else froze keep their size."""
    cuts = clean_cuts(traced)
    order = {node: i for i, node in enumerate([traced.image, *traced.nodes])}
    positions = [order[cut] for cut in cuts]
    atoms = [list(traced.nodes[a:b]) for a, b in zip(positions, positions[1:], strict=False)]
    refused: dict[int, str] = {}
    spans: dict[int, tuple[int, int]] = {}
    for group, touched in groups.touched.items():
        where = [order[node] for node in touched if node in order and node.op != "get_attr"]
        span = bisect_left(positions, min(where)) - 1, bisect_left(positions, max(where))
        if group in groups.frozen:
            continue
        if groups.size[group] < FEWEST:
            refused[group] = SMALL
        elif span[1] - span[0] > 1 and is_stream(touched, groups, group):
            refused[group] = STREAM
        else:
            spans[group] = span
    chosen = most_weight(spans, cuts, atoms, traced, groups)
    for group, (i, j) in spans.items():
        if not any(a <= i and j <= b for a, b in chosen):
            other = next((g for g, (a, b) in spans.items() if (a, b) in chosen and a < j and i < b), None)
            refused[group] = COUPLED.format(other=written(groups, other)) if other is not None else STREAM
    return [*_segments(cuts, atoms, spans, chosen)], refused


def _segments(cuts: Sequence[fx.Node], atoms: Sequence[list[fx.Node]], spans: Mapping[int, tuple[int, int]],
              chosen: Sequence[tuple[int, int]]) -> list[Segment]:
    """The chosen ones; removable ones; and all that is between, as few as may be."""
    found: list[Segment] = []
    ends = dict(chosen)
    fixed: list[fx.Node] = []
    begin, i = 0, 0
    while i < len(atoms):
        j = ends.get(i, i + 1)
        nodes = tuple(node for atom in atoms[i:j] for node in atom)
        groups = tuple(g for g, (a, b) in spans.items() if i <= a and b <= j and i in ends)
        segment = Segment(cuts[i], nodes, groups, skip_of(cuts[i], nodes) if j == i + 1 else None)
        if groups or segment.skip is not None:
            found += [Segment(cuts[begin], tuple(fixed))] if fixed else []
            found.append(segment)
            fixed, begin = [], j
        else:
            fixed += nodes
        i = j
    return [*found, *([Segment(cuts[begin], tuple(fixed))] if fixed else [])]


def clean_cuts(traced: Traced) -> list[fx.Node]:
    """The values, from the image to the result, from which alone all that follows is computed. None is between a layer
    and the norm or activation that belongs to it, nor between two calls of one layer."""
    order = {node: i for i, node in enumerate([traced.image, *traced.nodes])}
    crossed = [0] * (len(order) + 1)

    def forbid(first: int, last: int) -> None:
        if first <= last:
            crossed[first] += 1
            crossed[last + 1] -= 1

    calls: dict[int, list[int]] = {}
    for node, position in order.items():
        users = [order[user] for user in node.users if user in order]
        if node.op == "get_attr":
            calls.setdefault(id(traced.tensors.get(path_of(node), node)), []).extend(users)
        elif users:
            forbid(position + 1, max(users) - 1)
        layer = traced.module(node)
        for parameter in layer.parameters() if layer is not None else ():
            calls.setdefault(id(parameter), []).append(position)
    for places in calls.values():
        forbid(min(places, default=1), max(places, default=0) - 1)
    nodes, found, depth = list(order), [], 0
    for position, node in enumerate(nodes):
        depth += crossed[position]
        if not depth and shape_of(node) is not None and node.op != "get_attr" and not _belongs(traced, node):
            found.append(node)
    return found


def _belongs(traced: Traced, node: fx.Node) -> bool:
    """Whether only a norm or an activation comes next."""
    users = list(node.users)
    layer = traced.module(users[0]) if len(users) == 1 and users[0].op == "call_module" else None
    return isinstance(layer, (*NORMS, *UNARY))


def is_stream(touched: Sequence[fx.Node], groups: Groups, group: int) -> bool:
    """Whether a sum in it has an operand that is of use elsewhere too, as x + f(x) has."""
    return any(node.target in ADDITIONS and any(
        len(n.users) > 1 and n in groups.layouts and any(s.group == group for s in groups.layouts[n].spans)
        for n in node.all_input_nodes) for node in touched)


def skip_of(start: fx.Node, nodes: Sequence[fx.Node]) -> fx.Node | None:
    """The addition of the input to what is computed from it, if only activations come after it."""
    sums = [n for n in nodes if n.target in ADDITIONS and start in n.args[:2] and shape_of(n) == shape_of(start)
            and all(isinstance(a, fx.Node) and shape_of(a) == shape_of(start) for a in n.args[:2])
            and n.args[0] is not n.args[1] and not n.kwargs and len(n.args) == 2]
    after = nodes[nodes.index(sums[-1]) + 1:] if sums else ()
    plain = all(n.op == "call_module" and len(n.args) == 1 for n in after)
    return sums[-1] if sums and plain and all(_is_unary(n) for n in after) else None


def _is_unary(node: fx.Node) -> bool:
    owner: nn.Module = node.graph.owning_module  # type: ignore[assignment]
    return isinstance(owner.get_submodule(str(node.target)), UNARY)


def most_weight(spans: Mapping[int, tuple[int, int]], cuts: Sequence[fx.Node], atoms: Sequence[Sequence[fx.Node]],
                traced: Traced, groups: Groups) -> list[tuple[int, int]]:
    """Intervals of cuts, none of which overlap, that weigh most together: weighted interval scheduling.

    A group weighs the multiply-accumulates of the layers that it makes smaller, and a little more if it is wide, as
    wide ones have more to spare; less where several branching parts would become one.
    """
    branching = [any(len(node.users) > 1 for node in [cut, *atom[:-1]]) for cut, atom in zip(cuts, atoms, strict=False)]
    weight: dict[tuple[int, int], float] = {}
    for group, span in spans.items():
        worth = sum(macs(traced, node) for node in groups.touched[group]) * groups.size[group] ** 0.25
        weight[span] = weight.get(span, 0.0) + worth / max(1, sum(branching[span[0]:span[1]]))
    best: list[tuple[float, list[tuple[int, int]]]] = [(0.0, [])]
    for end in range(1, len(atoms) + 1):
        options = [best[end - 1], *((best[a][0] + worth, [*best[a][1], (a, b)])
                                    for (a, b), worth in weight.items() if b == end)]
        best.append(max(options, key=lambda option: option[0]))
    return best[-1][1]


def macs(traced: Traced, node: fx.Node) -> int:
    """Multiply-accumulates of a layer for one image."""
    layer, shape = traced.module(node), shape_of(node)
    if not isinstance(layer, nn.Conv2d | nn.Linear) or shape is None:
        return 0
    return math.prod(shape[1:]) * math.prod(layer.weight.shape[1:])


def written(groups: Groups, group: int) -> str:
    """The layers that write a group."""
    names = [path for path, layer in groups.layers.items() if layer.kind in ("conv", "linear")
             and any(span.group == group for span in layer.writes)]
    return ", ".join(names) or f"group {group}"


def module_of(traced: Traced, layers: Mapping[str, Layer], segment: Segment, kept: Kept) -> nn.Module:
    """The segment as a module of its own, with the kept channels alone; a copy, with the network's weights.

    Its layers are named within the module that they share, so that blocks of one structure are of one structure.
    """
    graph = fx.Graph()
    values = {segment.start: graph.placeholder("x")}
    needed: dict[str, nn.Module | Tensor] = {}
    shared = shared_path([path_of(node) for node in segment.nodes if node.op in ("call_module", "get_attr")])
    for node in segment.nodes:
        target = node.target
        if node.op in ("call_module", "get_attr"):
            path = path_of(node)
            target = path.removeprefix(shared)
            if target not in needed:
                whole = traced.modules[path] if node.op == "call_module" else traced.tensors[path]
                needed[target] = sliced(whole, layers.get(path), kept)
        values[node] = graph.create_node(node.op, target, fx.node.map_arg(node.args, values.__getitem__),
                                         fx.node.map_arg(node.kwargs, values.__getitem__))
    graph.output(values[segment.nodes[-1]])
    return fx.GraphModule(needed, graph)


def shared_path(paths: Sequence[str]) -> str:
    """`body.0.` of body.0.conv and body.0.norm; empty where they share none."""
    shared = paths[0].split(".")[:-1] if paths else []
    while shared and not all(path.startswith(".".join([*shared, ""])) for path in paths):
        shared.pop()
    return ".".join([*shared, ""]) if shared else ""


def positions(spans: Sequence[Span], kept: Kept) -> Tensor:
    """Where the kept channels of a value are."""
    found, offset = [], 0
    for span in spans:
        index = kept.get(span.group, torch.arange(span.count))
        found.append((offset + index[:, None] * span.repeat + torch.arange(span.repeat)).flatten())
        offset += span.count * span.repeat
    return torch.cat(found)


def sliced(whole: nn.Module | Tensor, layer: Layer | None, kept: Kept) -> nn.Module | Tensor:
    """A copy of a layer or parameter with the kept channels alone."""
    small = copy.deepcopy(whole)
    if isinstance(small, nn.Module):
        _as_plain(small)
    if layer is None or not any(span.group in kept for span in (*layer.reads, *layer.writes)):
        return small
    reads, writes = positions(layer.reads, kept), positions(layer.writes, kept)
    if isinstance(small, Tensor):
        cut = small.detach().index_select(layer.axis, writes)
        return nn.Parameter(cut) if isinstance(small, nn.Parameter) else cut
    for name, tensor in [*small.named_parameters(), *small.named_buffers()]:
        if tensor.ndim:
            part = tensor.detach()[writes]
            part = part[:, reads] if tensor.ndim > 1 and layer.kind in ("conv", "linear") else part
            setattr(small, name, nn.Parameter(part.clone()) if isinstance(tensor, nn.Parameter) else part.clone())
    _resized(small, len(reads), len(writes))
    return small


def _resized(module: nn.Module, reads: int, writes: int) -> None:
    """What a layer says of its own size."""
    if isinstance(module, nn.Conv2d):
        module.groups = writes if module.groups > 1 else 1
        module.in_channels, module.out_channels = reads, writes
    elif isinstance(module, nn.Linear):
        module.in_features, module.out_features = reads, writes
    elif isinstance(module, nn.PReLU):
        module.num_parameters = writes
    else:
        module.num_features = writes  # type: ignore[assignment]


def _as_plain(module: nn.Module) -> None:
    """A class that a user derived of a layer, whose forward pass it left alone, becomes that layer."""
    kind = type(module)
    while not kind.__module__.startswith("torch."):
        kind = kind.__mro__[1]
    module.__class__ = kind
