"""SoftSort as a relaxation (Prillo and Eisenschlos, ICML 2020, arXiv:2006.16038), learned as SNAS learns.

Every choice computes the mixture of the relaxed k largest of its Gumbel-perturbed logits, 1/k each as the temperature
falls; one backward pass on the training loss updates weights and architecture (update.py, single level).

What sorting adds: with k = 1 nothing, it is then snas in value and gradient. With k > 1 samples are of k candidates at
once, so that a candidate learns beside others and not only against them; but one is decoded, and what k of them do
together is more than it can do. Where a node takes k of its input edges, k > 1 is what will be decoded; the spaces here
have no such choice. The paper has no architecture search: the strategy is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from edgenas.search.schedule import Exponential
from edgenas.search.sorting import SoftTopK
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.search.update import single_level


@dataclass(frozen=True)
class Softsort(Strategy):
    """k: candidates of a choice that a cold sample mixes; at most as many as there are."""

    summary: ClassVar[str] = "relaxed top-k of Gumbel-perturbed logits by differentiable sorting"
    paper: ClassVar[str] = "Prillo and Eisenschlos, ICML 2020, arXiv:2006.16038"

    k: Annotated[int, Ge(1)] = 2
    temperature: Exponential = Exponential(start=5.0, end=0.2)

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        return single_level(state, SoftTopK(self.temperature.at(progress), self.k), batch)


STRATEGY = Softsort
