"""What PyTorch computes layer by layer: every value of a module's graph, with the name of the layer that makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.fx import GraphModule, Interpreter, Node

from edgenas.export.ir.tracing import evaluating
from edgenas.export.quiet import quiet


@dataclass(frozen=True, eq=False)
class Layer:
    """One value: `name` is that of the submodule and the operator in it, `inputs` the positions of what it is made of.

    None as a value: what is no float tensor.
    """

    name: str
    inputs: tuple[int, ...]
    value: NDArray[Any] | None


def graph_of(module: nn.Module, example: Tensor) -> GraphModule:
    """The operators that `module`, in eval mode, executes on `example` (1, ...), as torch.export has them."""
    with evaluating([module]), torch.no_grad(), quiet():
        graph = torch.export.export(module, (example.contiguous(),), strict=False).module(check_guards=False)
    assert isinstance(graph, GraphModule)
    return graph


def layers(module: nn.Module, image: Tensor) -> list[Layer]:
    """Every value that `module` computes of `image` (1, ...), the input first, the output last, inputs before users."""
    recorder = _Recorder(graph_of(module, image))
    with torch.no_grad():
        recorder.run(image.contiguous())
    return recorder.found


class _Recorder(Interpreter):
    def __init__(self, graph: GraphModule) -> None:
        super().__init__(graph)
        self.found: list[Layer] = []
        self._positions: dict[Node, int] = {}

    def run_node(self, n: Node) -> Any:
        result = super().run_node(n)
        if n.op in ("placeholder", "call_function"):
            known = tuple(self._positions[node] for node in n.all_input_nodes if node in self._positions)
            self._positions[n] = len(self.found)
            is_value = isinstance(result, Tensor) and result.is_floating_point()
            # A copy: what comes later may change it in place.
            self.found.append(Layer(layer_name(n), known, np.array(result.detach().numpy()) if is_value else None))
        return result


def layer_name(node: Node) -> str:
    """`body.3 (conv2d)`; an operator of the module's own forward pass is known by its place in the graph: `add_2`."""
    if node.op == "placeholder":
        return "the input"
    stack = list(node.meta.get("nn_module_stack", {}).values())
    path = str(stack[-1][0]).removeprefix("L['self'].") if stack else ""
    operator = getattr(node.target, "_opname", None) or getattr(node.target, "__name__", str(node.target))
    return f"{path} ({operator})" if path else node.name
