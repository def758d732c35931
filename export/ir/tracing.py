"""Modules as one traced program: checked, in eval mode, batch normalisation folded."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

from edgenas.errors import EdgenasError, ExportError
from edgenas.export.check.repeatability import check_repeatable
from edgenas.export.ir.folding import fold_batch_norm
from edgenas.export.item import Export
from edgenas.export.quiet import quiet
from edgenas.files import out_of_room

OPERATOR = re.compile(r"(?:torch\.ops\.|Lowering not found: |Unsupported function types \[')([\w.]+\w)")


class Batch(nn.Module):
    """Several independent modules side by side: the k-th output is the k-th module of the k-th input."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(modules)

    def forward(self, *images: Tensor) -> tuple[Tensor, ...]:
        return tuple(part(image) for part, image in zip(self.parts, images, strict=True))


def trace(items: Sequence[Export]) -> GraphModule:
    """One graph with an input and an output for each item, which shares nothing but weights with the modules.

    Raises: ExportError naming the file and what is wrong with its module.
    """
    modules = [item.module for item in items]
    with evaluating(modules), torch.no_grad():
        for item in items:
            check(item)
        batch = Batch(modules).eval()
        with translated(items, "PyTorch cannot trace it"), quiet():
            program = torch.export.export(batch, examples(items), strict=False)
        _check_shapes(program.graph.nodes, items)
        graph = program.module(check_guards=False)
        assert isinstance(graph, GraphModule)
        _check_inputs_used(graph, items)
        fold_batch_norm(graph)
        for part in graph.modules():
            part.training = False
    return graph


def check(item: Export) -> None:
    """The weights are finite, the module takes its example and gives one float32 tensor of shape (1, ...), the same
    every time.

    Raises: ExportError naming the file and what is wrong with its module.
    """
    _check_weights(item)
    _check_output(item)


def examples(items: Sequence[Export]) -> tuple[Tensor, ...]:
    return tuple(item.example.contiguous() for item in items)


def output_shapes(graph: GraphModule) -> list[tuple[int, ...]]:
    """Shape of each item's output, from the tracing."""
    outputs = graph.graph.output_node().args[0]
    assert isinstance(outputs, (tuple, list))
    return [tuple(output.meta["val"].shape) for output in outputs if isinstance(output, Node)]


@contextlib.contextmanager
def evaluating(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Eval mode within, each submodule's own mode afterwards."""
    modes = {part: part.training for module in modules for part in module.modules()}
    try:
        for part in modes:
            part.training = False
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode


@contextlib.contextmanager
def translated(items: Sequence[Export], what: str) -> Iterator[None]:
    """Any failure within becomes an ExportError that names the operator to blame, where the failure tells; a
    StorageError where a disk takes no more."""
    try:
        yield
    except EdgenasError:
        raise
    except Exception as error:
        if full := out_of_room(error):
            raise full from error
        raise ExportError(f"{names(items)}: {what}: {_why(error)}", "replace that part of the module") from error


def names(items: Sequence[Export]) -> str:
    return ", ".join(item.path.name for item in items)


def _why(error: BaseException) -> str:
    """One line: the operator to blame where the error or one of its causes names it."""
    if isinstance(error, GuardOnDataDependentSymNode):
        return "a branch or a size in it depends on the input's values"
    link: BaseException | None = error
    while link:
        if found := OPERATOR.search(str(link)):
            return f"operator {found[1]} is not supported"
        link = link.__cause__ or link.__context__
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _check_weights(item: Export) -> None:
    for name, tensor in [*item.module.named_parameters(), *item.module.named_buffers()]:
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise ExportError(f"{item.path.name}: weight {name!r} holds values that are not finite",
                              "train again with a lower learning rate, or export an earlier checkpoint")


def _check_output(item: Export) -> None:
    shape, kind = tuple(item.example.shape), item.example.dtype
    if kind != torch.float32 or shape[:1] != (1,):
        raise ExportError(f"{item.path.name}: the example input is {kind} of shape {shape}, "
                          "but must be float32 of shape (1, ...)")
    with translated([item], f"the module fails on an input of shape {shape}"):
        output = check_repeatable(item.module, item.example, item.path.name)
    if not isinstance(output, Tensor) or output.dtype != torch.float32 or output.shape[:1] != (1,):
        found = f"{output.dtype} of shape {tuple(output.shape)}" if isinstance(output, Tensor) else type(output)
        raise ExportError(f"{item.path.name}: the output is {found}, "
                          "but must be one float32 tensor of shape (1, ...)")


def _check_shapes(nodes: Iterator[Node], items: Sequence[Export]) -> None:
    for node in nodes:
        value = node.meta.get("val")
        if isinstance(value, Tensor) and not all(isinstance(size, int) for size in value.shape):
            raise ExportError(f"{names(items)}: the output shape of operator {node.target} depends on "
                              "the input's values", "exported shapes are fixed: replace that operator")


def _check_inputs_used(graph: GraphModule, items: Sequence[Export]) -> None:
    inputs = graph.graph.find_nodes(op="placeholder")
    outputs = graph.graph.output_node().args[0]
    assert isinstance(outputs, (tuple, list))
    for item, given, output in zip(items, inputs, outputs, strict=True):
        assert isinstance(output, Node)
        reached, frontier = {output}, [output]
        while frontier:
            fresh = set(frontier.pop().all_input_nodes) - reached
            reached |= fresh
            frontier += fresh
        if given not in reached:
            raise ExportError(f"{item.path.name}: the output does not depend on the input")
