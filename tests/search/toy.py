"""States that are small enough to search in a second; see edgenas.testing.toy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from edgenas.cost.budget import Budget
from edgenas.cost.model import CostModel
from edgenas.data import Task
from edgenas.search.decode import Constraint
from edgenas.search.multiplier import Multipliers, allowed
from edgenas.search.parameters import ArchitectureParameters
from edgenas.search.state import SearchState
from edgenas.search.strategy import Strategy
from edgenas.space import Space, choices_of
from edgenas.testing.toy import (
    CLASSES,
    COSTS,
    Operator,
    Untouchable,
    colours,
    fabric,
    sealed,
    stack,
    stack_space,
    table,
)
from edgenas.train.fabric import sgd

__all__ = ["CLASSES", "COSTS", "Operator", "Untouchable", "batch", "calls", "colours", "copied", "fabric", "named",
           "sealed", "stack", "stack_space", "state_of", "table"]


def state_of(space: Space, models: Sequence[CostModel], limits: Sequence[float], *, seed: int = 0,
             momentum: float = 0.5, lr: float = 0.05, strategy: Strategy | None = None) -> SearchState:
    """As `search` makes it, at its beginning."""
    torch.manual_seed(seed)
    supernet, by_name, use = space.supernet(), {m.metric: m for m in models}, fabric()
    budgets = [Budget(m.metric, limit) for m, limit in zip(models, limits, strict=True)]
    parameters = ArchitectureParameters(space.choices, allowed(space.choices, by_name, budgets),
                                        strategy.link if strategy else None, strategy.more(space) if strategy else None)
    wrapped, optimizer = use.setup(supernet, sgd(supernet, lr, 1e-4))
    return SearchState(use, wrapped, parameters, Multipliers(space.choices, by_name, budgets),
                       optimizer, torch.optim.Adam(parameters.parameters(), 0.05, betas=(momentum, 0.999)),
                       torch.Generator().manual_seed(seed),
                       constraints=[Constraint(m, limit) for m, limit in zip(models, limits, strict=True)],
                       rows=space.rows)


def batch(task: Task, size: int = 16) -> tuple[Tensor, Tensor]:
    return task.normalise(task.train.images[:size]), task.train.labels[:size]


def calls(state: SearchState) -> list[list[int]]:
    """Forward passes of each candidate of each choice."""
    return [[cast(Operator, operator).calls for operator in choice.candidates.values()]
            for choice in choices_of(state.supernet).values()]


def named(state: SearchState) -> dict[str, nn.Parameter]:
    """The supernet's weights, by the names that they have without Fabric's wrapper."""
    return {name.removeprefix("_forward_module."): p for name, p in state.supernet.named_parameters()}


def copied(state: SearchState) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in named(state).items()}
