"""A space: the set of networks to choose from, defined by one function that returns a network with choices in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import nn

from edgenas.errors import RunError, UsageError
from edgenas.space.architecture import Architecture
from edgenas.space.choice import places_of
from edgenas.space.dag import graphs_of
from edgenas.space.graph import NONE, Graph
from edgenas.space.int8 import Int8
from edgenas.space.parts import Part, parts_of
from edgenas.space.pick import pick, picked
from edgenas.space.solver import Row

DRAWS = 1000


class Sliced(Protocol):
    """Candidates that are slices of one another, and so share their weights."""

    def supernet(self) -> nn.Module: ...

    def take(self, supernet: nn.Module, architecture: Architecture) -> nn.Module:
        """The network of an architecture, with the weights of a supernet that was trained."""
        ...


@dataclass(frozen=True, eq=False)
class Space:
    """The networks that `define(input_shape, classes, **options)` describes.

    input_shape: (channels, height, width) of an image. grown: options that are others in the networks that are built
    than in the supernet that is searched; both must have the same choices. assemble: as `build`, without making all
    candidates first, and with the weights that they have, where a space has some (elastic.py). sliced: a supernet with
    the same choices whose candidates share their weights, where a space has one.
    """

    name: str
    define: Callable[..., nn.Module] = field(repr=False)
    input_shape: tuple[int, int, int]
    classes: int
    options: Mapping[str, Any] = field(default_factory=dict)
    grown: Mapping[str, Any] = field(default_factory=dict)
    assemble: Callable[[Architecture], nn.Module] | None = field(default=None, repr=False)
    sliced: Sliced | None = field(default=None, repr=False)

    def supernet(self) -> nn.Module:
        """A freshly initialised network that holds all candidates; those in int8 round as their files will."""
        if self.sliced is not None:
            return self.sliced.supernet()
        network = self.define(self.input_shape, self.classes, **self.options)
        for module in network.modules():
            if isinstance(module, Int8):
                module.simulated = True
        return network

    def take(self, supernet: nn.Module, architecture: Architecture) -> nn.Module:
        """The network of `architecture` alone, with the weights that `supernet` has. Changes `supernet`."""
        self.check(architecture)
        return self.sliced.take(supernet, architecture) if self.sliced is not None else pick(supernet, architecture)

    def whole(self) -> nn.Module:
        """As `supernet`, of the size of the networks that are built."""
        return self.define(self.input_shape, self.classes, **{**self.options, **self.grown})

    @property
    def inherits(self) -> bool:
        """Whether built networks have the supernet's size, so that its weights fit."""
        return same_size(self.options, self.grown)

    @cached_property
    def choices(self) -> dict[str, tuple[str, ...]]:
        """Choice name -> candidate names, in the order of definition.

        Raises: UsageError when there is none, when places of one name differ, or when the supernet has other choices
        than the networks that are built.
        """
        found = _named(self._outline)
        if not found:
            raise UsageError(f"space {self.name!r} has no choice in it",
                             "put an edgenas.space.Choice where candidates differ")
        if not self.inherits:
            with torch.device("meta"):
                searched = _named(self.supernet())
            if searched != found:
                odd = next(name for name in {**searched, **found} if searched.get(name) != found.get(name))
                raise UsageError(f"the supernet and the networks built from it differ in the choice {odd!r}",
                                 "set under build. only options that leave the choices as they are")
        return found

    @cached_property
    def graphs(self) -> tuple[Graph, ...]:
        """The graphs of the cells, where there are some."""
        return graphs_of(self._outline)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """What architectures must hold, whatever they cost, as rows of an integer program."""
        return tuple(row for graph in self.graphs for row in graph.rows(self.choices))

    @cached_property
    def is_additive(self) -> bool:
        """Whether a network's operators are those of its parts and sums: no outputs of a cell vanish from others."""
        return all(graph.keep is not None or len(graph.outputs) == 1 for graph in self.graphs)

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
        for graph in self.graphs:
            if not graph.allows(architecture):
                raise RunError(f"the architecture is none of {self.name!r}: in the cell {graph.name!r} an operator is "
                               "in vain, the output hangs on no input, or a node keeps the wrong number of edges")

    def live(self, architecture: Architecture) -> Architecture:
        """The architecture of the same network without the operators that compute in vain."""
        dead = {edge.choice for graph in self.graphs
                for edge in set(graph.present(architecture)) - set(graph.live(graph.present(architecture)))}
        return Architecture({name: NONE if name in dead else picked for name, picked in architecture.items()})

    def random(self, generator: torch.Generator) -> Architecture:
        """One architecture, every candidate of a choice equally likely; of a graph that keeps so many edges of a node,
        every set of them, and every operator of these.

        Raises: UsageError when the graphs leave none to be found.
        """
        for _ in range(DRAWS):
            drawn = {name: names[int(torch.randint(len(names), (), generator=generator))]
                     for name, names in self.choices.items()}
            for graph in self.graphs:
                drawn |= graph.draw(self.choices, generator)
            found = self.live(Architecture(drawn))
            if all(graph.allows(found) for graph in self.graphs):
                return found
        raise UsageError(f"no network of space {self.name!r} was found in {DRAWS} random draws",
                         "define its graphs so that their outputs can hang on their inputs")

    def build(self, architecture: Architecture) -> nn.Module:
        """The network of `architecture` alone, without any choice in it; freshly initialised, but for `assemble`."""
        self.check(architecture)
        if self.assemble is not None:
            return self.assemble(architecture)
        return pick(self.whole(), architecture)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Every candidate at every place, and every fixed part: the largest modules that hold no choice.

        Raises: UsageError when candidates of one choice differ in their output shape or cannot take their input.
        """
        return parts_of(self._outline, self.input_shape, f"space {self.name!r}")

    def outline(self, architecture: Architecture) -> nn.Module:
        """As `build`, without data: on `meta`."""
        self.check(architecture)
        return picked(self._outline, architecture)

    @cached_property
    def _outline(self) -> nn.Module:
        with torch.device("meta"):
            return self.whole().eval()


def same_size(options: Mapping[str, Any], grown: Mapping[str, Any]) -> bool:
    """Whether networks that are built with the options `grown` are as large as the supernet of `options`."""
    return all(options.get(name) == value for name, value in grown.items())


def _named(network: nn.Module) -> dict[str, tuple[str, ...]]:
    found = {}
    for name, places in places_of(network).items():
        found[name] = places[0].names
        if other := next((choice.names for choice in places if choice.names != found[name]), None):
            raise UsageError(f"the places of the choice {name!r} have different candidates: {', '.join(found[name])} "
                             f"and {', '.join(other)}", "give them the same ones, or another name")
    return found
