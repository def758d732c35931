"""A module as a list of operators of the direct exporters' vocabulary."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx, nn

from edgenas.export.ir.ops import Lowered, Op, Round
from edgenas.export.ir.tidying import tidy
from edgenas.export.ir.vocabulary import FUNCTIONS, METHODS, MODULES, OutsideError, Ref

# float32 has 7 digits; folding and another order of sums lose about 2 of them.
TOLERANCE = 1e-4


class NotLoweredError(Exception):
    """The module is outside the vocabulary; the message says why and names the operator where one is to blame."""


def lower(module: nn.Module, example: Tensor, *, mixed: bool = False) -> Lowered:
    """The operators that `module`, in eval mode, executes on `example` (1, ...) float32.

    Batch normalisation is folded into convolutions in float64; ReLU and ReLU6 are fused into the operator before.
    mixed: for a file of mixed precision; marks of blocks in int8 (edgenas.space.int8) mean nothing otherwise.
    The result was run on `example` and computes what the module computes.

    Raises: NotLoweredError.
    """
    with torch.no_grad():
        return _lowered(module, example, mixed)


def _lowered(module: nn.Module, example: Tensor, mixed: bool) -> Lowered:
    root = nn.Sequential(module)  # a lone layer stays one: it is not the root
    try:
        # Wrapping `math`, as is the default, takes longer than the tracing.
        graph = fx.Tracer(autowrap_modules=()).trace(root)  # type: ignore[arg-type]
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise NotLoweredError(f"its forward pass cannot be traced symbolically: {reason}") from error
    lowering = _Lowering(root, example, mixed)
    for node in graph.nodes:
        lowering.take(node)
    try:
        result = tidy(lowering.lowered())
    except OutsideError as error:
        raise NotLoweredError(str(error)) from None
    _check(result, module, example)
    return result


class _Lowering:
    """Walks an fx graph. Each value is computed on the example as it comes, which tells its shape."""

    def __init__(self, root: nn.Module, example: Tensor, mixed: bool) -> None:
        self._root, self._mixed = root, mixed
        self.int8 = False
        self._found: dict[fx.Node, Any] = {}  # a Ref, or what is no tensor, such as a size
        self._values = [example]
        self._ops: list[Op] = []
        self._output = 0

    def take(self, node: fx.Node) -> None:
        if node.op == "placeholder":
            self._found[node] = Ref(0, tuple(self._values[0].shape))
        elif node.op == "output":
            (made,) = self._known(node.args)
            if not isinstance(made, Ref):
                raise NotLoweredError("its output is not one tensor")
            self._output = made.index
        else:
            self._found[node] = self._result(node)

    def add(self, op: type[Op], *refs: Ref, **fields: Any) -> Ref:
        if not all(isinstance(ref, Ref) for ref in refs):
            raise OutsideError
        if op is Round and not (self._mixed and self._is_float(refs[0])):
            return refs[0]
        made = op(inputs=tuple(ref.index for ref in refs), output=len(self._values), int8=self.int8 and self._mixed,
                  **fields)
        value = made.run(*(self._values[index] for index in made.inputs))
        self._ops.append(made)
        self._values.append(value)
        return Ref(made.output, tuple(value.shape))

    def lowered(self) -> Lowered:
        return Lowered({index: tuple(value.shape) for index, value in enumerate(self._values)}, tuple(self._ops),
                       self._output, self._mixed)

    def _is_float(self, ref: Ref) -> bool:
        return not any(op.output == ref.index and op.int8 for op in self._ops)

    def _result(self, node: fx.Node) -> Any:
        leaf = self._root.get_submodule(str(node.target)) if node.op == "call_module" else None
        table: dict[Any, Any] = {"call_function": FUNCTIONS, "call_method": METHODS, "call_module": MODULES}.get(
            node.op, {})
        rule = table.get(node.target if leaf is None else type(leaf))
        arguments = (*(() if leaf is None else (leaf,)), *self._known(node.args))
        try:
            if rule is None:
                raise OutsideError
            return rule(self, *arguments, **self._known(node.kwargs))
        except (OutsideError, TypeError):  # TypeError: arguments that the rule does not know
            name = _name(node) if leaf is None else str(leaf)
            raise NotLoweredError(f"operator {name} is outside the vocabulary") from None

    def _known(self, arguments: Any) -> Any:
        return fx.node.map_arg(arguments, lambda node: self._found[node])


def _name(node: fx.Node) -> str:
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))


def _check(lowered: Lowered, module: nn.Module, example: Tensor) -> None:
    """Hooks, in-place changes of a tensor that is used again and the like are not in the traced graph."""
    expected = module(example)
    *_, (_, found) = lowered.run(example)
    if found.shape != expected.shape:
        raise NotLoweredError("what was traced has another output shape than the module")
    allowed = TOLERANCE * max(float(expected.abs().max()), 1e-6)
    if not float((found - expected).abs().max()) <= allowed:
        raise NotLoweredError("what was traced computes something else than the module")
