"""The classifier of a user's own network: found by tracing, and replaced by one of other classes."""

from __future__ import annotations

import copy

from torch import Tensor, nn

from edgenas.errors import UsageError
from edgenas.space.traced.channels import groups_of
from edgenas.space.traced.trace import trace_network


def with_new_head(network: nn.Module, images: Tensor, classes: int, name: str) -> tuple[nn.Module, str]:
    """A copy of `network` whose last layer, freshly initialised, tells `classes` classes apart, and that layer's path.

    Raises: UsageError when no single layer makes the outputs; UserCodeError as trace_network() has it.
    """
    traced = trace_network(network, images, name)
    groups = groups_of(traced)
    layout = groups.layouts.get(traced.result)
    made = {span.group for span in layout.spans} if layout is not None else set()
    heads = [path for path, layer in groups.layers.items() if layer.kind in ("conv", "linear")
             and made & {span.group for span in layer.writes}]
    found = copy.deepcopy(network)
    if len(heads) != 1 or heads[0] not in dict(found.named_modules()):
        what = f"{len(heads)} layers make its outputs ({', '.join(heads[:3])})" if heads else "none is found"
        raise UsageError(f"the classifier of {name} is not one layer: {what}",
                         "replace it in your code, and leave out --new-head")
    old = found.get_submodule(heads[0])
    parent, _, child = heads[0].rpartition(".")
    setattr(found.get_submodule(parent), child, _like(old, classes))
    return found.eval(), heads[0]


def _like(old: nn.Module, classes: int) -> nn.Module:
    """A layer as `old`, of other outputs."""
    if isinstance(old, nn.Conv2d):
        return nn.Conv2d(old.in_channels, classes, old.kernel_size, old.stride,  # type: ignore[arg-type]
                         old.padding, old.dilation, bias=old.bias is not None)  # type: ignore[arg-type]
    assert isinstance(old, nn.Linear)
    return nn.Linear(old.in_features, classes, bias=old.bias is not None)
