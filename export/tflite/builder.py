"""Tensors and operators of a TFLite model, one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgenas.export.quantise.scale import Scale

# The version from which an operator takes int8; 1 where it is not here.
INT8_VERSIONS = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4, "ADD": 2, "MUL": 2, "MEAN": 2, "PAD": 2,
                 "PADV2": 2, "MAX_POOL_2D": 2, "AVERAGE_POOL_2D": 2, "CONCATENATION": 2, "LOGISTIC": 2, "RELU": 2,
                 "RELU6": 2, "GELU": 2}
OPTIONS = {"CONV_2D": "Conv2DOptions", "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
           "FULLY_CONNECTED": "FullyConnectedOptions", "ADD": "AddOptions", "MUL": "MulOptions",
           "MEAN": "ReducerOptions", "PAD": "PadOptions", "PADV2": "PadV2Options", "MAX_POOL_2D": "Pool2DOptions",
           "AVERAGE_POOL_2D": "Pool2DOptions", "CONCATENATION": "ConcatenationOptions", "RESHAPE": "ReshapeOptions",
           "GELU": "GeluOptions", "HARD_SWISH": "HardSwishOptions"}
FUSED = {"NONE": 0, "RELU": 1, "RELU6": 3}
KINDS = {"float32": "FLOAT32", "int8": "INT8", "int32": "INT32"}
SCHEMA_VERSION = 3


class Writer:
    """Tensors are known by their number. int8: values are int8 with a scale each, else float32."""

    def __init__(self, int8: bool) -> None:
        from ai_edge_litert import schema_py_generated as schema
        self._schema, self._int8 = schema, int8
        self._graph, self._model = schema.SubGraphT(), schema.ModelT()
        self._graph.tensors, self._graph.operators = [], []
        self._model.version, self._model.subgraphs = SCHEMA_VERSION, [self._graph]
        self._model.buffers, self._model.operatorCodes = [schema.BufferT()], []
        self._codes: dict[tuple[str, int], int] = {}

    def model(self) -> Any:
        return self._model

    def shape(self, tensor: int) -> tuple[int, ...]:
        return tuple(self._graph.tensors[tensor].shape)

    def padding(self, name: str) -> int:
        return int(getattr(self._schema.Padding, name))

    def value(self, shape: tuple[int, ...], scale: Scale | None) -> int:
        """A tensor that an operator makes."""
        tensor = self._tensor(shape, "int8" if self._int8 else "float32")
        if scale is not None:
            tensor.quantization = self._quantisation(np.array([scale.scale]), scale.zero_point, 0)
        return len(self._graph.tensors) - 1

    def constant(self, data: Any, scale: NDArray[np.floating] | None = None, zero_point: int = 0, axis: int = 0) -> int:
        """A tensor with its data; scale: one, or one for each index along `axis`."""
        data = np.ascontiguousarray(data).reshape(np.shape(data))
        tensor, buffer = self._tensor(data.shape, data.dtype.name), self._schema.BufferT()
        buffer.data = np.frombuffer(data.tobytes(), np.uint8)
        tensor.buffer = len(self._model.buffers)
        self._model.buffers.append(buffer)
        if scale is not None:
            tensor.quantization = self._quantisation(scale, zero_point, axis)
        return len(self._graph.tensors) - 1

    def operator(self, name: str, inputs: list[int], output: int, fused: str | None = None, version: int = 0,
                 **options: Any) -> None:
        """version: the least that the options need; fused: the activation, for operators that have one."""
        made = self._schema.OperatorT()
        made.opcodeIndex = self._code(name, max(version, INT8_VERSIONS.get(name, 1) if self._int8 else 1))
        made.inputs, made.outputs = inputs, [output]
        if fused is not None:
            options["fusedActivationFunction"] = FUSED[fused]
        if name in OPTIONS:
            made.builtinOptions = getattr(self._schema, f"{OPTIONS[name]}T")()
            made.builtinOptionsType = getattr(self._schema.BuiltinOptions, OPTIONS[name])
            for option, value in options.items():
                setattr(made.builtinOptions, option, value)
        self._graph.operators.append(made)

    def _code(self, name: str, version: int) -> int:
        if (name, version) not in self._codes:
            code = self._schema.OperatorCodeT()
            code.builtinCode, code.version = getattr(self._schema.BuiltinOperator, name), version
            code.deprecatedBuiltinCode = min(code.builtinCode, 127)
            self._codes[name, version] = len(self._model.operatorCodes)
            self._model.operatorCodes.append(code)
        return self._codes[name, version]

    def _tensor(self, shape: tuple[int, ...], kind: str) -> Any:
        tensor = self._schema.TensorT()
        tensor.shape, tensor.hasRank = [int(size) for size in shape], True
        tensor.type = getattr(self._schema.TensorType, KINDS[kind])
        self._graph.tensors.append(tensor)
        return tensor

    def _quantisation(self, scale: NDArray[np.floating], zero_point: int, axis: int) -> Any:
        result = self._schema.QuantizationParametersT()
        result.scale, result.zeroPoint = scale.astype(np.float32), np.full(len(scale), zero_point, np.int64)
        result.quantizedDimension = axis
        return result
