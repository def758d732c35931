"""A space: the set of networks to choose from, defined by one function that returns a network with choices in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from edgenas.errors import RunError, UsageError
from edgenas.space.architecture import Architecture
from edgenas.space.choice import Choice, Route, choices_of

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """A piece of the network whose cost is known by itself: one candidate of a choice, or a fixed part.

    input_shape has no batch dimension. candidate is None for a fixed part. module has no data: it lives on `meta`.
    """

    place: str
    candidate: str | None
    module: nn.Module
    input_shape: Shape

    @property
    def is_absent(self) -> bool:
        """Whether nothing at all is executed for this part."""
        return isinstance(self.module, nn.Identity)


@dataclass(frozen=True, eq=False)
class Space:
    """The networks that `define(input_shape, classes, **options)` describes.

    input_shape: (channels, height, width) of an image.
    """

    name: str
    define: Callable[..., nn.Module] = field(repr=False)
    input_shape: tuple[int, int, int]
    classes: int
    options: Mapping[str, Any] = field(default_factory=dict)

    def supernet(self) -> nn.Module:
        """A freshly initialised network that holds all candidates."""
        return self.define(self.input_shape, self.classes, **self.options)

    @cached_property
    def choices(self) -> dict[str, tuple[str, ...]]:
        """Choice name -> candidate names, in the order of definition."""
        found = {name: choice.names for name, choice in choices_of(self._outline).items()}
        if not found:
            raise UsageError(f"space {self.name!r} has no choice in it",
                             "put an edgenas.space.Choice where candidates differ")
        return found

    @property
    def size(self) -> int:
        """Number of architectures."""
        return math.prod(len(names) for names in self.choices.values())

    def check(self, architecture: Architecture) -> None:
        """Raises: RunError naming the first choice or candidate that this space does not have."""
        missing = [name for name in self.choices if name not in architecture]
        foreign = [name for name in architecture if name not in self.choices]
        if missing or foreign:
            raise RunError(f"the architecture is of another space: {self.name!r} has "
                           + (f"no choice {foreign[0]!r}" if foreign else f"a choice {missing[0]!r} that it lacks"))
        for name, candidate in architecture.items():
            if candidate not in self.choices[name]:
                raise RunError(f"the architecture is of another space: {candidate!r} is no candidate of {name!r} "
                               f"({', '.join(self.choices[name])})")

    def random(self, generator: torch.Generator) -> Architecture:
        """One architecture, every candidate of a choice equally likely."""
        return Architecture({name: names[int(torch.randint(len(names), (), generator=generator))]
                             for name, names in self.choices.items()})

    def build(self, architecture: Architecture) -> nn.Module:
        """The network of `architecture` alone, freshly initialised, without any choice in it."""
        self.check(architecture)
        return pick(self.supernet(), architecture)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Every candidate at every place, and every fixed part: the largest modules that hold no choice.

        Raises: UsageError when candidates of one choice differ in their output shape or cannot take their input.
        """
        network = self._outline
        shapes = _input_shapes(network, self.input_shape, f"space {self.name!r}")
        found: list[Part] = []
        for name, module in _places(network):
            if name not in shapes:
                continue  # defined but never called
            if isinstance(module, Choice):
                group = [Part(name, key, candidate, shapes[name]) for key, candidate in module.candidates.items()]
                _check_outputs(group)
                found += group
            else:
                found.append(Part(name, None, module, shapes[name]))
        return tuple(found)

    @cached_property
    def _outline(self) -> nn.Module:
        with torch.device("meta"):
            return self.supernet().eval()


def pick(supernet: nn.Module, architecture: Architecture) -> nn.Module:
    """Replace every choice of `supernet` by its picked candidate, weights included. Changes `supernet`."""
    for name, choice in choices_of(supernet).items():
        parent, _, child = name.rpartition(".")
        setattr(supernet.get_submodule(parent), child, choice.candidates[architecture[name]])
    return supernet


def follow(supernet: nn.Module, architecture: Architecture) -> None:
    """Route every choice of `supernet` through the candidate that `architecture` names."""
    for name, choice in choices_of(supernet).items():
        choice.route = Route(active=(choice.names.index(architecture[name]),))


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
