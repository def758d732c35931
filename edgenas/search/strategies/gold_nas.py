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
from typing import Annotated, ClassVar, cast

import torch
from annotated_types import Ge, Gt, Le, Lt
from torch import Tensor, nn
from torch.nn import functional

from edgenas.search.decode import Scores
from edgenas.search.progressive import columns
from edgenas.search.relaxation import Paths, Relaxation
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.search.update import step_weights
from edgenas.space.space import Space
from edgenas.train.fabric import checked


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


@dataclass(frozen=True)
class SigmoidGates(Relaxation):
    """weights = sigmoid of the logits given here, which no prices tilt; all candidates are computed."""

    logits: Tensor

    def sample(self, logits: Tensor, generator: torch.Generator) -> Paths:
        return Paths(torch.sigmoid(self.logits), torch.arange(logits.shape[1]).expand(logits.shape))


class Pressure(nn.Module):
    """What is remembered: the `price` of a candidate of mean cost, by how much it rises next (`urgency`), and the
    number of rounds of pruning so far."""

    price: Tensor
    urgency: Tensor
    rounds: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("price", "urgency", "rounds"):
            self.register_buffer(name, torch.zeros(()))

    def rise(self, by: float, *, behind: bool) -> None:
        """One more round. Behind the schedule, the price rises by another `by` more than the last time."""
        self.rounds += 1
        self.urgency.copy_(self.urgency + 1 if behind else torch.zeros(()))
        self.price += by * self.urgency


def pressure_of(state: SearchState) -> Pressure:
    return cast(Pressure, state.parameters.more)


def costs_of(state: SearchState) -> Tensor:
    """(choices, candidates): 1 for every candidate, and its share of each summed budget in units of the mean one."""
    mask, tables = state.parameters.allowed, state.multipliers.tables
    means = (tables * mask).sum((1, 2)) / mask.sum()
    return 1 + (tables / means.clamp(min=1e-12)[:, None, None]).sum(0)


def gated_step(state: SearchState, batch: Batch, rate: float) -> dict[str, float]:
    """One step of the weights and the gates along the gradient of the loss + price · Σ gate · cost. The gates step by
    `rate` times theirs: what is cheap must not fall as fast as what is dear, as it would with Adam."""
    parameters = state.parameters
    gates = state.route(SigmoidGates(parameters.logits)).weights
    loss, right = state.loss(batch)
    state.weight_optimizer.zero_grad()
    state.architecture_optimizer.zero_grad()
    state.fabric.backward(loss + pressure_of(state).price * (gates * costs_of(state)).sum())
    step_weights(state)
    state.average_architecture_gradient()
    assert parameters.values.grad is not None
    with torch.no_grad():
        parameters.values.sub_(rate * parameters.values.grad)
    state.multipliers.ascend(parameters.logits)
    return {"loss": checked(loss, "search.lr"), "accuracy": right}


@torch.no_grad()
def prune(state: SearchState, below: float, most: int) -> int:
    """Drop up to `most` candidates whose gates are the least open and below this; returns how many. Those of the
    architecture that would be decoded now stay, and so at least one of each choice."""
    mask, gates = state.parameters.mask, torch.sigmoid(state.parameters.logits)
    spared = columns(state, state.derived(gate_scores(state)))
    shut = ((gates < below) & mask & ~spared).nonzero().tolist()
    shut.sort(key=lambda place: float(gates[*place]))
    for row, column in shut[:most]:
        mask[row, column] = False
    return len(shut[:most])


@torch.no_grad()
def gate_scores(state: SearchState) -> Scores:
    """The logarithms of the gates."""
    return state.parameters.named(functional.logsigmoid(state.parameters.logits))


STRATEGY = GoldNas
