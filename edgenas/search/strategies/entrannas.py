"""EnTranNAS: Towards Improving the Consistency, Efficiency, and Flexibility of Differentiable NAS (Yang, You, Li, Wang,
Qian, Lin; CVPR 2021, arXiv:2101.11342).

A supernet that mixes everything everywhere is far from the network that is derived from it. So among the cells that are
alike, one, the engine, computes the mixture of all candidates and teaches the architecture; the others, the transit
cells, compute the derived architecture alone: less to compute, and the mixture trains among what will be built. With
`threshold` above 0, light candidates leave the engine's mixture too, until it mixes little but what is derived (after
the paper's differentiable sparsification, EnTranNAS-DST). Learned as `darts` of order 1.

Where we differ: the paper could be read in summary only. The derived architecture is what our integer program would
decode now, under the budgets, one candidate per choice; it is derived anew at every step. The engine is the last place
of each choice. The threshold, of a share of a choice's largest weight, rises linearly; the paper's is not this. No
sharing of features in the engine. A choice of one place, as in `mobile`, is an engine: there it is `darts`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from edgenas.search.relaxation import Paths, Relaxation
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.search.update import architecture_step, weight_step


@dataclass(frozen=True)
class Entrannas(Strategy):
    """threshold: at the end of the search, as a share of a choice's largest weight; 0 leaves the mixture as it is."""

    summary: ClassVar[str] = "one cell mixes all candidates, its likes follow the derived architecture"
    paper: ClassVar[str] = "Yang et al., CVPR 2021, arXiv:2101.11342"

    architecture_share: Annotated[float, Gt(0), Lt(1)] = 0.5
    threshold: Annotated[float, Ge(0), Lt(1)] = 0.0

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        assert held is not None
        relaxation = Transit(SparseSoftmax(self.threshold * progress), derived_now(state))
        architecture_step(state, relaxation, held)
        return weight_step(state, relaxation, batch)


@dataclass(frozen=True)
class Transit(Relaxation):
    """The last place of each choice mixes as `engine` says; the others take the derived candidate (choices,) alone."""

    engine: Relaxation
    derived: Tensor

    def sample(self, logits: Tensor, generator: torch.Generator) -> Paths:
        return replace(self.engine.sample(logits, generator), derived=self.derived)


def derived_now(state: SearchState) -> Tensor:
    """(choices,) indices of the candidates of the architecture that would be decoded now."""
    architecture = state.derived(state.parameters.scores())
    return torch.tensor([names.index(architecture[choice]) for choice, names in state.parameters.choices.items()])


@dataclass(frozen=True)
class SparseSoftmax(Relaxation):
    """softmax(logits) less `threshold` times the largest weight of the choice, cut off at 0, then normalised."""

    threshold: float

    def sample(self, logits: Tensor, generator: torch.Generator) -> Paths:
        dense = torch.softmax(logits, dim=1)
        sparse = torch.relu(dense - self.threshold * dense.amax(1, keepdim=True))
        return Paths(sparse / sparse.sum(1, keepdim=True), torch.arange(logits.shape[1]).expand(logits.shape))


STRATEGY = Entrannas
