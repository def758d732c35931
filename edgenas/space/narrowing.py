"""A space without some of its candidates."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from edgenas.space.choice import places_of
from edgenas.space.space import Space


def narrowed(space: Space, dropped: Mapping[str, Collection[str]]) -> Space:
    """`space` without the candidates `dropped` by choice; a choice of one candidate that is left stays a choice."""
    if not dropped:
        return space

    @functools.wraps(space.define)
    def define(*arguments: Any, **options: Any) -> nn.Module:
        network = space.define(*arguments, **options)
        for name, places in places_of(network).items():
            for choice in places:
                for candidate in dropped.get(name, ()):
                    del choice.candidates[candidate]
        return network

    return replace(space, define=define)
