"""Parts of a traced network as modules of their own, with some of their channels."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, fx, nn

from edgenas.space.traced.channels import Layer
from edgenas.space.traced.layouts import Span
from edgenas.space.traced.segments import Segment
from edgenas.space.traced.trace import Traced, path_of

Kept = Mapping[int, Tensor]
"""By group, the indices of the channels that are kept."""


def module_of(traced: Traced, layers: Mapping[str, Layer], segment: Segment, kept: Kept) -> nn.Module:
    """The segment as a module of its own, with the kept channels alone; a copy, with the network's weights.

    Its layers are named within the module that they share, so that blocks of one structure are of one structure.
    """
    graph = fx.Graph()
    values = {segment.start: graph.placeholder("x")}
    needed: dict[str, nn.Module | Tensor] = {}
    names = names_within(segment)
    for node in segment.nodes:
        target = node.target
        if node in names:
            path, target = path_of(node), names[node]
            if target not in needed:
                whole = traced.modules[path] if node.op == "call_module" else traced.tensors[path]
                needed[target] = sliced(whole, layers.get(path), kept)
        values[node] = graph.create_node(node.op, target, fx.node.map_arg(node.args, values.__getitem__),
                                         fx.node.map_arg(node.kwargs, values.__getitem__))
    graph.output(values[segment.nodes[-1]])
    return fx.GraphModule(needed, graph)


def names_within(segment: Segment) -> dict[fx.Node, str]:
    """What the layers and parameters that a segment uses are called in its module, by the nodes that use them."""
    paths = {node: path_of(node) for node in segment.nodes if node.op in ("call_module", "get_attr")}
    shared = shared_path(list(paths.values()))
    return {node: path.removeprefix(shared) for node, path in paths.items()}


def shared_path(paths: Sequence[str]) -> str:
    """`body.0.` of body.0.conv and body.0.norm; empty where they share none."""
    shared = paths[0].split(".")[:-1] if paths else []
    while shared and not all(path.startswith(".".join([*shared, ""])) for path in paths):
        shared.pop()
    return ".".join([*shared, ""]) if shared else ""


def positions(spans: Sequence[Span], kept: Kept) -> Tensor:
    """Where the kept channels of a value are."""
    found, offset = [], 0
    for span in spans:
        index = kept.get(span.group, torch.arange(span.count))
        found.append((offset + index[:, None] * span.repeat + torch.arange(span.repeat)).flatten())
        offset += span.count * span.repeat
    return torch.cat(found)


def sliced(whole: nn.Module | Tensor, layer: Layer | None, kept: Kept) -> nn.Module | Tensor:
    """A copy of a layer or parameter with the kept channels alone."""
    small = copy.deepcopy(whole)
    if isinstance(small, nn.Module):
        _as_plain(small)
    if layer is None or not any(span.group in kept for span in (*layer.reads, *layer.writes)):
        return small
    reads, writes = positions(layer.reads, kept), positions(layer.writes, kept)
    if isinstance(small, Tensor):
        cut = small.detach().index_select(layer.axis, writes)
        return nn.Parameter(cut) if isinstance(small, nn.Parameter) else cut
    for name, tensor in [*small.named_parameters(), *small.named_buffers()]:
        if tensor.ndim:
            part = tensor.detach()[writes]
            part = part[:, reads] if tensor.ndim > 1 and layer.kind in ("conv", "linear") else part
            setattr(small, name, nn.Parameter(part.clone()) if isinstance(tensor, nn.Parameter) else part.clone())
    _resized(small, len(reads), len(writes))
    return small


def _resized(module: nn.Module, reads: int, writes: int) -> None:
    """What a layer says of its own size."""
    if isinstance(module, nn.Conv2d):
        module.groups = writes if module.groups > 1 else 1
        module.in_channels, module.out_channels = reads, writes
    elif isinstance(module, nn.Linear):
        module.in_features, module.out_features = reads, writes
    elif isinstance(module, nn.PReLU):
        module.num_parameters = writes
    else:
        module.num_features = writes  # type: ignore[assignment]


def _as_plain(module: nn.Module) -> None:
    """A class that a user derived of a layer, whose forward pass it left alone, becomes that layer."""
    kind = type(module)
    while not kind.__module__.startswith("torch."):
        kind = kind.__mro__[1]
    module.__class__ = kind
