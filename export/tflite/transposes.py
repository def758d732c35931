"""Changes of layout that a converter left in a TFLite graph, moved on until they meet their inverses or vanish."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgenas.export.check.transposes import LAYOUT
from edgenas.export.tflite.graph import canonical, code_name

Axes = tuple[int, ...]

ELEMENTWISE = {
    "ABS", "ADD", "CAST", "CEIL", "COS", "DIV", "ELU", "EQUAL", "EXP", "FLOOR", "GELU", "GREATER", "GREATER_EQUAL",
    "HARD_SWISH", "LEAKY_RELU", "LESS", "LESS_EQUAL", "LOG", "LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR", "LOGISTIC",
    "MAXIMUM", "MINIMUM", "MUL", "NEG", "NOT_EQUAL", "POW", "RELU", "RELU6", "RELU_N1_TO_1", "ROUND", "RSQRT", "SELECT",
    "SELECT_V2", "SIGN", "SIN", "SQRT", "SQUARE", "SQUARED_DIFFERENCE", "SUB", "TANH"}
REDUCING = {"MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"}
IDENTITY = (0, 1, 2, 3)


def without_residual_transposes(content: bytes) -> bytes:
    """A model file in canonical form that computes the same with fewer TRANSPOSEs; the one given if none is spared."""
    from ai_edge_litert.schema_py_generated import ModelT
    model = ModelT.InitFromPackedBuf(content)
    count = _count(model)
    if not count:
        return content
    moved = _Moving(model).model()
    (graph,) = moved.subgraphs
    made = canonical(moved, graph.inputs[0], graph.outputs[0])
    return made if _count(ModelT.InitFromPackedBuf(made)) < count else content


def _count(model: Any) -> int:
    return sum(code_name(model.operatorCodes[operator.opcodeIndex]) == "TRANSPOSE"
               for operator in model.subgraphs[0].operators or ())


class _Moving:
    """Walks a graph in order. A tensor in `late` is another one with its axes in another order, not made until needed:
    axis i of it is axis `axes[i]` of that one.
    """

    def __init__(self, model: Any) -> None:
        self._given = model
        self._model, self._graph = copy.copy(model), copy.copy(model.subgraphs[0])
        self._model.subgraphs, self._model.buffers = [self._graph], list(model.buffers)
        self._graph.tensors, self._graph.operators = list(self._graph.tensors), []
        self._late: dict[int, tuple[int, Axes]] = {}
        self._same: dict[int, int] = {}  # what two changes of layout left as it was
        made = {int(tensor) for operator in model.subgraphs[0].operators for tensor in operator.outputs}
        self._computed = made | {int(tensor) for tensor in self._graph.inputs}

    def model(self) -> Any:
        for operator in self._given.subgraphs[0].operators:
            name = code_name(self._given.operatorCodes[operator.opcodeIndex])
            operator = copy.copy(operator)
            operator.inputs = [self._same.get(int(tensor), int(tensor)) for tensor in operator.inputs]
            if not self._moved(name, operator):
                for tensor in operator.inputs:
                    self._make(tensor)
                self._graph.operators.append(operator)
        for tensor in self._graph.outputs:
            self._make(int(tensor))
        self._graph.outputs = [self._same.get(int(tensor), int(tensor)) for tensor in self._graph.outputs]
        return self._model

    def _moved(self, name: str, operator: Any) -> bool:
        """Whether the operator was done before the change of layout that its inputs wait for."""
        inputs: list[int] = operator.inputs
        if name == "TRANSPOSE":
            return self._transpose(inputs, int(operator.outputs[0]))
        orders = {self._late[tensor][1] for tensor in inputs if tensor in self._late}
        if len(orders) != 1:
            return False
        (axes,) = orders
        if name in ELEMENTWISE or name == "CONCATENATION":
            return self._pointwise(name, operator, inputs, axes)
        if name in REDUCING:
            return self._reduce(operator, inputs, axes)
        if name == "PAD":
            rows = self._constant(inputs[1])[np.argsort(axes)]
            return self._put(operator, [self._late[inputs[0]][0], self._new_constant(inputs[1], rows)], axes)
        if name == "RESHAPE":
            return self._reshape(operator, inputs, axes)
        return False

    def _transpose(self, inputs: list[int], output: int) -> bool:
        order = tuple(int(axis) for axis in self._constant(inputs[1])) if inputs[1] not in self._computed else ()
        source, before = self._late.get(inputs[0], (inputs[0], IDENTITY))
        if len(order) != 4 or order not in LAYOUT and before == IDENTITY:
            return False
        after = tuple(before[axis] for axis in order)
        if after != IDENTITY and after not in LAYOUT:
            return False
        if after == IDENTITY:
            self._same[output] = source
        else:
            self._late[output] = (source, after)
        return True

    def _pointwise(self, name: str, operator: Any, inputs: list[int], axes: Axes) -> bool:
        arranged = []
        for tensor in inputs:
            if tensor in self._late:
                arranged.append(self._late[tensor][0])
            elif tensor in self._computed or name == "CONCATENATION":
                return False
            else:
                arranged.append(self._arranged_constant(tensor, axes))
        if name == "CONCATENATION":
            operator = copy.copy(operator)
            operator.builtinOptions = copy.copy(operator.builtinOptions)
            operator.builtinOptions.axis = axes[operator.builtinOptions.axis % 4]
        return self._put(operator, arranged, axes)

    def _reduce(self, operator: Any, inputs: list[int], axes: Axes) -> bool:
        if inputs[1] in self._computed:
            return False
        over = [int(axis) % 4 for axis in np.atleast_1d(self._constant(inputs[1]))]
        kept = [axes[axis] for axis in range(4) if axis not in over]
        if not operator.builtinOptions.keepDims and kept != sorted(kept):
            return False
        there = np.array(sorted(axes[axis] for axis in over), np.int32)
        arranged = [self._late[inputs[0]][0], self._new_constant(inputs[1], there)]
        return self._put(operator, arranged, axes if operator.builtinOptions.keepDims else None)

    def _reshape(self, operator: Any, inputs: list[int], axes: Axes) -> bool:
        """Where only one axis is longer than 1, the order of elements is the same."""
        source = self._late[inputs[0]][0]
        if sum(size > 1 for size in self._shape(source)) > 1:
            return False
        return self._put(operator, [source, *inputs[1:]], None)

    def _put(self, operator: Any, inputs: list[int], axes: Axes | None) -> bool:
        """Append the operator on `inputs`; its output waits for the same change of layout, or, at None, for none."""
        done, output = copy.copy(operator), int(operator.outputs[0])
        done.inputs = inputs
        if axes is not None:
            shape = [0] * 4
            for axis, size in zip(axes, self._shape(output), strict=True):
                shape[axis] = size
            done.outputs = [self._new_tensor(output, shape)]
            self._late[output] = (done.outputs[0], axes)
        self._graph.operators.append(done)
        return True

    def _make(self, tensor: int) -> None:
        """Compute a tensor that waits."""
        if tensor in self._late:
            source, axes = self._late.pop(tensor)
            done = copy.copy(self._example)
            done.inputs = [source, self._new_constant(int(done.inputs[1]), np.array(axes, np.int32))]
            done.outputs = [tensor]
            self._graph.operators.append(done)

    @cached_property
    def _example(self) -> Any:
        """A change of layout of the model given."""
        return next(operator for operator in self._given.subgraphs[0].operators
                    if code_name(self._given.operatorCodes[operator.opcodeIndex]) == "TRANSPOSE"
                    and len(self._shape(int(operator.outputs[0]))) == 4)

    def _arranged_constant(self, tensor: int, axes: Axes) -> int:
        value = self._constant(tensor)
        if value.size == 1:
            return tensor
        wide = value.reshape((1,) * (4 - value.ndim) + value.shape)
        return self._new_constant(tensor, np.ascontiguousarray(wide.transpose(np.argsort(axes))))

    def _constant(self, tensor: int) -> NDArray[Any]:
        from ai_edge_litert.schema_py_generated import TensorType
        known = self._graph.tensors[tensor]
        kind = next(name for name, value in vars(TensorType).items() if value == known.type).lower()
        data = bytes(self._model.buffers[known.buffer].data)
        return np.frombuffer(data, np.dtype(kind)).reshape(self._shape(tensor))

    def _new_constant(self, like: int, value: NDArray[Any]) -> int:
        from ai_edge_litert.schema_py_generated import BufferT
        buffer = BufferT()
        buffer.data = np.frombuffer(value.tobytes(), np.uint8)
        made = self._new_tensor(like, value.shape)
        self._graph.tensors[made].buffer = len(self._model.buffers)
        self._model.buffers.append(buffer)
        return made

    def _new_tensor(self, like: int, shape: Sequence[int]) -> int:
        made = copy.copy(self._graph.tensors[like])
        made.shape, made.shapeSignature = [int(size) for size in shape], None
        self._graph.tensors.append(made)
        return len(self._graph.tensors) - 1

    def _shape(self, tensor: int) -> tuple[int, ...]:
        shape = self._graph.tensors[tensor].shape
        return tuple(int(size) for size in shape) if shape is not None else ()
