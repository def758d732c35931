"""What an ONNX model must be before anything is computed from it; each rule that is broken is one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from edgenas.errors import UsageError
from edgenas.text import one_line, quoted

MOST_NODES = 200_000
"""With every function written out where it is called."""
DEEPEST_CALL = 100
"""Functions that call each other."""
ONNX_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview", "ai.onnx.preview.training")
RUNTIME_DOMAINS = ("com.microsoft", "com.ms")
FIXED = "export it with fixed shapes and a batch of 1"
AGAIN = "export it again"
REASON = 300
"""Characters of a library's own words that a message repeats."""

Key = tuple[str, str, str]


def invalid(path: Path, error: Exception) -> UsageError:
    """The error for what a library says of a file that is no model."""
    return UsageError(f"{path} is no valid ONNX model: {one_line(str(error), REASON) or type(error).__name__}", AGAIN)


def graphs(nodes: Iterable[Any]) -> Iterator[Any]:
    """The graphs inside nodes (branches, bodies), at any depth."""
    for node in nodes:
        for attribute in node.attribute:
            for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                yield graph
                yield from graphs(graph.node)


def every_node(model: Any) -> Iterator[Any]:
    """The nodes of a model, of its functions, and of the graphs inside these."""
    for nodes in (model.graph.node, *(function.node for function in model.functions)):
        yield from nodes
        for graph in graphs(nodes):
            yield from graph.node


def check_expansion(model: Any, path: Path) -> None:
    """Raises: UsageError for functions that call themselves, are nested too deep, or make too many nodes."""
    written = len(model.graph.node) + sum(len(function.node) for function in model.functions)
    if written > MOST_NODES:
        raise UsageError(f"{path} has {written} nodes; at most {MOST_NODES} are read", "export a smaller network")
    functions = {_key(function, function.name): function for function in model.functions}
    sizes: dict[Key, int] = {}

    def size(nodes: Any, calls: tuple[Key, ...]) -> int:
        every = [*nodes, *(node for graph in graphs(nodes) for node in graph.node)]
        total = len(every)
        for node in every:
            key = _key(node, node.op_type)
            if key in functions:
                total += called(key, calls)
        return total

    def called(key: Key, calls: tuple[Key, ...]) -> int:
        if key in calls:
            raise UsageError(f"the function {quoted(key[1])} of {path} calls itself, which ONNX does not allow", AGAIN)
        if len(calls) >= DEEPEST_CALL:
            raise UsageError(f"the functions of {path} call each other more than {DEEPEST_CALL} levels deep",
                             "export it without functions")
        if key not in sizes:
            sizes[key] = size(functions[key].node, (*calls, key))
        return sizes[key]

    if (total := size(model.graph.node, ())) > MOST_NODES:
        raise UsageError(f"{path} has {total} nodes once its functions are written out; at most {MOST_NODES} are read",
                         "export it without functions that call each other")


def check_domains(model: Any, path: Path) -> None:
    """Raises: UsageError naming the first operator that neither ONNX, nor onnxruntime, nor the file itself defines."""
    functions = {_key(function, function.name) for function in model.functions}
    for node in every_node(model):
        foreign = node.domain not in ONNX_DOMAINS and not node.domain.startswith(RUNTIME_DOMAINS)
        if foreign and _key(node, node.op_type) not in functions:
            raise UsageError(
                f"{path} has an operator that is not known: {quoted(node.op_type)} of the domain {quoted(node.domain)} "
                f"(node {quoted(node.name or first_output(node))})",
                "export it with ONNX's own operators, or with the operator as a function of the file")


def check_input(model: Any, path: Path, weights: set[str]) -> None:
    """Raises: UsageError unless there is one input, weights aside, of a fixed shape and a batch of 1."""
    inputs = [item for item in model.graph.input if item.name not in weights]
    if len(inputs) != 1:
        raise UsageError(f"{path} has {len(inputs)} inputs; a prediction takes a network of one", FIXED)
    kind = inputs[0].type
    if not kind.HasField("tensor_type"):
        raise UsageError(f"the input {quoted(inputs[0].name)} of {path} is no tensor", FIXED)
    sizes = [d.dim_value if d.HasField("dim_value") else d.dim_param for d in kind.tensor_type.shape.dim]
    if sizes[:1] != [1] or not all(isinstance(size, int) and size > 0 for size in sizes):
        raise UsageError(f"the input {quoted(inputs[0].name)} of {path} has the shape {quoted(sizes)}", FIXED)


def first_output(node: Any) -> str:
    return next((str(name) for name in node.output if name), "")


def _key(of: Any, name: str) -> Key:
    return ("" if of.domain == "ai.onnx" else of.domain), name, getattr(of, "overload", "")
