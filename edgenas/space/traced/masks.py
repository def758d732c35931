"""Parts of a traced network whole, with masks where their channels are read: a smaller part is a mask, not a copy.

A channel that is zero for every layer that sums over channels is as good as cut: norms, activations and depthwise
convolutions keep channels apart. So one part, with its weights, holds all its sizes, and weights that mix sizes mix
masks: FBNetV2 (Wan et al., CVPR 2020, arXiv:2004.05565). There a mask lies on a block's output; here on what is read
within, so that a mask of ones and zeros gives exactly what the sliced part gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter

import torch
from torch import Tensor, fx, nn

from edgenas.space.traced.channels import Groups, Layer
from edgenas.space.traced.segments import Segment
from edgenas.space.traced.slicing import module_of, names_within
from edgenas.space.traced.trace import Traced, path_of

Pattern = tuple[tuple[int, int, int], ...]
"""Of the channels that a layer reads: which mask they have (-1: none), how many, and how often each is repeated."""


def masked_module(traced: Traced, groups: Groups, segment: Segment) -> nn.Module:
    """The segment as a module that also takes a mask (channels,) for each of its groups, in the segment's order."""
    readers = {node: layer for layer in groups.layers.values() if layer.kind in ("conv", "linear")
               for node in layer.nodes if any(span.group in segment.groups for span in layer.reads)}
    whole = module_of(traced, groups.layers, segment, {})
    assert isinstance(whole, fx.GraphModule)
    graph = whole.graph
    body = [node for node in graph.nodes if node.op not in ("placeholder", "output")]
    first = next(iter(graph.nodes)).next
    with graph.inserting_before(first):
        masks = [graph.placeholder(f"mask{i}") for i in range(len(segment.groups))]
    for node, original in zip(body, segment.nodes, strict=True):
        if original in readers:
            axis = groups.layouts[original.all_input_nodes[0]].axis
            with graph.inserting_before(node):
                weighed = graph.call_function(weigh, (node.args[0], axis, pattern(readers[original], segment), *masks))
            node.update_arg(0, weighed)
    whole.recompile()
    return whole


def pattern(layer: Layer, segment: Segment) -> Pattern:
    return tuple((segment.groups.index(span.group) if span.group in segment.groups else -1, span.count, span.repeat)
                 for span in layer.reads)


def weigh(value: Tensor, axis: int, pattern: Pattern, *masks: Tensor) -> Tensor:
    """`value` with the channels on `axis` times their masks."""
    parts = [masks[i].repeat_interleave(repeat) if i >= 0 else value.new_ones(count * repeat)
             for i, count, repeat in pattern]
    shape = [1] * value.ndim
    shape[axis] = -1
    return value * torch.cat(parts).to(value.dtype).view(shape)


def with_layers_of(traced: Traced, segments: Mapping[Segment, nn.Module]) -> Traced:
    """The same network with the layers and parameters that its parts have as modules of their own, trained meanwhile.
    """
    modules, tensors = dict(traced.modules), dict(traced.tensors)
    for segment, module in segments.items():
        for node, name in names_within(segment).items():
            (modules if node.op == "call_module" else tensors)[path_of(node)] = attrgetter(name)(module)
    return replace(traced, modules=modules, tensors=tensors)
