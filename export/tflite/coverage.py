"""What of a TFLite file is int8: operators that make no float32 value, weights that are integers."""

from __future__ import annotations

import math
from typing import Any

from edgenas.export.check.coverage import Coverage, Operator, covered
from edgenas.export.extras import import_extra

QUANTISING = {"QUANTIZE", "DEQUANTIZE"}
MOVING = {"BROADCAST_TO", "CAST", "CONCATENATION", "DEPTH_TO_SPACE", "EXPAND_DIMS", "GATHER", "GATHER_ND", "PACK",
          "PAD", "PADV2", "RESHAPE", "SLICE", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "TILE",
          "TRANSPOSE", "UNPACK"}


def tflite_coverage(content: bytes) -> Coverage:
    from edgenas.export.tflite.graph import code_name
    schema = import_extra("ai_edge_litert.schema_py_generated", "tflite")
    model = schema.ModelT.InitFromPackedBuf(content)
    (graph,) = model.subgraphs
    float32 = schema.TensorType.FLOAT32
    operators = [(code_name(model.operatorCodes[operator.opcodeIndex]), operator) for operator in graph.operators or ()]

    def real(tensors: Any) -> bool:
        return any(graph.tensors[tensor].type == float32 for tensor in tensors if tensor >= 0)

    constants = {True: 0, False: 0}
    for tensor in graph.tensors:
        data = model.buffers[tensor.buffer].data
        if data is not None and (tensor.type == float32 or tensor.quantization is not None
                                 and tensor.quantization.scale is not None):
            constants[tensor.type != float32] += len(data)
    return covered((Operator(name, not real([*operator.inputs, *operator.outputs]), _macs(name, operator, graph),
                             name in MOVING) for name, operator in operators if name not in QUANTISING), constants)


def _macs(name: str, operator: Any, graph: Any) -> int:
    """Multiply-accumulates of an operator; 0 of one that has none."""
    shapes = [[int(size) for size in graph.tensors[tensor].shape] if tensor >= 0 else [] for tensor in operator.inputs]
    made = math.prod(int(size) for size in graph.tensors[operator.outputs[0]].shape)
    if name in ("CONV_2D", "FULLY_CONNECTED"):
        return made * math.prod(shapes[1][1:])
    if name == "DEPTHWISE_CONV_2D":
        return made * math.prod(shapes[1][1:3])
    if name == "CONV_3D":
        return made * math.prod(shapes[1][:4])
    if name == "TRANSPOSE_CONV":
        return math.prod(shapes[2]) * math.prod(shapes[1][:3])
    if name == "BATCH_MATMUL":
        return made * shapes[0][-2 if operator.builtinOptions.adjX else -1]
    return 0
