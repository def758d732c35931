"""Batch normalisation after a convolution becomes part of that convolution's weights."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import nn
from torch.fx import GraphModule, Node
from torch.nn.utils.fusion import fuse_conv_bn_weights

ATEN = torch.ops.aten
CONVOLUTIONS = (ATEN.conv1d.default, ATEN.conv2d.default, ATEN.conv3d.default,
                ATEN.conv1d.padding, ATEN.conv2d.padding, ATEN.conv3d.padding)


def fold_batch_norm(graph: GraphModule) -> None:
    """Fold, in float64, every eval-mode batch normalisation that is its convolution's only user.

    Each place gets weights of its own, so that a module used in several places is folded in each.
    """
    norms = graph.graph.find_nodes(op="call_function", target=ATEN.batch_norm.default)
    for index, norm in enumerate(norms):
        conv = norm.args[0]
        if _foldable(conv, norm):
            _fold(graph, conv, norm, f"folded_{index}")
    graph.graph.eliminate_dead_code()
    graph.delete_all_unused_submodules()
    graph.recompile()


def _foldable(conv: Node, norm: Node) -> bool:
    stored = [*conv.args[1:3], *norm.args[1:5]]
    return (conv.target in CONVOLUTIONS and len(conv.users) == 1 and norm.args[5] is False
            and all(value is None or isinstance(value, Node) and value.op == "get_attr" for value in stored))


def _fold(graph: GraphModule, conv: Node, norm: Node, name: str) -> None:
    image, weight, bias, *rest = [*conv.args, None][:max(3, len(conv.args))]
    gamma, beta, mean, variance = (_stored(graph, node) for node in norm.args[1:5])
    epsilon: Any = norm.args[7]
    folded = fuse_conv_bn_weights(
        _stored(graph, weight), _stored(graph, bias), mean, variance, epsilon, gamma, beta)
    attributes = []
    for suffix, value in zip(("weight", "bias"), folded, strict=True):
        graph.register_parameter(f"{name}_{suffix}", nn.Parameter(value.detach().float(), requires_grad=False))
        with graph.graph.inserting_before(conv):
            attributes.append(graph.graph.get_attr(f"{name}_{suffix}"))
    conv.args = (image, *attributes, *rest)
    norm.replace_all_uses_with(conv)
    graph.graph.erase_node(norm)


def _stored(graph: GraphModule, node: Any) -> Any:
    """The float64 value of a weight that the graph holds, None where there is none."""
    if node is None:
        return None
    value: Any = functools.reduce(getattr, node.target.split("."), graph)
    return value.detach().double()
