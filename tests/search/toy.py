"""Spaces, tasks and states that are small enough to search in a second."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from edgenas.cost.budget import Budget
from edgenas.cost.model import CostModel
from edgenas.data import Split, Task
from edgenas.search.decode import Constraint
from edgenas.search.multiplier import Multipliers, allowed
from edgenas.search.parameters import ArchitectureParameters
from edgenas.search.state import SearchState
from edgenas.search.strategy import Strategy
from edgenas.space import Choice, Space, choices_of
from edgenas.train.fabric import new_fabric, sgd

CLASSES = ("dark", "red", "green", "both")


def fabric() -> Fabric:
    return new_fabric("cpu")


class Untouchable:
    """The test part of a task: looking at it in any way is an error."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"the test part was touched: {name}")

    def __len__(self) -> int:
        raise AssertionError("the test part was touched: its length")


def sealed(task: Task) -> Task:
    return replace(task, test=cast(Split, Untouchable()))


def colours(count: int = 240, seed: int = 0) -> Task:
    """8×8 images whose class says which of the first two channels is bright; the third is noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 4, (count,), generator=generator)
    images = torch.randint(0, 120, (count, 3, 8, 8), generator=generator)
    bright = torch.stack([labels & 1, labels >> 1, torch.randint(0, 2, (count,), generator=generator)], 1)
    images = (images + 60 * bright[:, :, None, None]).to(torch.uint8)
    parts = [Split(images[i:j], labels[i:j]) for i, j in ((0, count * 2 // 3), (count * 2 // 3, count))]
    return Task("colours", "made", CLASSES, parts[0], parts[1], cast(Split, Untouchable()), (0.35,) * 3, (0.2,) * 3,
                0, (), "0" * 64)


class Operator(nn.Module):
    """A 1×1 convolution that counts its forward passes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv, self.calls = nn.Conv2d(channels, channels, 1), 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        out: Tensor = self.conv(x)
        return out


def stack(shape: tuple[int, int, int], classes: int, *, same: bool = False) -> nn.Module:
    """Three choices of three, four and three operators; with `same` those of a choice share their weights."""
    def choice(count: int) -> Choice:
        operators = [Operator(4) for _ in range(count)]
        for operator in operators:
            if same:
                operator.conv = operators[0].conv
        return Choice({f"o{i}": operator for i, operator in enumerate(operators)})

    return nn.Sequential(OrderedDict(
        stem=nn.Conv2d(shape[0], 4, 3, padding=1), one=choice(3), norm=nn.BatchNorm2d(4), two=choice(4), act=nn.ReLU(),
        three=choice(3), pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), head=nn.Linear(4, classes)))


def stack_space(**options: Any) -> Space:
    return Space("stack", stack, (3, 8, 8), 4, options)


COSTS = {"one": (1.0, 2.0, 4.0), "two": (3.0, 1.0, 0.5, 6.0), "three": (2.0, 2.5, 0.0)}


def table(metric: str = "macs", scale: float = 1.0, combine: str = "sum", fixed: float = 1.0) -> CostModel:
    return CostModel(metric, combine, fixed,
                     {c: {f"o{i}": scale * cost for i, cost in enumerate(costs)} for c, costs in COSTS.items()})


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
