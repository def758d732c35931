"""A network as the list of operators that a runtime executes: batch norms folded, activations fused."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from edgenas.errors import UsageError

Shape = tuple[int, ...]

MARKS = {"enter_int8": True, "leave_int8": False}  # edgenas.space.int8
ALIASES = (nn.Identity, nn.Flatten, nn.Dropout)
CONVOLUTIONS = ("conv1d", "conv2d")
"""Kinds that a runtime executes together with what normalises or activates their result."""
PRODUCTS = ("matmul", "bmm", "mm")
FUSED = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid)
APART = (nn.SiLU, nn.GELU)
"""Activations that runtimes execute by themselves."""


@dataclass(frozen=True)
class Operator:
    """One executed operator.

    inputs: indices of the operators that feed it, -1 being the network's input. shape: of its output, without
    the batch dimension. macs: multiply-accumulates for one image. params: weights and biases after folding. int8:
    whether it is marked to be computed in int8 in a network of mixed precision.
    """

    kind: str
    detail: str
    inputs: tuple[int, ...]
    shape: Shape
    macs: int
    params: int
    int8: bool = False

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Network:
    """The executed operators in order, for one image of `input_shape`."""

    input_shape: Shape
    operators: tuple[Operator, ...]

    @property
    def macs(self) -> int:
        return sum(op.macs for op in self.operators)

    @property
    def params(self) -> int:
        return sum(op.params for op in self.operators)

    @property
    def peak_elements(self) -> int:
        """Largest number of activation values alive at once: an operator's inputs and output, and what waits."""
        return self.peak(lambda op: 1)

    def peak(self, size: Callable[[Operator | None], int]) -> int:
        """As `peak_elements`, with a weight for each value that an operator makes (None: the image)."""
        last_use = {i: step for step, op in enumerate(self.operators) for i in op.inputs}
        last_use[len(self.operators) - 1] = len(self.operators)
        sizes = {-1: math.prod(self.input_shape) * size(None)} | {
            i: op.elements * size(op) for i, op in enumerate(self.operators)}
        return max((sum(sizes[i] for i in range(-1, step + 1) if i == step or last_use.get(i, -1) >= step)
                    for step in range(len(self.operators))), default=0)

    @property
    def signature(self) -> str:
        """A text that is equal for networks that compute the same function of the same shape, weights aside."""
        shape = "x".join(map(str, self.input_shape))
        steps = [f"{op.kind}{'@int8' * op.int8}({','.join(map(str, op.inputs))}{'; ' if op.detail else ''}{op.detail})"
                 for op in self.operators]
        return f"{shape}: {' '.join(steps)}"

    def to_dict(self) -> dict[str, Any]:
        return {"input_shape": list(self.input_shape),
                "operators": [[op.kind, op.detail, list(op.inputs), list(op.shape), op.macs, op.params,
                               *([True] if op.int8 else [])] for op in self.operators]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Network:
        """Raises: ValueError, KeyError or TypeError for anything that `to_dict` does not write."""
        return cls(tuple(map(int, values["input_shape"])),
                   tuple(Operator(str(kind), str(detail), tuple(map(int, inputs)), tuple(map(int, shape)), int(macs),
                                  int(params), bool(int8))
                         for kind, detail, inputs, shape, macs, params, *int8 in values["operators"]))


def trace(module: nn.Module, input_shape: Shape) -> Network:
    """List the operators that `module` executes on one image of `input_shape` (no batch dimension).

    Raises: UsageError when its forward pass cannot be traced symbolically (it branches on data).
    """
    if not _is_outline(module):
        module = copy.deepcopy(module).to("meta").eval()
    try:
        graph = fx.symbolic_trace(nn.Sequential(module))  # a lone layer stays one: it is not the root
        _Shapes(graph).propagate(torch.empty(1, *input_shape, device="meta"))
    except Exception as error:
        raise UsageError(f"cannot trace {type(module).__name__} on input {input_shape}: {error}",
                         "write its forward pass without branches on data") from error
    tracer = _Lister(graph)
    return Network(input_shape, tuple(tracer.operators))


def _is_outline(module: nn.Module) -> bool:
    """Whether it has no data and computes as when it is deployed."""
    tensors = (*module.parameters(), *module.buffers())
    return all(tensor.is_meta for tensor in tensors) and not any(part.training for part in module.modules())


class _Shapes(ShapeProp):
    """Modules that keep the shape of their input are not run."""

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        kept = isinstance(self.fetch_attr(target), (nn.modules.batchnorm._BatchNorm, *FUSED, *APART))
        return args[0] if kept else super().call_module(target, args, kwargs)


class _Lister:
    """Walks an fx graph and appends an operator for every node that a runtime would execute."""

    def __init__(self, graph: fx.GraphModule) -> None:
        self.operators: list[Operator] = []
        self._int8 = False
        self._modules = dict(graph.named_modules())
        self._index: dict[fx.Node, int] = {}
        for node in graph.graph.nodes:
            if node.op == "placeholder":
                self._index[node] = -1
            elif node.op not in ("output", "get_attr"):
                self._index[node] = self._add(node)

    def _add(self, node: fx.Node) -> int:
        feeds = tuple(self._index[n] for n in node.all_input_nodes if n in self._index)
        leaf = self._modules[str(node.target)] if node.op == "call_module" else None
        if _function_name(node) in MARKS:
            self._int8 = MARKS[_function_name(node)]
            return feeds[0]
        if isinstance(leaf, ALIASES) or _function_name(node) in ("flatten", "view", "reshape", "dropout"):
            return feeds[0]
        if isinstance(leaf, nn.modules.batchnorm._BatchNorm) and self._folds(feeds[0], *CONVOLUTIONS):
            return self._fold(feeds[0], bias=leaf.num_features)
        if isinstance(leaf, FUSED) and self._folds(feeds[0], *CONVOLUTIONS, "linear"):
            return self._fuse(feeds[0], _module_kind(leaf))
        self.operators.append(replace(_operator(node, leaf, feeds), int8=self._int8))
        return len(self.operators) - 1

    def _folds(self, index: int, *kinds: str) -> bool:
        """Whether the last operator is of one of these kinds, and only the node that is looked at needs its result."""
        used_once = all(len(node.users) == 1 for node, i in self._index.items() if i == index)
        return (used_once and index == len(self.operators) - 1 >= 0 and self.operators[index].kind in kinds
                and self.operators[index].int8 == self._int8)

    def _fold(self, index: int, bias: int) -> int:
        op = self.operators[index]
        params = op.params if " bias" in op.detail else op.params + bias
        detail = op.detail if " bias" in op.detail else op.detail + " bias"
        self.operators[index] = replace(op, detail=detail, params=params)
        return index

    def _fuse(self, index: int, activation: str) -> int:
        op = self.operators[index]
        self.operators[index] = replace(op, detail=f"{op.detail} {activation}")
        return index


def _operator(node: fx.Node, leaf: nn.Module | None, feeds: tuple[int, ...]) -> Operator:
    value = node.meta.get("tensor_meta")
    shape: Shape = _elements(value) if type(value) in (tuple, list) else tuple(value.shape[1:]) if value else ()
    if leaf is None:
        constants = ",".join(str(a) for a in (*node.args, *node.kwargs.values()) if not isinstance(a, fx.Node))
        macs = _product_macs(node, shape) if _function_name(node) in PRODUCTS else 0
        return Operator(_function_name(node), constants, feeds, shape, macs, 0)
    params = sum(p.numel() for p in leaf.parameters())
    if isinstance(leaf, (nn.Conv1d, nn.Conv2d)):
        per_output = leaf.in_channels // leaf.groups * math.prod(leaf.kernel_size)
        kind = "conv2d" if isinstance(leaf, nn.Conv2d) else "conv1d"
        return Operator(kind, _conv_detail(leaf), feeds, shape, math.prod(shape) * per_output, params)
    if isinstance(leaf, nn.ConvTranspose2d):
        per_input = leaf.out_channels // leaf.groups * math.prod(leaf.kernel_size)
        read = math.prod(node.all_input_nodes[0].meta["tensor_meta"].shape[1:])
        return Operator("convtranspose2d", _conv_detail(leaf), feeds, shape, read * per_input, params)
    if isinstance(leaf, nn.Linear):
        detail = f"{leaf.in_features}->{leaf.out_features}{' bias' if leaf.bias is not None else ''}"
        return Operator("linear", detail, feeds, shape, math.prod(shape) * leaf.in_features, params)
    return Operator(_module_kind(leaf), leaf.extra_repr(), feeds, shape, 0, params)


def _elements(values: Any) -> Shape:
    """Of several tensors, as a chunk gives them: how many elements they have together."""
    return (sum(math.prod(value.shape[1:]) for value in values if hasattr(value, "shape")),)


def _product_macs(node: fx.Node, shape: Shape) -> int:
    """Of a product of matrices: each value of the result is a sum over the first factor's last dimension."""
    first = node.args[0]
    return math.prod(shape) * int(first.meta["tensor_meta"].shape[-1]) if isinstance(first, fx.Node) else 0


def _conv_detail(conv: nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d) -> str:
    kernel = "x".join(map(str, conv.kernel_size))
    detail = (f"{conv.in_channels}->{conv.out_channels} k{kernel} s{_pair(conv.stride)} p{_pair(conv.padding)} "
              f"g{conv.groups}")
    if max(conv.dilation) > 1:
        detail += f" d{_pair(conv.dilation)}"
    return detail + (" bias" if conv.bias is not None else "")


def _pair(values: tuple[int, ...] | str) -> str:
    """`1` for (1, 1), `1x2` for (1, 2), and a text such as `same` as it is."""
    return values if isinstance(values, str) else "x".join(map(str, values if len(set(values)) > 1 else values[:1]))


def _module_kind(module: nn.Module) -> str:
    return type(module).__name__.lower()


def _function_name(node: fx.Node) -> str:
    target: Any = node.target
    return target if isinstance(target, str) else getattr(target, "__name__", str(target))


def example_input(shape: Shape, generator: torch.Generator | None = None) -> Tensor:
    """One standard-normal image of `shape`, with the batch dimension."""
    return torch.randn(1, *shape, generator=generator)
