"""A space without some of its candidates."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from edgenas.space.architecture import Architecture
from edgenas.space.choice import places_of
from edgenas.space.space import Sliced, Space


def narrowed(space: Space, dropped: Mapping[str, Collection[str]]) -> Space:
    """`space` without the candidates `dropped` by choice; a choice of one candidate that is left stays a choice."""
    if not dropped:
        return space

    def less(network: nn.Module) -> nn.Module:
        for name, places in places_of(network).items():
            for choice in places:
                for candidate in dropped.get(name, ()):
                    del choice.candidates[candidate]
        return network

    @functools.wraps(space.define)
    def define(*arguments: Any, **options: Any) -> nn.Module:
        return less(space.define(*arguments, **options))

    sliced = None if space.sliced is None else _Narrowed(space.sliced, less)
    return replace(space, define=define, sliced=sliced)


@dataclass(frozen=True)
class _Narrowed:
    sliced: Sliced
    less: Callable[[nn.Module], nn.Module]

    def supernet(self) -> nn.Module:
        return self.less(self.sliced.supernet())

    def take(self, supernet: nn.Module, architecture: Architecture) -> nn.Module:
        return self.sliced.take(supernet, architecture)
