"""What tells modules apart that are not the same object."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from torch import fx, nn

PLAIN = (int, float, str, bool, type(None))
IGNORED = {"training", *vars(nn.Module())}


def structure(module: nn.Module) -> Hashable:
    """Equal for modules that do the same, the values of their weights aside.

    That is their types, their plain attributes and the shapes of their tensors, and those of all modules inside. An
    attribute of any other kind is taken to do the same only if it is the same object.
    """
    if isinstance(module, fx.GraphModule):  # whose own attributes are all about its graph
        return (type(module).__mro__[1], module.code, tuple((key, structure(child)) for key, child in
                                                            module.named_children()),
                tuple((key, tuple(tensor.shape)) for key, tensor in [*module.named_parameters(recurse=False),
                                                                     *module.named_buffers(recurse=False)]))
    own = vars(module)
    return (type(module), tuple(_value(key, own[key]) for key in sorted(own.keys() - IGNORED)),
            tuple((key, None if tensor is None else tuple(tensor.shape))
                  for key, tensor in [*module._parameters.items(), *module._buffers.items()]),
            tuple(id(hook) for key in own if key.endswith("_hooks") for hook in own[key].values()),
            tuple((key, None if child is None else structure(child)) for key, child in module._modules.items()))


def _value(key: str, value: Any) -> Hashable:
    plain = isinstance(value, PLAIN) or isinstance(value, tuple) and all(isinstance(item, PLAIN) for item in value)
    return key, type(value), value if plain else id(value)
