"""Relax programs as a plain list of kernel calls on planned memory: what a program without TVM's runtime can run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

ALIGNMENT = 64  # bytes; what TVM's kernels take for granted


@dataclass(frozen=True)
class Buffer:
    """A tensor at `offset` bytes into the program's memory or into its weights."""

    place: Literal["memory", "weights"]
    offset: int
    shape: tuple[int, ...]
    dtype: str

    @property
    def count(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Call:
    kernel: str
    arguments: tuple[Buffer, ...]


@dataclass(frozen=True)
class Plan:
    """Calls in order, from `input` to `output`; `memory` is their common size in bytes."""

    input: Buffer
    output: Buffer
    calls: tuple[Call, ...]
    memory: int
    weights: bytes


def lower(module: Any, target: Any) -> Any:
    """A Relax module, its functions scheduled or not, as calls of PrimFuncs on storage that is planned ahead."""
    import tvm
    from tvm.relax import transform
    from tvm.relax.backend.cpu_generic import pipeline
    with target:
        return tvm.transform.Sequential([
            *pipeline.library_dispatch_passes(target), *pipeline.legalize_passes(target),
            *pipeline.dataflow_lower_passes(target), transform.StaticPlanBlockMemory(), transform.AttachGlobalSymbol(),
        ])(module)


def kernels(module: Any) -> Any:
    """The PrimFuncs of a lowered module.

    Raises: NotImplementedError naming a function of TVM's runtime that one of them calls.
    """
    import tvm
    found = {name: function for name, function in module.functions.items()
             if isinstance(function, tvm.tirx.PrimFunc)}
    called: list[str] = []

    def visit(node: Any) -> None:
        if isinstance(node, tvm.ir.Call) and "call_packed" in getattr(node.op, "name", ""):
            called.append(str(node.args[0].value))

    for function in found.values():
        tvm.tirx.stmt_functor.post_order_visit(function.body, visit)
    if called:
        raise NotImplementedError(f"operator {called[0]} is not supported")
    return tvm.IRModule(found)


def plan(module: Any) -> Plan:
    """Read the calls of a lowered module's `main`.

    Raises: NotImplementedError naming an operator that is no kernel.
    """
    planner = _Planner()
    main = module["main"]
    given = planner.reserve(*_kind(main.params[0]))
    planner.values[main.params[0]] = given
    for block in main.body.blocks:
        for binding in block.bindings:
            planner.values[binding.var] = planner.bound(binding)
    output = planner.value(main.body.body)
    return Plan(given, output, tuple(planner.calls), planner.memory, bytes(planner.weights))


@dataclass
class _Planner:
    values: dict[Any, Any] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    memory: int = 0
    weights: bytearray = field(default_factory=bytearray)

    def value(self, node: Any) -> Any:
        """A buffer, a tuple of them, or where a storage starts."""
        from tvm import relax
        if isinstance(node, relax.Constant):
            return self.constant(node.data.numpy())
        if isinstance(node, relax.Tuple):
            return tuple(self.value(part) for part in node.fields)
        if isinstance(node, relax.TupleGetItem):
            return self.value(node.tuple_value)[node.index]
        if isinstance(node, relax.Var):
            return self.values[node]
        raise NotImplementedError(f"operator {type(node).__name__} is not supported")

    def bound(self, binding: Any) -> Any:
        import tvm
        call = binding.value
        if not isinstance(call, tvm.relax.Call):
            return self.value(call)
        if isinstance(call.op, tvm.ir.GlobalVar):
            self.calls.append(Call(call.op.name_hint, tuple(self.value(argument) for argument in call.args)))
            return None
        match getattr(call.op, "name", getattr(call.op, "global_symbol", "")):
            case "relax.memory.alloc_storage":
                return self.storage(int(call.args[0].values[0]))
            case "relax.memory.alloc_tensor":
                return Buffer("memory", self.value(call.args[0]) + int(call.args[1].value), *_kind(binding.var))
            case "relax.builtin.alloc_tensor":
                return self.reserve(*_kind(binding.var))
            case "relax.reshape":
                source = self.value(call.args[0])
                return Buffer(source.place, source.offset, *_kind(binding.var))
            case name:
                raise NotImplementedError(f"operator {name.removeprefix('relax.')} is not supported")

    def constant(self, values: np.ndarray) -> Buffer:
        offset = len(self.weights)
        self.weights += values.tobytes().ljust(_rounded(values.nbytes), b"\0")
        return Buffer("weights", offset, values.shape, values.dtype.name)

    def reserve(self, shape: tuple[int, ...], dtype: str) -> Buffer:
        return Buffer("memory", self.storage(math.prod(shape) * np.dtype(dtype).itemsize), shape, dtype)

    def storage(self, size: int) -> int:
        start = self.memory
        self.memory += _rounded(size)
        return start


def _kind(variable: Any) -> tuple[tuple[int, ...], str]:
    return tuple(int(size) for size in variable.ty.shape), str(variable.ty.dtype)


def _rounded(size: int) -> int:
    return -(-max(size, 1) // ALIGNMENT) * ALIGNMENT

