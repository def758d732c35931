"""A user's own network as a space: its blocks' hidden widths, and whether its residual blocks are there at all.

Every block with something to vary is a choice; its candidates are the block with so many channels, sliced from the
network's own weights, most important channels first, and for a residual block nothing. The first candidate is the
block as it is, so that the given network is in the space. How it is taken apart is in apart.py.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from edgenas.space.architecture import Architecture
from edgenas.space.choice import Choice
from edgenas.space.elastic_choice import ElasticChoice
from edgenas.space.space import Space
from edgenas.space.traced.channels import Groups
from edgenas.space.traced.keeping import Untouched
from edgenas.space.traced.masks import masked_module, with_layers_of
from edgenas.space.traced.segments import Segment
from edgenas.space.traced.slicing import Kept, module_of
from edgenas.space.traced.trace import Traced

ABSENT = "absent"


@dataclass(frozen=True, eq=False)
class Block:
    """A segment with something to choose. sizes: candidate -> the channels kept of each group, in the segment's order.
    absent: what is left of a block that is removed, None of one that cannot be."""

    name: str
    segment: Segment
    sizes: Mapping[str, Mapping[int, int]]
    absent: nn.Module | None

    @property
    def candidates(self) -> tuple[str, ...]:
        return (*self.sizes, *([ABSENT] if self.absent is not None else []))


@dataclass(frozen=True)
class Frozen:
    """Channels that keep their number: which layers write them, how many they are, and why."""

    layers: str
    channels: int
    why: str


@dataclass(frozen=True, eq=False)
class Elastic:
    """parts: the network in order; a Segment is always the same. untouched: what the user wants left alone. order: by
    group, its channels, most important first; as they are numbered, until their importance is known. rises: by block,
    by how much the loss is estimated to rise with each candidate (importance.py)."""

    traced: Traced
    groups: Groups
    parts: tuple[Block | Segment, ...]
    fixed: tuple[Frozen, ...]
    untouched: Untouched = field(default_factory=dict)
    order: Mapping[int, Tensor] = field(default_factory=dict)
    rises: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def blocks(self) -> list[Block]:
        return [part for part in self.parts if isinstance(part, Block)]

    def supernet(self, choice: Callable[[Block], Choice]) -> nn.Module:
        """The network with a choice for every block, as `choice` makes it, with the rises that are known; on the
        default device."""
        def made(block: Block) -> Choice:
            found = choice(block)
            found.rises = dict(self.rises.get(block.name, {}))
            return found

        wanted = torch.get_default_device()
        with torch.device("cpu"):
            found = nn.Sequential(OrderedDict((_key(name), made(part) if isinstance(part, Block)
                                               else self.candidate(part)) for name, part in self.named()))
        return found.to(wanted)

    def build(self, architecture: Architecture | Mapping[str, str]) -> nn.Module:
        """One network of the space, with the weights that it keeps: of torch.nn alone."""
        return nn.Sequential(OrderedDict(
            (_key(name), self.candidate(part, architecture[part.name] if isinstance(part, Block) else None))
            for name, part in self.named()))

    def candidate(self, part: Block | Segment, name: str | None = None) -> nn.Module:
        """A part with the size of that name."""
        if isinstance(part, Segment):
            return module_of(self.traced, self.groups.layers, part, {})
        if name == ABSENT:
            assert part.absent is not None
            return copy.deepcopy(part.absent)
        return module_of(self.traced, self.groups.layers, part.segment, self.kept(part.sizes[name or ""]))

    def kept(self, sizes: Mapping[int, int]) -> Kept:
        """The most important channels of each group, in the order in which the network has them."""
        return {group: self.ordered(group)[:count].sort().values for group, count in sizes.items()
                if count < self.groups.size[group]}

    def ordered(self, group: int) -> Tensor:
        return self.order[group] if group in self.order else torch.arange(self.groups.size[group])

    def apart(self, block: Block) -> Choice:
        """Its candidates one beside the other, each with weights of its own."""
        return Choice({name: self.candidate(block, name) for name in block.candidates}, block.name)

    def named(self) -> Iterator[tuple[str, Block | Segment]]:
        for i, part in enumerate(self.parts):
            yield (part.name if isinstance(part, Block) else f"part{i}"), part


@dataclass(frozen=True, eq=False)
class SlicedNetwork:
    """An elastic network as a supernet that holds every block once (elastic_choice.py)."""

    elastic: Elastic

    def supernet(self) -> nn.Module:
        return self.elastic.supernet(self._choice)

    def take(self, supernet: nn.Module, architecture: Architecture) -> nn.Module:
        """Sliced from the weights that `supernet` has."""
        parts: dict[Segment, nn.Module] = {}
        for name, part in self.elastic.named():
            module = supernet.get_submodule(_key(name))
            if isinstance(part, Block):
                assert isinstance(module, ElasticChoice)
                if module.block is not None:
                    parts[part.segment] = module.block
            else:
                parts[part] = module
        return replace(self.elastic, traced=with_layers_of(self.elastic.traced, parts)).build(architecture)

    def _choice(self, block: Block) -> ElasticChoice:
        elastic, groups = self.elastic, self.elastic.groups
        masks = {}
        for name, sizes in block.sizes.items():
            kept = elastic.kept(sizes)
            masks[name] = [_mask(groups.size[group], kept.get(group)) for group in block.segment.groups]
        others = {} if block.absent is None else {ABSENT: copy.deepcopy(block.absent)}
        return ElasticChoice(masked_module(elastic.traced, groups, block.segment), masks, others, block.name)


def _mask(channels: int, kept: Tensor | None) -> Tensor:
    """Ones where channels are kept, all of them by default."""
    return torch.ones(channels) if kept is None else torch.zeros(channels).index_fill(0, kept, 1.0)


def space_of(elastic: Elastic, name: str, input_shape: tuple[int, int, int], classes: int) -> Space:
    """The networks that an elastic one holds, with its weights."""
    def define(*_: object) -> nn.Module:
        return elastic.supernet(elastic.apart)

    return Space(name, define, input_shape, classes, assemble=elastic.build, sliced=SlicedNetwork(elastic))


def _key(name: str) -> str:
    return name.replace(".", "_")
