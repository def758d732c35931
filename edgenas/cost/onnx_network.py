"""Any ONNX file as the operators that a runtime executes: constants and batch norms folded, activations fused."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgenas.cost.operators import Network, Operator, Shape
from edgenas.errors import UsageError, missing_extra

ALIASES = {"Identity", "Dropout", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Cast"}
ACTIVATIONS = {"Relu": "relu", "HardSwish": "hardswish", "HardSigmoid": "hardsigmoid", "Sigmoid": "sigmoid",
               "Gelu": "gelu"}
KINDS = {"Add": "add", "Sum": "add", "Mul": "mul", "Concat": "cat", "MaxPool": "maxpool2d", "MatMul": "matmul",
         "GlobalAveragePool": "adaptiveavgpool2d", "BatchNormalization": "batchnorm2d", **ACTIVATIONS}
FIXED = "export it with fixed shapes and a batch of 1"


@dataclass(frozen=True)
class Named:
    """A network, and the name that the file has for each of its operators."""

    network: Network
    names: tuple[str, ...]


def read_onnx(path: Path) -> Named:
    """The operators of an ONNX file, of the kinds and with the details that `operators.trace` gives them.

    Operators of a kind that edgenas knows nothing of bear their ONNX name in lower case and count no MACs.

    Raises: UsageError for a file that is no valid ONNX model, or that has not one input of fixed shape and batch 1.
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise missing_extra("onnx", "onnx") from error
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "edgenas predict MODEL.onnx") from error
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UsageError(f"{path} is no valid ONNX model: {reason}", "export it again") from error
    return _Reader(model.graph, path).read()


@dataclass
class _Reader:
    """Walks a graph's nodes, which are in the order of execution, and appends the operators that remain of them."""

    graph: Any
    path: Path
    operators: list[Operator] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    index: dict[str, int] = field(default_factory=dict)

    def read(self) -> Named:
        self.constants: dict[str, Shape] = {t.name: tuple(t.dims) for t in self.graph.initializer}
        self.values = {t.name: t for t in self.graph.initializer}
        items = (*self.graph.input, *self.graph.value_info, *self.graph.output)
        self.shapes = {i.name: tuple(d.dim_value for d in i.type.tensor_type.shape.dim) for i in items}
        self.uses: dict[str, int] = {}
        for node in self.graph.node:
            for name in node.input:
                self.uses[name] = self.uses.get(name, 0) + 1
        input_shape = self._input()
        for node in self.graph.node:
            if all(name in self.constants for name in node.input if name):
                self._constant(node)
            else:
                self.index[node.output[0]] = self._take(node)
        return Named(Network(input_shape, tuple(self.operators)), tuple(self.names))

    def _input(self) -> Shape:
        inputs = [item for item in self.graph.input if item.name not in self.constants]
        if len(inputs) != 1:
            raise UsageError(f"{self.path} has {len(inputs)} inputs; a prediction takes a network of one", FIXED)
        shape = self.shapes[inputs[0].name]
        if 0 in shape or shape[:1] != (1,):
            named = [d.dim_param or d.dim_value for d in inputs[0].type.tensor_type.shape.dim]
            raise UsageError(f"the input {inputs[0].name!r} of {self.path} has the shape {named}", FIXED)
        self.index[inputs[0].name] = -1
        return shape[1:]

    def _constant(self, node: Any) -> None:
        """A node that a runtime computes once, when it loads the file."""
        for name in node.output:
            self.constants[name] = self.shapes.get(name, ())
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value":
                    self.values[node.output[0]] = attribute.t
                    self.constants[node.output[0]] = tuple(attribute.t.dims)

    def _take(self, node: Any) -> int:
        feeds = tuple(self.index[name] for name in node.input if name in self.index)
        if node.op_type in ALIASES:
            return feeds[0]
        if node.op_type == "BatchNormalization" and self._ends(node, "conv2d"):
            return self._fold(feeds[0], self.constants[node.input[1]])
        activation = self._activation(node)
        if activation and self._ends(node, "conv2d", "linear"):
            return self._replace(feeds[0], detail=f"{self.operators[feeds[0]].detail} {activation}")
        if node.op_type == "Add" and len(feeds) == 1 and self._ends(node, "linear") and self._is_bias(node, feeds[0]):
            last = self.operators[feeds[0]]
            return self._replace(feeds[0], detail=f"{last.detail} bias", params=last.params + last.shape[-1])
        self.operators.append(self._operator(node, feeds, activation))
        self.names.append(node.name or f"{node.op_type}_{len(self.names)}")
        return len(self.operators) - 1

    def _ends(self, node: Any, *kinds: str) -> bool:
        """Whether the node's input is the last operator's result, which nothing else needs, of one of these kinds."""
        source = next(name for name in node.input if name in self.index)
        index = self.index[source]
        return self.uses[source] == 1 and index == len(self.operators) - 1 >= 0 and self.operators[index].kind in kinds

    def _fold(self, index: int, channels: Shape) -> int:
        last = self.operators[index]
        if " bias" in last.detail:
            return index
        return self._replace(index, detail=f"{last.detail} bias", params=last.params + channels[0])

    def _replace(self, index: int, **changes: Any) -> int:
        self.operators[index] = replace(self.operators[index], **changes)
        return index

    def _is_bias(self, node: Any, index: int) -> bool:
        other = next(name for name in node.input if name not in self.index)
        return self.constants[other] == self.operators[index].shape[-1:] and " bias" not in self.operators[index].detail

    def _activation(self, node: Any) -> str | None:
        if node.op_type != "Clip":
            return ACTIVATIONS.get(node.op_type)
        bounds = [float(self._array(name)) if name in self.values else None for name in node.input[1:3]]
        return "relu6" if bounds == [0.0, 6.0] else None

    def _operator(self, node: Any, feeds: tuple[int, ...], activation: str | None) -> Operator:
        shape = self._shape(node)
        if node.op_type == "Conv" and node.input[1] in self.constants and len(shape) == 3:
            return self._convolution(node, feeds, shape)
        if node.op_type in ("Gemm", "MatMul") and node.input[1] in self.constants:
            return self._linear(node, feeds, shape)
        if self._is_global_mean(node):
            return Operator("adaptiveavgpool2d", "output_size=1", feeds, shape, 0, 0)
        kind = activation or ("avgpool2d" if node.op_type == "AveragePool" else KINDS.get(node.op_type))
        macs = math.prod(shape) * self._known(node.input[0])[-1] if node.op_type == "MatMul" else 0
        params = sum(math.prod(self.constants[name]) for name in node.input if name in self.constants)
        return Operator(kind or node.op_type.lower(), "", feeds, shape, macs, params)

    def _convolution(self, node: Any, feeds: tuple[int, ...], shape: Shape) -> Operator:
        given = _attributes(node)
        outputs, per_group, *kernel = self.constants[node.input[1]]
        groups = given.get("group", 1)
        strides, dilations = given.get("strides", [1, 1]), given.get("dilations", [1, 1])
        pads = given.get("pads", [0, 0, 0, 0])
        detail = (f"{per_group * groups}->{outputs} k{kernel[0]}x{kernel[1]} s{_pair(strides)} p{_pair(pads[:2])} "
                  f"g{groups}" + (f" d{_pair(dilations)}" if max(dilations) > 1 else ""))
        biased = len(node.input) > 2 and bool(node.input[2])
        weights = outputs * per_group * math.prod(kernel)
        return Operator("conv2d", detail + (" bias" if biased else ""), feeds, shape,
                        math.prod(shape) * per_group * math.prod(kernel), weights + outputs * biased)

    def _linear(self, node: Any, feeds: tuple[int, ...], shape: Shape) -> Operator:
        weight = self.constants[node.input[1]]
        transposed = bool(_attributes(node).get("transB", 0))
        inputs, outputs = reversed(weight[-2:]) if transposed else weight[-2:]
        biased = node.op_type == "Gemm" and len(node.input) > 2 and bool(node.input[2])
        return Operator("linear", f"{inputs}->{outputs}{' bias' if biased else ''}", feeds, shape,
                        math.prod(shape) * inputs, inputs * outputs + outputs * biased)

    def _is_global_mean(self, node: Any) -> bool:
        if node.op_type == "ReduceMean":
            given = _attributes(node)
            axes = given["axes"] if "axes" in given else (
                self._array(node.input[1]).tolist() if node.input[1:2] and node.input[1] in self.values else [])
            return sorted(axis % 4 for axis in axes) == [2, 3] and len(self._known(node.input[0])) == 4
        if node.op_type == "AveragePool":
            return list(self._known(node.input[0])[2:]) == list(_attributes(node)["kernel_shape"])
        return False

    def _array(self, name: str) -> Any:
        from onnx import numpy_helper
        return numpy_helper.to_array(self.values[name])

    def _shape(self, node: Any) -> Shape:
        return self._known(node.output[0])[1:]

    def _known(self, name: str) -> Shape:
        shape = self.shapes.get(name) or self.constants.get(name, ())
        if not shape or 0 in shape:
            raise UsageError(f"the shape of {name!r} in {self.path} is not fixed", FIXED)
        return shape


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _pair(values: list[int]) -> str:
    """`1` for [1, 1], `1x2` for [1, 2]."""
    return "x".join(map(str, values if len(set(values)) > 1 else values[:1]))
