"""From a supernet to one of its networks."""

from __future__ import annotations

import copy
from typing import Any, Protocol, runtime_checkable

from torch import nn

from edgenas.space.architecture import Architecture
from edgenas.space.choice import Route, choices_of, places_of


@runtime_checkable
class Simplified(Protocol):
    """A module that can drop what is not needed any more when every choice is picked."""

    def simplify(self) -> None: ...


def pick(supernet: nn.Module, architecture: Architecture) -> nn.Module:
    """Replace every choice of `supernet` by its picked candidate, weights included. Changes `supernet`.

    Then modules that are `Simplified` drop what is not needed any more, inner ones first.
    """
    for path, choice in choices_of(supernet).items():
        parent, _, child = path.rpartition(".")
        setattr(supernet.get_submodule(parent), child, choice.candidates[architecture[choice.name or path]])
    for module in reversed(list(supernet.modules())):
        if isinstance(module, Simplified):
            module.simplify()
    return supernet


def picked(supernet: nn.Module, architecture: Architecture) -> nn.Module:
    """As `pick`, of a copy: nothing but what is picked is copied."""
    left_out: dict[int, Any] = {}
    for path, choice in choices_of(supernet).items():
        chosen = architecture[choice.name or path]
        kept = set(choice.candidates[chosen].modules())  # candidates in two precisions share their weights
        left_out |= {id(candidate): nn.Identity() for candidate in choice.candidates.values() if candidate not in kept}
    return pick(copy.deepcopy(supernet, left_out), architecture)


def follow(supernet: nn.Module, architecture: Architecture) -> None:
    """Route every choice of `supernet` through the candidate that `architecture` names."""
    for name, places in places_of(supernet).items():
        for choice in places:
            choice.route = Route(active=(choice.names.index(architecture[name]),))
