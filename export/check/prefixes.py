"""Where a network goes wrong in a format that shows no values: files of its beginnings are made and run."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.fx import GraphModule

from edgenas.export.check.layers import TOLERANCES, equal
from edgenas.export.check.values import graph_of, layer_name, layers
from edgenas.export.quiet import quiet

Run = Callable[[nn.Module], NDArray[Any]]
"""Exports a module and gives what the file computes of the image."""


def first_wrong_beginning(module: nn.Module, image: Tensor, run: Run, precision: str = "fp32") -> str | None:
    """The first layer of `module` up to which a file computes something else for `image` (1, ...); None if the whole
    file is right.

    Found by halving, so it takes about log2(layers) exports. Values that no file could have as its output, such as
    integers, are left out.
    """
    graph = graph_of(module, image)
    nodes = [node for node in graph.graph.nodes if node.op in ("placeholder", "call_function")]
    known = layers(module, image)
    places = [index for index, layer in enumerate(known) if layer.value is not None and layer.inputs
              and layer.value.ndim > 1 and len(layer.value) == 1]

    def wrong(place: int) -> bool:
        expected = known[place].value
        assert expected is not None
        found = run(beginning(graph, nodes[place].name))
        return bool(np.ptp(expected) != 0) and not equal(expected, found, TOLERANCES[precision])

    if not wrong(places[-1]):
        return None
    low, high = 0, len(places) - 1  # that at `high` is wrong
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if wrong(places[middle]) else (middle + 1, high)
    return layer_name(nodes[places[high]])


def beginning(graph: GraphModule, name: str) -> GraphModule:
    """The module whose output is the value of node `name`."""
    with quiet():
        part = copy.deepcopy(graph)
    node = next(node for node in part.graph.nodes if node.name == name)
    part.graph.erase_node(part.graph.output_node())
    with part.graph.inserting_after(node):
        part.graph.output((node,))
    for later in reversed(list(part.graph.nodes)):
        if later.op == "call_function" and not later.users:
            part.graph.erase_node(later)
    part.delete_all_unused_submodules()
    part.recompile()
    return part
