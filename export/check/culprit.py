"""Which layer of a network a converter fails at: files of its beginnings are converted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from torch import Tensor
from torch.fx import GraphModule, Node

from edgenas.errors import ExportError
from edgenas.export.base import Export
from edgenas.export.check.prefixes import beginning
from edgenas.export.check.values import graph_of, layer_name
from edgenas.export.quiet import quiet

NAMED = re.compile(r"operator (\S+) is not supported")
UNTOLD = re.compile(r"<eval_with_key>.*?error: (.*?)( that was explicitly marked illegal)?(: %.*)?$", re.DOTALL)
"""What a converter says of its own intermediate code; only the middle of it means something to a reader."""
Convert = Callable[[Export], object]


def located(item: Export, error: ExportError, convert: Convert) -> ExportError:
    """The error with the layer to blame: that of the operator which it names, or else the first layer up to which
    `convert` fails too, found by halving."""
    message = UNTOLD.sub(r"\1", error.message)
    graph = graph_of(item.module, item.example)
    if named := NAMED.search(message):
        places = [layer_name(node) for node in graph.graph.nodes if str(node.target) == named[1]]
        if places:  # a converter may also name a part of what the network calls
            return ExportError(f"{message}, in {places[0]}", error.hint)
    with quiet():
        layer = _first_failing(item, graph, convert)
    start, _, reason = message.partition(": ")
    return ExportError(f"{start}: it fails at layer {layer}: {reason}", error.hint)


def _first_failing(item: Export, graph: GraphModule, convert: Convert) -> str:
    nodes = [node for node in _computed(graph) if node.op == "call_function" and _can_end(node)]

    def fails(node: Node) -> bool:
        try:
            convert(replace(item, module=beginning(graph, node.name)))
        except ExportError:
            return True
        return False

    low, high = 0, len(nodes) - 1  # the last one is known to fail
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fails(nodes[middle]) else (middle + 1, high)
    return layer_name(nodes[high])


def _computed(graph: GraphModule) -> list[Node]:
    """What depends on the input, in order."""
    found: dict[Node, None] = {}
    for node in graph.graph.nodes:
        if node.op == "placeholder" or any(given in found for given in node.all_input_nodes):
            found[node] = None
    return list(found)


def _can_end(node: Node) -> bool:
    """Whether a network may end there: in a float tensor of one image."""
    value = node.meta.get("val")
    return isinstance(value, Tensor) and value.is_floating_point() and value.ndim > 1 and value.shape[0] == 1
