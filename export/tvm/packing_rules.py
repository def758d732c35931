"""How Relax operators are written on tensors with channels in lanes. A rule returns None where it does not hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from edgenas.export.tvm import kernels as tvm_kernels
from edgenas.export.tvm.kernels import FUSABLE, Window
from edgenas.export.tvm.packing import Packed, Packing, constant

Rule = Callable[[Packing, Any], Any | None]

# Finite on lanes that hold nothing: 0, or what one of these makes of it.
ELEMENTWISE = ("add", "subtract", "multiply", "maximum", "minimum", "clip", "sigmoid", "tanh", "where", "greater",
               "nn.relu", "nn.gelu", "nn.silu", "nn.leakyrelu")
FUSED = {"op_pattern": FUSABLE}


def convolution(packing: Packing, call: Any) -> Packed | None:
    weight, attrs, shape = _array(packing.known(call.args[1])), call.attrs, _shape(call)
    if weight is None or weight.dtype != np.float32 or (attrs.data_layout, attrs.kernel_layout) != ("NCHW", "OIHW"):
        return None
    outputs, groups, lanes = weight.shape[0], int(attrs.groups), packing.machine.lanes
    window = Window(_pair(weight.shape[2:]), _pair(attrs.strides), _four(attrs.padding), _pair(attrs.dilation))
    x = packing.known(call.args[0])
    if groups == 1:
        return _dense(packing, x, weight, shape, window)
    if groups == outputs and weight.shape[1] == 1:
        x = packing.in_lanes(x, x.lanes if isinstance(x, Packed) and x.lanes > 1 else lanes)
        return packing.emit(tvm_kernels.depthwise, shape, x.value, tvm_kernels.depthwise_weight(weight, x.lanes),
                            name="depthwise", attrs=FUSED, window=window)
    lanes = math.gcd(outputs // groups, lanes)
    return packing.emit(tvm_kernels.grouped, shape, packing.spread(x).value, tvm_kernels.grouped_weight(weight, lanes),
                        name="grouped", attrs=FUSED, window=window, groups=groups)


def linear(packing: Packing, call: Any) -> Packed | None:
    weight, shape = _array(packing.known(call.args[1])), _shape(call)
    if weight is None or weight.dtype != np.float32 or weight.ndim != 2 or len(shape) != 2 or shape[0] != 1:
        return None
    return _dense(packing, packing.known(call.args[0]), weight.T[:, :, None, None], shape, Window((1, 1)))


def _dense(packing: Packing, x: Any, weight: np.ndarray, shape: tuple[int, ...], window: Window) -> Packed:
    held = packing.spread(x)
    packed = tvm_kernels.dense_weight(weight, held.lanes, packing.machine.lanes)
    return packing.emit(tvm_kernels.dense, shape, held.value, packed, name="dense", attrs=FUSED, window=window)


def pool(packing: Packing, call: Any) -> Packed | None:
    from tvm import topi
    attrs, x = call.attrs, packing.known(call.args[0])
    if attrs.layout != "NCHW" or len(_shape(call)) != 4:
        return None
    x = packing.in_lanes(x, x.lanes if isinstance(x, Packed) and x.lanes > 1 else packing.machine.lanes)
    kind = "max" if call.op.name == "relax.nn.max_pool2d" else "avg"
    return packing.emit(topi.nn.pool2d, _shape(call), x.value, name=f"{kind}_pool", attrs=FUSED,
                        kernel=_pair(attrs.pool_size), stride=_pair(attrs.strides), dilation=_pair(attrs.dilation),
                        padding=_four(attrs.padding), pool_type=kind, ceil_mode=bool(attrs.ceil_mode),
                        layout=f"NCHW{x.lanes}c", count_include_pad=bool(attrs.count_include_pad))


def mean(packing: Packing, call: Any) -> Packed | None:
    """Over all pixels."""
    from tvm import relax
    x, shape = packing.known(call.args[0]), _shape(call)
    axes = sorted(int(axis) % 4 for axis in call.attrs.axis or ())
    if not isinstance(x, Packed) or len(x.shape) != 4 or axes != [2, 3]:
        return None
    return Packed(packing.builder.emit(relax.op.mean(x.value, [2, 3], keepdims=True)), shape)


def reshaped(packing: Packing, call: Any) -> Any | None:
    """To where one pixel's channels are what is left; or a weight."""
    x, shape = packing.known(call.args[0]), _shape(call)
    if (array := _array(x)) is not None:
        return constant(array.reshape(shape))
    if not isinstance(x, Packed):
        return None
    if shape == x.shape or (math.prod(shape) == x.channels == math.prod(shape[:2]) and len(shape) in (2, 4)):
        return Packed(x.value, shape)
    return None


def transposed(packing: Packing, call: Any) -> Any | None:
    """A weight."""
    array = _array(packing.known(call.args[0]))
    axes = None if call.attrs.axes is None else [int(axis) for axis in call.attrs.axes]
    return None if array is None else constant(array.transpose(axes))


def concatenated(packing: Packing, call: Any) -> Packed | None:
    from tvm import relax
    parts = packing.known(call.args[0])
    if call.attrs.axis is None or int(call.attrs.axis) != 1 or not all(isinstance(part, Packed) for part in parts):
        return None
    lanes = parts[0].lanes
    if any(part.lanes != lanes for part in parts) or any(part.channels % lanes for part in parts[:-1]):
        return None
    return Packed(packing.builder.emit(relax.op.concat([part.value for part in parts], 1)), _shape(call))


def elementwise(packing: Packing, call: Any) -> Packed | None:
    return _elementwise(packing, call, call.op, list(call.args))


def divided(packing: Packing, call: Any) -> Packed | None:
    """By a number, whose inverse is multiplied by: faster, and lanes that hold nothing stay finite."""
    from tvm import ir
    by = _array(packing.known(call.args[1]))
    if by is None or by.size != 1 or not np.isfinite(1 / by).all():
        return None
    return _elementwise(packing, call, ir.Op.get("relax.multiply"), [call.args[0], constant(1 / by)])


def _elementwise(packing: Packing, call: Any, operator: Any, arguments: list[Any]) -> Packed | None:
    from tvm import relax
    operands, shape = [packing.known(argument) for argument in arguments], _shape(call)
    lanes = [operand.lanes for operand in operands if isinstance(operand, Packed) and operand.channels == shape[1]]
    if not lanes or len(shape) not in (2, 4):
        return None
    aligned = [_aligned(packing, operand, shape, max(lanes)) for operand in operands]
    if any(operand is None for operand in aligned):
        return None
    return Packed(packing.builder.emit(relax.Call(operator, aligned, call.attrs)), shape)


def _aligned(packing: Packing, operand: Any, shape: tuple[int, ...], lanes: int) -> Any | None:
    """An operand as it takes part in an element-wise operator on `lanes`."""
    from tvm import relax
    if isinstance(operand, relax.Constant):
        return _broadcast(operand.data.numpy(), shape, lanes)
    if not isinstance(operand, Packed):
        if not isinstance(operand.ty, relax.TensorType):
            return operand  # a number
        if len(operand.ty.shape) != len(shape) or int(operand.ty.shape[0]) != 1:
            return None
        operand = packing.spread(operand)
    if operand.channels == shape[1]:
        return packing.in_lanes(operand, lanes).value
    return packing.in_lanes(operand, 1).value if operand.channels == 1 else None


def _broadcast(array: np.ndarray, shape: tuple[int, ...], lanes: int) -> Any | None:
    if array.size == 1:
        return constant(array.reshape(()))
    array = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    array = array.reshape((*array.shape, 1, 1)[:4])
    if array.shape[1] == 1:
        return constant(array[..., None])
    channels = array.shape[1]
    array = np.pad(array, ((0, 0), (0, -channels % lanes), (0, 0), (0, 0)))
    return constant(array.reshape(1, -1, lanes, *array.shape[2:]).transpose(0, 1, 3, 4, 2))


def _array(argument: Any) -> np.ndarray | None:
    from tvm import relax
    return argument.data.numpy() if isinstance(argument, relax.Constant) else None


def _shape(call: Any) -> tuple[int, ...]:
    return tuple(int(size) for size in call.ty.shape)


def _pair(values: Any) -> tuple[int, int]:
    first, second = (int(value) for value in values)
    return first, second


def _four(values: Any) -> tuple[int, int, int, int]:
    top, left, bottom, right = (int(value) for value in values)
    return top, left, bottom, right


RULES: dict[str, Rule] = {
    **dict.fromkeys(ELEMENTWISE, elementwise), "divide": divided, "nn.conv2d": convolution, "matmul": linear,
    "nn.max_pool2d": pool, "nn.avg_pool2d": pool, "mean": mean, "concat": concatenated,
    "permute_dims": transposed, "expand_dims": reshaped,
    "reshape": reshaped, "squeeze": reshaped, "flatten": reshaped, "nn.batch_flatten": reshaped,
}
