"""Operators in two groups, those with parameters and those without: compared within theirs first (DOTS)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgenas.search.topology import Topology, masked_log_softmax, masked_softmax
from edgenas.space.space import Space


class Grouped(Topology):
    """values: learned: one logit per combination of a node's edges. balance: (choices, 2), between the groups.

    The architecture's values compare the operators of a group. free: (choices, candidates), those without parameters.
    """

    free: Tensor

    def __init__(self, space: Space) -> None:
        super().__init__(space.choices, space.graphs, None)
        names, widest = list(space.choices), self.none.shape[1]
        free = torch.zeros(len(names), widest, dtype=torch.bool)
        for part in space.parts:
            if part.choice is not None and part.candidate is not None:
                column = space.choices[part.choice].index(part.candidate)
                free[names.index(part.choice), column] = next(part.module.parameters(), None) is None
        self.register_buffer("free", free)
        self.values = nn.Parameter(torch.zeros(self.exists.shape))
        self.balance = nn.Parameter(torch.zeros(len(names), 2))

    @property
    def combinations(self) -> Tensor:
        return self.values

    def groups(self, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(choices, candidates) bool each: those with parameters, and those without."""
        present = self.present(mask)
        return present & ~self.free, present & self.free

    def operators(self, values: Tensor, mask: Tensor) -> Tensor:
        groups = self.groups(mask)
        shares = masked_log_softmax(self.balance, both(groups))
        joint = [masked_log_softmax(values, group) + shares[:, i:i + 1] for i, group in enumerate(groups)]
        return torch.where(groups[0], joint[0], joint[1])

    def within(self, values: Tensor, prices: Tensor, mask: Tensor) -> Tensor:
        """Path weights: the mixture of each group, at full weight, on all edges."""
        groups = self.groups(mask)
        return masked_softmax(values - prices, groups[0]) + masked_softmax(values - prices, groups[1])

    def best(self, values: Tensor, mask: Tensor) -> Tensor:
        """(choices, 2) indices: the best of each group; where there is one group alone, its best twice."""
        groups = self.groups(mask)
        found = torch.stack([values.masked_fill(~group, -torch.inf).argmax(1) for group in groups], 1)
        return torch.where(both(groups), found, found.flip(1))

    def between(self, best: Tensor, prices: Tensor, mask: Tensor, temperature: float) -> Tensor:
        """Path weights: the mixture of the groups' best, on each edge weighed by the combinations that keep it."""
        exists, costs = both(self.groups(mask)), prices.gather(1, best)
        shares = masked_softmax((self.balance - costs) / temperature, exists)
        priced = self.priced(masked_log_softmax(self.balance, exists), costs)
        gates = self.gates((self.values - self.members @ priced) / temperature)
        return torch.zeros_like(prices).scatter_add(1, best, shares * gates[:, None])


def both(groups: tuple[Tensor, Tensor]) -> Tensor:
    """(choices, 2) bool: whether there is anything in the group."""
    return torch.stack([group.any(1) for group in groups], 1)
