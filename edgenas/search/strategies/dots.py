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

from annotated_types import Ge, Gt, Lt
from torch import nn

from edgenas.search.groups import Grouped
from edgenas.search.relaxation import Given
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
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


STRATEGY = Dots
