"""The pieces that a network of choices is made of, each with the shape of its input."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgenas.errors import UsageError
from edgenas.space.choice import Choice, choices_of
from edgenas.space.operators import Zero
from edgenas.space.structure import structure

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """A piece of the network whose cost is known by itself: one candidate of a choice, or a fixed part.

    input_shape has no batch dimension. candidate is None for a fixed part, and so is choice, the name of the choice
    that has this place. module has no data: it lives on `meta`.
    """

    place: str
    candidate: str | None
    module: nn.Module
    input_shape: Shape
    choice: str | None = None

    @property
    def is_absent(self) -> bool:
        """Whether nothing at all is executed for this part."""
        return isinstance(self.module, (nn.Identity, Zero))


def parts_of(network: nn.Module, input_shape: Shape, what: str) -> tuple[Part, ...]:
    """The parts of a network on `meta` for an image of `input_shape`; see Space.parts."""
    shapes = _input_shapes(network, input_shape, what)
    found: list[Part] = []
    checked: set[Hashable] = set()
    for path, module in _places(network):
        if path not in shapes:
            continue  # defined but never called
        if isinstance(module, Choice):
            group = [Part(path, key, candidate, shapes[path], module.name or path)
                     for key, candidate in module.candidates.items()]
            key = structure(module.candidates), shapes[path]
            if key not in checked:
                _check_outputs(group)
                checked.add(key)
            found += group
        else:
            found.append(Part(path, None, module, shapes[path]))
    return tuple(found)


def _places(module: nn.Module, prefix: str = "") -> list[tuple[str, nn.Module]]:
    if isinstance(module, Choice) or not choices_of(module):
        return [(prefix, module)]
    return [place for name, child in module.named_children()
            for place in _places(child, f"{prefix}.{name}" if prefix else name)]


def _input_shapes(network: nn.Module, input_shape: Shape, what: str) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    hooks = []
    for name, module in _places(network):
        def record(_: nn.Module, inputs: tuple[Tensor, ...], name: str = name) -> None:
            shapes[name] = tuple(inputs[0].shape[1:])
        hooks.append(module.register_forward_pre_hook(record))
    try:
        _output_shape(network, input_shape, what)
    finally:
        for hook in hooks:
            hook.remove()
    return shapes


def _check_outputs(group: list[Part]) -> None:
    outputs = {str(part.candidate): _output_shape(part.module, part.input_shape,
                                                  f"candidate {part.candidate!r} of {part.place!r}")
               for part in group}
    if len(set(outputs.values())) > 1:
        raise UsageError(f"the candidates of {group[0].place!r} differ in their output shape: {outputs}",
                         "give them one output shape")


def _output_shape(module: nn.Module, input_shape: Shape, what: str) -> Shape:
    try:
        with torch.no_grad():
            return tuple(module(torch.empty(1, *input_shape, device="meta")).shape[1:])
    except Exception as error:
        raise UsageError(f"{what} cannot take an input of shape {input_shape}: {error}",
                         "mend the definition of the space") from error
