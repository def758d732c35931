"""Gates: every candidate has one of its own, and those that stay shut are pruned for good as the pressure rises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgenas.search.decode import Scores
from edgenas.search.progressive import columns
from edgenas.search.relaxation import Paths, Relaxation
from edgenas.search.state import Batch, SearchState
from edgenas.search.update import step_weights
from edgenas.train.fabric import checked


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
