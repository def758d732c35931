"""Nodes of an ONNX graph that a runtime executes as one: activations and norms that exporters write out in many."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from edgenas.cost.onnx.nodes import hard_swishes
from edgenas.cost.onnx.values import Values

TOLERANCE = 1e-3

Found = tuple[Any, list[Any]]
"""What stands for several nodes, and these, the last of them last."""


def joined(nodes: list[Any], values: Values) -> list[Any]:
    """The nodes with one LayerNormalization, Gelu, QuickGelu (x times its sigmoid) or HardSwish for those of each."""
    nodes = hard_swishes(nodes)
    for find in (_layer_norms, _gelus, _silus):
        nodes = _joined(nodes, values, find)
    return nodes


class _Graph:
    def __init__(self, nodes: list[Any], values: Values) -> None:
        self.nodes, self.values = nodes, values
        self.makers = {name: node for node in nodes for name in node.output}
        self.uses = Counter(name for node in nodes for name in node.input)
        self.users: dict[str, Any] = {name: node for node in nodes for name in node.input}

    def made_by(self, name: str, *types: str) -> Any | None:
        node = self.makers.get(name)
        return node if node is not None and node.op_type in types else None

    def only_user(self, node: Any, *types: str) -> Any | None:
        """The node of one of these types that alone takes what `node` gives, None if there is none."""
        user = self.users.get(node.output[0])
        return user if self.uses[node.output[0]] == 1 and user is not None and user.op_type in types else None

    def number(self, node: Any) -> float | None:
        """The constant of one element among what a node takes."""
        return next((found for name in node.input if self.values.is_constant(name)
                     and (found := self.values.scalar(name)) is not None), None)

    def is_about(self, node: Any, number: float) -> bool:
        found = self.number(node)
        return found is not None and math.isclose(found, number, rel_tol=TOLERANCE)

    def varied(self, node: Any) -> list[str]:
        """What a node takes that is no constant."""
        return [name for name in node.input if name and not self.values.is_constant(name)]


def _joined(nodes: list[Any], values: Values, find: Callable[[_Graph], Iterator[Found]]) -> list[Any]:
    instead: dict[str, Any] = {}
    gone: set[str] = set()
    for node, parts in find(_Graph(nodes, values)):
        instead[parts[-1].output[0]] = node
        gone |= {part.output[0] for part in parts[:-1]}
    return [instead.get(node.output[0], node) for node in nodes if node.output[0] not in gone]


def _silus(graph: _Graph) -> Iterator[Found]:
    for gate in (node for node in graph.nodes if node.op_type == "Sigmoid"):
        product = graph.only_user(gate, "Mul")
        if product is not None and gate.input[0] in product.input:
            yield _one("QuickGelu", [gate.input[0]], product), [gate, product]


def _gelus(graph: _Graph) -> Iterator[Found]:
    """x · ½ · (1 + erf(x / √2)), in whatever order the products are."""
    for erf in (node for node in graph.nodes if node.op_type == "Erf"):
        scaled, plus = graph.made_by(erf.input[0], "Div", "Mul"), graph.only_user(erf, "Add")
        product = graph.only_user(plus, "Mul") if plus is not None and graph.is_about(plus, 1.0) else None
        root = math.sqrt(2.0) if scaled is not None and scaled.op_type == "Div" else math.sqrt(0.5)
        if scaled is None or product is None or graph.uses[erf.input[0]] != 1 or not graph.is_about(scaled, root):
            continue
        source = graph.varied(scaled)[0]
        if source in product.input:
            half = graph.only_user(product, "Mul")
            last, before = [half] if half is not None and graph.is_about(half, 0.5) else [], list[Any]()
        else:
            halved = next((node for name in product.input if (node := graph.made_by(name, "Mul")) is not None), None)
            fits = halved is not None and graph.varied(halved) == [source] and graph.is_about(halved, 0.5)
            last, before = ([product], [halved]) if fits else ([], [])
        if last:
            parts = [scaled, erf, plus, *before, *([product] if last != [product] else [])]
            yield _one("Gelu", [source], last[0]), [*parts, *last]


def _layer_norms(graph: _Graph) -> Iterator[Found]:
    """(x - mean) / √(mean of squares + ε), with its scale and shift where they follow."""
    for root in (node for node in graph.nodes if node.op_type == "Sqrt"):
        plus = graph.made_by(root.input[0], "Add")
        squares = graph.varied(plus) if plus is not None else []
        mean = graph.made_by(squares[0], "ReduceMean") if len(squares) == 1 else None
        square = graph.made_by(mean.input[0], "Pow", "Mul") if mean is not None else None
        centred = graph.made_by(square.input[0], "Sub") if square is not None else None
        middle = graph.made_by(centred.input[1], "ReduceMean") if centred is not None else None
        quotient = graph.only_user(root, "Div")
        if centred is None or middle is None or quotient is None or middle.input[0] != centred.input[0] or (
                quotient.input[0] != centred.output[0]):
            continue
        parts, constants = [middle, centred, square, mean, plus, root, quotient], []
        for kind in ("Mul", "Add"):
            after = graph.only_user(parts[-1], kind)
            if after is not None and len(graph.varied(after)) == 1:
                parts.append(after)
                constants += [name for name in after.input if graph.values.is_constant(name)]
        yield _one("LayerNormalization", [centred.input[0], *constants], parts[-1]), parts


def _one(kind: str, inputs: list[str], last: Any) -> Any:
    from onnx import helper
    return helper.make_node(kind, inputs, [last.output[0]], name=last.name)
