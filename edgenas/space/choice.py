"""A place in the network where one of several candidates is picked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from edgenas.errors import UsageError
from edgenas.space.operators import Zero


@dataclass(frozen=True)
class Route:
    """Which candidates of a choice one forward pass computes, and how they are weighed.

    active: indices of the computed candidates. weights: one weight per candidate of the choice (also the inactive
    ones), or None to take the single active candidate as it is. closed: active candidates of weight 0. No gradient
    passes through them, so none of their features are kept for one; the weight's own gradient takes their output alone.
    """

    active: tuple[int, ...]
    weights: Tensor | None = None
    closed: frozenset[int] = frozenset()


class Choice(nn.Module):
    """Holds named candidates, all of one input and one output shape; computes those that `route` names.

    `nn.Identity` as a candidate makes the network shallower at this place and costs nothing; `Zero` makes an edge of a
    cell vanish (dag.py).

    name: places of one name are one choice, which takes the same candidate at all of them, as in cells that repeat.
    By default a choice has one place and is named by its path in the network.

    rises: by how much the loss of a trained network is estimated to rise with each candidate alone, where the space is
    one (importance.py); empty elsewhere.
    """

    def __init__(self, candidates: Mapping[str, nn.Module], name: str | None = None) -> None:
        super().__init__()
        if len(candidates) < 2:
            raise UsageError(f"a choice of {len(candidates)} candidate(s): {list(candidates)}; it takes at least two",
                             "put the module itself into the network where there is nothing to choose")
        self.candidates = nn.ModuleDict(candidates)
        self.name = name
        self.rises: dict[str, float] = {}
        self.route = Route(active=(0,))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.candidates)

    def forward(self, x: Tensor) -> Tensor:
        operators = list(self.candidates.values())
        active, weights, closed = self.route.active, self.route.weights, self.route.closed
        if weights is None:
            (only,) = active
            output: Tensor = operators[only](x)
            return output
        terms = [weights[i] * (_still(operators[i], x) if i in closed else operators[i](x))
                 for i in active if not isinstance(operators[i], Zero)]
        if not terms:  # its weight's gradient is 0, but there
            terms = [weights[active[0]] * _still(operators[active[0]], x)]
        mixed: Tensor = sum(terms[1:], terms[0])
        return mixed


@torch.no_grad()
def _still(operator: nn.Module, x: Tensor) -> Any:
    return operator(x)


def choices_of(module: nn.Module) -> dict[str, Choice]:
    """The places of a network where there is a choice, by their dotted paths, in the order of definition."""
    return {path: part for path, part in module.named_modules() if isinstance(part, Choice)}


def places_of(module: nn.Module) -> dict[str, list[Choice]]:
    """Choice name -> its places, in the order of definition."""
    found: dict[str, list[Choice]] = {}
    for path, choice in choices_of(module).items():
        found.setdefault(choice.name or path, []).append(choice)
    return found
