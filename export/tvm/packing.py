"""Relax programs rewritten to keep channels in lanes (see tvm_kernels.py) from the first convolution to the last layer.

Operators without a rule here (tvm_packing_rules.py) are left as they were, on plain tensors; what changes between the
two layouts is a kernel of its own, and there is one only where a rule ends.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgenas.export.tvm import kernels as tvm_kernels
from edgenas.export.tvm.machine import Machine

Rules = Mapping[str, Callable[["Packing", Any], Any]]
"""By the name of a Relax operator: the call rewritten, or None where the rule does not apply."""


@dataclass(frozen=True)
class Packed:
    """`value`: (1, blocks, height, width, lanes); `shape`: what it stands for, (1, channels, height, width) or, of
    one pixel, (1, channels)."""

    value: Any
    shape: tuple[int, ...]

    @property
    def lanes(self) -> int:
        return int(self.value.ty.shape[4])

    @property
    def channels(self) -> int:
        return self.shape[1]


def pack(module: Any, machine: Machine, rules: Rules) -> Any:
    """The module with its `main` rewritten; it has one block and its weights inside. rules: by operator's name."""
    import tvm
    from tvm import relax
    main = module["main"]
    builder = relax.BlockBuilder(tvm.IRModule({name: function for name, function in module.functions.items()
                                               if name.name_hint != "main"}))
    packing = Packing(builder, machine, rules)
    params = [relax.Var(param.name, param.ty) for param in main.params]
    packing.values.update(zip(main.params, params, strict=True))
    with builder.function("main", params, attrs=dict(main.attrs or {})):
        with builder.dataflow():
            for block in main.body.blocks:
                for binding in block.bindings:
                    packing.values[binding.var] = packing.bound(binding.value)
            output = builder.emit_output(packing.plain(packing.known(main.body.body)))
        builder.emit_func_output(output)
    made: tvm.IRModule = builder.finalize()
    return relax.transform.DeadCodeElimination()(made)


@dataclass
class Packing:
    """Walks a function. A value is a Packed, a plain expression or a tuple of these."""

    builder: Any
    machine: Machine
    rules: Rules
    values: dict[Any, Any] = field(default_factory=dict)

    def bound(self, expression: Any) -> Any:
        from tvm import ir, relax

        if not isinstance(expression, relax.Call):
            return self.known(expression)
        name = expression.op.name.removeprefix("relax.") if isinstance(expression.op, ir.Op) else ""
        if name in self.rules and (made := self.rules[name](self, expression)) is not None:
            return made
        arguments = [self.plain(self.known(argument)) for argument in expression.args]
        return self.builder.emit(relax.Call(expression.op, arguments, expression.attrs, expression.ty_args))

    def known(self, expression: Any) -> Any:
        from tvm import relax
        if isinstance(expression, relax.Tuple):
            return tuple(self.known(part) for part in expression.fields)
        if isinstance(expression, relax.TupleGetItem):
            value = self.known(expression.tuple_value)
            return value[expression.index] if isinstance(value, tuple) else self.builder.emit(
                relax.TupleGetItem(value, expression.index))
        return self.values[expression] if isinstance(expression, relax.Var) else expression

    def plain(self, value: Any) -> Any:
        """As an expression of the shape that it stands for."""
        from tvm import relax
        if isinstance(value, tuple):
            return relax.Tuple([self.plain(part) for part in value])
        if not isinstance(value, Packed):
            return value
        if value.lanes != 1:
            value = self.emit(tvm_kernels.plain, value.shape, value.value, name="plain", channels=value.channels)
        return self.builder.emit(relax.op.reshape(value.value, value.shape))

    def spread(self, value: Any) -> Packed:
        """As it is, or a plain tensor in one lane."""
        from tvm import relax
        if isinstance(value, Packed):
            return value
        shape = tuple(int(size) for size in value.ty.shape)
        unit = (1,) * (5 - len(shape))
        return Packed(self.builder.emit(relax.op.reshape(value, (*shape, *unit))), shape)

    def in_lanes(self, value: Any, lanes: int) -> Packed:
        """With so many lanes."""
        found = self.spread(value)
        if found.lanes == lanes:
            return found
        if found.lanes != 1:
            found = self.spread(self.plain(found))
        return self.emit(tvm_kernels.packed, found.shape, found.value, name="packed", lanes=lanes)

    def emit(self, kernel: Any, shape: tuple[int, ...], /, *tensors: Any, name: str, attrs: Any = None,
             **more: Any) -> Packed:
        """Call a kernel on tensors, arrays among which are weights; `more` is what it takes besides."""
        given = [constant(tensor) if isinstance(tensor, np.ndarray) else tensor
                 for tensor in tensors]
        return Packed(self.builder.emit_te(functools.partial(kernel, **more), *given, primfunc_name_hint=name,
                                           primfunc_attrs=attrs), shape)


def constant(array: np.ndarray) -> Any:
    from tvm import relax
    return relax.const(np.ascontiguousarray(array))
