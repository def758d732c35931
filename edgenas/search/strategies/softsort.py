"""SoftSort as a relaxation (Prillo and Eisenschlos, ICML 2020, arXiv:2006.16038), learned as SNAS learns.

Every choice computes the mixture of the relaxed k largest of its Gumbel-perturbed logits, 1/k each as the temperature
falls; one backward pass on the training loss updates weights and architecture (update.py, single level).

In a space of cells it is a node's input edges that are sorted, by scores of their own: the relaxed k largest are kept,
with weights that sum to k (k is the graph's, or the option where that leaves it open). The operators on an edge are
those of snas. So a cold sample is a network that can be decoded.

What sorting adds elsewhere: with k = 1 nothing, it is then snas in value and gradient. With k > 1 samples are of k
candidates at once, so that a candidate learns beside others and not only against them; but one is decoded, and what k
of them do together is more than it can do. The paper has no architecture search: the strategy is ours. Edges are scored
for decoding by their share of the combinations of k, each as likely as the exponential of its edges' summed scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge
from torch import nn

from edgenas.search.sorting import SoftEdges, SoftTopK
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.search.topology import EdgeScores
from edgenas.search.update import single_level
from edgenas.space.space import Space
from edgenas.train.schedule import Exponential


@dataclass(frozen=True)
class Softsort(Strategy):
    """k: candidates of a choice that a cold sample mixes, or edges that a node keeps; at most as many as there are."""

    summary: ClassVar[str] = "relaxed top-k of Gumbel-perturbed logits by differentiable sorting"
    paper: ClassVar[str] = "Prillo and Eisenschlos, ICML 2020, arXiv:2006.16038"

    k: Annotated[int, Ge(1)] = 2
    temperature: Exponential = Exponential(start=5.0, end=0.2)

    def more(self, space: Space) -> nn.Module | None:
        return EdgeScores(space.choices, space.graphs, self.k) if space.graphs else None

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        temperature, parameters = self.temperature.at(progress), state.parameters
        if isinstance(parameters.more, EdgeScores):
            edges = SoftEdges(temperature, parameters.more, parameters.values, state.prices, parameters.mask)
            return single_level(state, edges, batch)
        return single_level(state, SoftTopK(temperature, self.k), batch)


STRATEGY = Softsort
