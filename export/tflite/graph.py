"""TFLite models of several independent networks cut into one model each, in canonical form."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import flatbuffers

ALIGNMENT = 16  # bytes; the schema's force_align of weights, which flatbuffers' Python writer does not know


class Builder(flatbuffers.Builder):  # type: ignore[misc]
    """Aligns every vector of bytes as the runtime expects weights to be."""

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> int:  # noqa: N802, N803
        start: int = super().StartVector(elemSize, numElems, ALIGNMENT if elemSize == 1 else alignment)
        return start


def split(content: bytes, count: int) -> list[bytes]:
    """The networks from the k-th input to the k-th output of the model's signature, as models of their own.

    Each has one signature with input `image` and output `logits`. Operators come in depth-first order from the
    output and name their tensors: the same network gives the same bytes, whatever it was converted with.

    Raises: ValueError for a model with control flow or of other inputs and outputs.
    """
    from ai_edge_litert.schema_py_generated import ModelT
    model = ModelT.InitFromPackedBuf(content)
    if len(model.subgraphs) != 1:
        raise ValueError("the model holds graphs within its graph")
    signature = model.signatureDefs[0]
    inputs = {tensor.name.decode(): tensor.tensorIndex for tensor in signature.inputs}
    outputs = {tensor.name.decode(): tensor.tensorIndex for tensor in signature.outputs}
    if len(inputs) != count or len(outputs) != count:
        raise ValueError(f"the model has {len(inputs)} inputs and {len(outputs)} outputs instead of {count} each")
    return [canonical(model, inputs[f"args_{k}"], outputs[f"output_{k}"]) for k in range(count)]


def canonical(model: Any, given: int, made: int) -> bytes:
    """The network from tensor `given` to tensor `made` of a ModelT of one graph, as a model file of its own."""
    return _Part(model, given, made).content()


class _Part:
    """One network of a model, with tensors, buffers and operator codes numbered anew in order of appearance."""

    def __init__(self, model: Any, given: int, made: int) -> None:
        self.model, self.graph = model, model.subgraphs[0]
        self.tensors: dict[int, str] = {given: "image"}
        self.codes: dict[int, None] = {}
        self.operators = list(_ordered(self.graph, made))
        for position, operator in enumerate(self.operators):
            name = f"{code_name(model.operatorCodes[operator.opcodeIndex]).lower()}_{position}"
            self.codes.setdefault(operator.opcodeIndex)
            for index, tensor in enumerate(operator.inputs):
                self.tensors.setdefault(tensor, f"{name}.{index}")
            for index, tensor in enumerate(operator.outputs):
                self.tensors.setdefault(tensor, f"{name}.out{index}" if index else name)
        self.tensors.pop(-1, None)  # an optional input that is not given
        if made != given:
            self.tensors[made] = "logits"
        self.numbers = {-1: -1} | {tensor: number for number, tensor in enumerate(self.tensors)}
        self.given, self.made = self.numbers[given], self.numbers[made]

    def content(self) -> bytes:
        from ai_edge_litert.schema_py_generated import BufferT, ModelT
        buffers = [BufferT()]
        result = ModelT()
        result.version, result.description = self.model.version, "edgenas"
        result.operatorCodes = [self.model.operatorCodes[code] for code in self.codes]
        result.subgraphs = [self._graph(buffers)]
        result.buffers = buffers
        result.signatureDefs = [self._signature()]
        builder = Builder(1024)
        builder.Finish(result.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _graph(self, buffers: list[Any]) -> Any:
        from ai_edge_litert.schema_py_generated import SubGraphT
        graph = SubGraphT()
        graph.name = "main"
        graph.tensors = [self._tensor(tensor, name, buffers) for tensor, name in self.tensors.items()]
        graph.operators = [self._operator(operator) for operator in self.operators]
        graph.inputs, graph.outputs = [self.given], [self.made]
        return graph

    def _tensor(self, tensor: int, name: str, buffers: list[Any]) -> Any:
        result = copy.copy(self.graph.tensors[tensor])
        data = self.model.buffers[result.buffer]
        result.name, result.buffer = name, 0
        if data.data is not None:
            result.buffer = len(buffers)
            buffers.append(data)
        return result

    def _operator(self, operator: Any) -> Any:
        result = copy.copy(operator)
        result.opcodeIndex = list(self.codes).index(operator.opcodeIndex)
        result.inputs = [self.numbers[tensor] for tensor in operator.inputs]
        result.outputs = [self.numbers[tensor] for tensor in operator.outputs]
        return result

    def _signature(self) -> Any:
        from ai_edge_litert.schema_py_generated import SignatureDefT, TensorMapT
        result = SignatureDefT()
        result.signatureKey, result.subgraphIndex = "serving_default", 0
        for side, name, tensor in (("inputs", "image", self.given), ("outputs", "logits", self.made)):
            entry = TensorMapT()
            entry.name, entry.tensorIndex = name, tensor
            setattr(result, side, [entry])
        return result


def code_name(code: Any) -> str:
    """`CONV_2D` for an OperatorCodeT; a custom operator's own name."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator
    if code.customCode:
        return str(code.customCode.decode())
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    return next(str(name) for name, value in vars(BuiltinOperator).items() if value == number)


def _ordered(graph: Any, made: int) -> Iterator[Any]:
    """Operators that tensor `made` needs, inputs before users, in an order that depends on structure only."""
    makers = {tensor: operator for operator in graph.operators for tensor in operator.outputs}
    seen: set[int] = set()
    stack = [(makers[made], False)] if made in makers else []
    while stack:
        operator, ready = stack.pop()
        if ready:
            yield operator
        elif id(operator) not in seen:
            seen.add(id(operator))
            stack.append((operator, True))
            stack += [(makers[tensor], False) for tensor in operator.inputs[::-1] if tensor in makers]
