"""DOTS: Decoupling Operation and Topology (Gu, Wang, Liu, Yang, Wu, Lu, Cheng; CVPR 2021, arXiv:2010.00969).

First the operators, then the edges. The operation search is `darts` of order 1, but operators with and without
parameters are two groups, each with a softmax of its own, so that no skip drives out what it competes with. Of each
group the best stays. The topology search is a softmax over the combinations of edges that a node may keep, an edge's
weight being the sum of those of the combinations that hold it; a second one balances the two operators that are left.
The temperature of both falls, so that at its end the supernet is the network that is decoded. It takes one level: one
backward pass on the training loss. Either search begins with weight steps alone, 30 + 40 epochs of the authors'
halved.

Where we differ: `none` is no operator, as the topology decides whether there is an edge (the authors have it in the
group without parameters). Where a graph does not say how many edges a node keeps, all combinations are compared, the
empty one included. The supernet's weights go on into the topology search (the authors start anew), which learns on the
data of the weights alone; both softmaxes have one temperature (theirs of the balance is a thousandth). An operator's
score is the product of its weight in its group, the group's, and the edge's. In spaces without graphs the second search
decides between the groups alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, cast

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from edgenas.search.relaxation import Given
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.search.topology import Topology, masked_log_softmax, masked_softmax
from edgenas.search.update import architecture_gradient, learn_architecture, single_level, weight_step
from edgenas.space.space import Space
from edgenas.train.schedule import Exponential


@dataclass(frozen=True)
class Dots(Strategy):
    """operation: part of the whole that is the operation search. warmup: part of each search in which the weights learn
    alone."""

    summary: ClassVar[str] = "operators in two groups first, then the combinations of edges, annealed"
    paper: ClassVar[str] = "Gu et al., CVPR 2021, arXiv:2010.00969"

    architecture_travel: Annotated[float, Gt(0)] = 24.0  # a quarter of the steps is each search's own
    architecture_share: Annotated[float, Gt(0), Lt(1)] = 0.5
    operation: Annotated[float, Gt(0), Lt(1)] = 3 / 7
    warmup: Annotated[float, Ge(0), Lt(1)] = 0.5
    temperature: Exponential = Exponential(start=10.0, end=0.02)

    def more(self, space: Space) -> nn.Module:
        return Grouped(space)

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        assert held is not None
        if progress < self.operation:
            if progress >= self.warmup * self.operation:
                architecture_gradient(state, operation(state), held)
                learn_architecture(state)
            return weight_step(state, operation(state), batch)
        done = (progress - self.operation) / (1 - self.operation)
        if done < self.warmup:
            return weight_step(state, topology(state, 1.0), batch)
        annealed = self.temperature.at((done - self.warmup) / (1 - self.warmup))
        return single_level(state, topology(state, annealed), batch)


def operation(state: SearchState) -> Given:
    parameters = state.parameters
    return Given(cast(Grouped, parameters.more).within(parameters.values, state.prices, parameters.mask))


def topology(state: SearchState, temperature: float) -> Given:
    parameters, more = state.parameters, cast(Grouped, state.parameters.more)
    best = more.best(parameters.values, parameters.mask)
    return Given(more.between(best, state.prices, parameters.mask, temperature), best)


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


STRATEGY = Dots
