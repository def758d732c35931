"""Where a traced network can be cut so that one tensor goes on, and what lies between two cuts.

Costs are sums of parts (DESIGN: elastic networks), so a width is searched only where it stays inside a part. Of the
groups of channels whose parts would overlap, as in a plain chain of convolutions, those are taken that weigh most.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import fx, nn

from edgenas.space.traced.channels import Groups
from edgenas.space.traced.trace import ADDITIONS, NORMS, UNARY, Traced, path_of, shape_of

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
