"""Any ONNX file as the operators that a runtime executes: constants and batch norms folded, activations fused."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgenas.cost.network import CONVOLUTIONS, Network, Operator
from edgenas.cost.onnx.counting import macs, weights
from edgenas.cost.onnx.file import read_plain
from edgenas.cost.onnx.joined import joined
from edgenas.cost.onnx.nodes import NAME, Bounds, activation_of, bounds_of, operator_of
from edgenas.cost.onnx.tensors import is_quantised
from edgenas.cost.onnx.values import Values, attributes, check_control, title
from edgenas.cost.onnx.worker import TYPES
from edgenas.text import one_line

ALIASES = {"Identity", "Dropout", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Cast", "QuantizeLinear",
           "DequantizeLinear"}
ACTIVATED = (*CONVOLUTIONS, "linear")
"""Kinds that an activation becomes part of."""
APART = ("gelu", "silu")
"""Activations that runtimes execute by themselves."""
COMPUTING = ("Conv", "ConvTranspose", "Gemm", "MatMul")
UNBIASED = re.compile(r"\d+->\d+")


@dataclass(frozen=True)
class Named:
    """A network, and what the file tells of it.

    names: the file's own for each operator. precision: fp32, fp16, bf16, fp64, int8, or mixed: int8 in part; several
    floating-point types are joined by "+". params: weights and biases, shared ones once. not_counted: operators whose
    multiply-accumulates are not in the network's, by name.
    """

    network: Network
    names: tuple[str, ...]
    precision: str
    params: int
    not_counted: tuple[str, ...]


def read_onnx(path: Path) -> Named:
    """The operators of an ONNX file, of the kinds and with the details that `operators.trace` gives them.

    Operators of a kind that edgenas knows nothing of bear their ONNX name in lower case. Shapes are full ones without
    a leading batch of 1; of several maps inside a network, channels come before their number.

    Raises: UsageError for a file that is no valid ONNX model, that has not one input of fixed shape and batch 1, or
    that decides while it runs what it computes.
    """
    return network_of(read_plain(path), path)


def network_of(model: Any, path: Path) -> Named:
    """As `read_onnx`, of a model that `onnx_worker.plain` made."""
    check_control(model.graph, path)
    reader = _Reader(model.graph, Values(model.graph, path))
    reader.read()
    types: list[str] = next((entry.value.split() for entry in model.metadata_props if entry.key == TYPES), [])
    precision, operators = _precision(types, reader.operators)
    shape = reader.values.shape(model.graph.input[0].name)[1:]
    return Named(Network(shape, operators), tuple(reader.names), precision, sum(reader.learned.values()),
                 tuple(reader.not_counted))


def _precision(types: list[str], operators: list[Operator]) -> tuple[str, tuple[Operator, ...]]:
    """In one word, and the operators: marked as int8 only where others are not."""
    if "int8" not in types:
        return "+".join(types) or "fp32", tuple(replace(op, int8=False) for op in operators)
    if all(op.int8 for op in [op for op in operators if op.macs] or operators):
        return "int8", tuple(replace(op, int8=False) for op in operators)
    return "mixed", tuple(operators)


@dataclass
class _Reader:
    """Walks a graph's nodes, which are in the order of execution, and appends the operators that remain of them.

    index: of the operator that makes a value. roots: of a value that is another one in another shape, that one. uses:
    how many nodes and outputs need a value, by its root. int8: values that were int8 before they were given. learned:
    sizes of the weights by name. bounds: of operators that end in a clipping.
    """

    graph: Any
    values: Values
    operators: list[Operator] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    not_counted: list[str] = field(default_factory=list)
    index: dict[str, int] = field(default_factory=dict)
    roots: dict[str, str] = field(default_factory=dict)
    learned: dict[str, int] = field(default_factory=dict)
    bounds: dict[int, Bounds] = field(default_factory=dict)

    def read(self) -> None:
        self.index[self.graph.input[0].name] = -1
        executed = []
        for node in joined(list(self.graph.node), self.values):
            if all(self.values.is_constant(name) for name in node.input if name):
                self.values.derive(node)
            elif self._is_alias(node):
                self.roots[node.output[0]] = self._root(node.input[0])
            else:
                executed.append(node)
        self.int8 = {name for node in self.graph.node if node.op_type == "DequantizeLinear" for name in node.output}
        self.uses = Counter(self._root(item.name) for item in self.graph.output)
        self.uses.update(self._root(name) for node in executed for name in node.input)
        for node in executed:
            self._take(node)

    def _root(self, name: str) -> str:
        return self.roots.get(name, name)

    def _source(self, name: str) -> int | None:
        return self.index.get(self._root(name))

    def _is_alias(self, node: Any) -> bool:
        """Whether a node moves no data: its first result is its first input, in another shape."""
        if self.values.is_constant(node.input[0]):
            return False
        if node.op_type != "Transpose":
            return node.op_type in ALIASES
        shape = self.values.shape(node.input[0])
        order = attributes(node).get("perm", range(len(shape))[::-1])
        moved = [axis for axis in order if shape[axis] != 1]
        return moved == sorted(moved)

    def _take(self, node: Any) -> None:
        feeds = tuple(index for name in node.input if (index := self._source(name)) is not None)
        fused = self._fused(node, feeds)
        if fused is not None:
            self.index[node.output[0]] = fused
            return
        given = [name for name in node.output if name]
        name = title(node)
        for place, output in enumerate([output for output in given if output in self.uses] or given[:1]):
            operator = replace(operator_of(node, output, feeds, self.values), int8=self._is_int8(node))
            self.operators.append(replace(operator, macs=0, params=0) if place else operator)
            label = node.name or f"{node.op_type}_{len(self.names)}"
            self.names.append(one_line(f"{label}:{place}" if place else label, NAME))
            self.index[output] = len(self.operators) - 1
        for weight in weights(node, self.values):
            self._learn(weight)
        if macs(node, self.values) is None:
            self.not_counted.append(one_line(name.removeprefix("the operator "), NAME))
        if bounds := bounds_of(node, self.values):
            self.bounds[len(self.operators) - 1] = bounds

    def _is_int8(self, node: Any) -> bool:
        if is_quantised(node):
            return True
        fed = [name for name in node.input if self._source(name) is not None]
        return all(name in self.int8 for name in (*fed, *(node.input[1:2] if node.op_type in COMPUTING else ())))

    def _fused(self, node: Any, feeds: tuple[int, ...]) -> int | None:
        """The operator that a node becomes part of, None where it is one of its own."""
        source = next((self._root(name) for name in node.input if self._source(name) is not None), "")
        if len(feeds) != 1 or feeds[0] != len(self.operators) - 1 or feeds[0] < 0 or self.uses[source] != 1:
            return None
        index, last = feeds[0], self.operators[feeds[0]]
        if node.op_type == "BatchNormalization" and last.kind in CONVOLUTIONS:
            return self._with_bias(index, node.input[2])
        if node.op_type == "Add" and last.kind == "linear" and self._is_bias(node, last):
            return self._with_bias(index, next(name for name in node.input if self.values.is_constant(name)))
        return self._activated(node, index)

    def _activated(self, node: Any, index: int) -> int | None:
        last, bounds = self.operators[index], bounds_of(node, self.values)
        if bounds and index in self.bounds and (last.kind in ACTIVATED or node.op_type in ("Max", "Min")):
            return self._clipped(index, self.bounds[index].within(bounds))
        activation = activation_of(node, self.values)
        if activation is None or activation in APART or last.kind not in ACTIVATED:
            return None
        if bounds:
            self.bounds[index] = bounds
        return self._replace(index, detail=f"{last.detail} {activation}")

    def _clipped(self, index: int, bounds: Bounds) -> int:
        """What ends in a clipping already, clipped further."""
        last, before = self.operators[index], self.bounds[index].name
        self.bounds[index] = bounds
        if last.kind in ACTIVATED:
            return self._replace(index, detail=last.detail.removesuffix(before) + bounds.name)
        return self._replace(index, kind=bounds.name)

    def _with_bias(self, index: int, name: str) -> int:
        last, channels = self.operators[index], math.prod(self.values.shape(name))
        if " bias" in last.detail:
            return index
        self._learn(name)
        return self._replace(index, detail=f"{last.detail} bias", params=last.params + channels)

    def _learn(self, name: str) -> None:
        """Weights that are used again are the same ones; of biases, exporters merge those that happen to be equal."""
        shape = self.values.shape(name)
        self.learned[self.values.origin[name] if len(shape) > 1 else f"{name}:{len(self.learned)}"] = math.prod(shape)

    def _is_bias(self, node: Any, last: Operator) -> bool:
        other = next(name for name in node.input if self.values.is_constant(name))
        shape = self.values.shape(other)
        return bool(UNBIASED.fullmatch(last.detail)) and shape[-1:] == last.shape[-1:] == (math.prod(shape),)

    def _replace(self, index: int, **changes: Any) -> int:
        self.operators[index] = replace(self.operators[index], **changes)
        return index
