"""GOLD-NAS: Gradual, One-Level, Differentiable (Bi, Xie, Chen, Wei, Tian; arXiv:2007.03331).

Every candidate has a gate, the sigmoid of its own parameter, so that candidates do not compete; weights and gates learn
together on the same data (one level). A price on the gates' costs rises step by step while less is pruned than planned;
gates that fall below a threshold are pruned, few at a time and for good, until one network is left. So what is cut off
at the end, and what it costs to cut it off, is little at any time.

Where we differ: the paper could be read in summary only, so constants are ours. The costs are those of the budgets, not
FLOPs, beside an equal share for every candidate. One candidate per choice is left (the authors: any number, in cells
whose edges sum them), those of the network that would be decoded are never pruned, and pruned ones are decoded only
where nothing else holds the budgets. Gates step along their plain gradient. Candidates are scored by the logarithm of
their gates; the multipliers tilt nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Le, Lt
from torch import nn

from edgenas.search.decode import Scores
from edgenas.search.gates import Pressure, gate_scores, gated_step, pressure_of, prune
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.space.space import Space


@dataclass(frozen=True)
class GoldNas(Strategy):
    """architecture_travel: how far a gradient of 1 moves a logit over the whole search. rise: of the price of a
    candidate of mean cost, at the first round that is behind. threshold: gates below it are pruned. rounds: of pruning,
    over the search. done: when one network is to be left, as a part of the search."""

    summary: ClassVar[str] = "independent gates, pruned for good as the price of their costs rises"
    paper: ClassVar[str] = "Bi et al., arXiv:2007.03331"

    architecture_travel: Annotated[float, Gt(0)] = 500.0
    rise: Annotated[float, Gt(0)] = 0.001
    threshold: Annotated[float, Gt(0), Lt(0.5)] = 0.05
    rounds: Annotated[int, Ge(1)] = 50
    done: Annotated[float, Gt(0), Le(1)] = 0.9

    def more(self, space: Space) -> nn.Module:
        return Pressure()

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        (group,) = state.architecture_optimizer.param_groups
        log = gated_step(state, batch, group["lr"])
        while pressure_of(state).rounds <= progress * self.rounds:
            self.round(state)
        return log

    def round(self, state: SearchState) -> None:
        """Prune what may be by now, and raise the price if that is not enough."""
        pressure, parameters = pressure_of(state), state.parameters
        surplus = int(parameters.allowed.sum()) - len(parameters.choices)
        planned = surplus * min(1.0, float(pressure.rounds + 1) / self.rounds / self.done)
        pruned = int(parameters.allowed.sum() - parameters.mask.sum())
        pruned += prune(state, self.threshold, most=max(0, round(planned) - pruned))
        pressure.rise(self.rise, behind=pruned < round(planned))

    def scores(self, state: SearchState) -> Scores:
        return gate_scores(state)


STRATEGY = GoldNas
