"""A hand-made network to compare with: MobileNetV2-like, of the width and depth that suit the budgets best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from torch import nn

from edgenas.cost.budget import Budget
from edgenas.data.task import Task
from edgenas.errors import BudgetError
from edgenas.search.settings import SearchSettings
from edgenas.selection.limits import largest_within
from edgenas.selection.trials import Trials, fastest
from edgenas.space.mobilenet import channels, mobilenet_v2_like

WIDTHS = tuple(tenths / 10 for tenths in range(2, 41))
DEPTHS = (1, 2, 3, 4)
Cost = Callable[[nn.Module], dict[str, float]]


@dataclass(frozen=True)
class HandMade:
    """costs: of its exported file, by metric."""

    width: float
    depth: int
    costs: Mapping[str, float]


def hand_made(cost: Cost, budgets: Sequence[Budget], search: SearchSettings,
              trials: Trials) -> tuple[Callable[[], nn.Module], HandMade]:
    """Of each depth the widest network whose exported file holds every budget; of these the one that learns fastest,
    which is how a found network is taken as well.

    cost: what an untrained network's exported file costs, by metric.

    Raises: BudgetError when even the smallest misses.
    """
    task, progress = trials.task, trials.progress
    held = {depth: found for depth in DEPTHS if (found := widest(task, depth, cost, budgets))}
    if not held:
        raise BudgetError("no MobileNetV2-like network is small enough for the budget")

    def losses(depths: list[int], epochs: int) -> dict[int, float]:
        progress.start("try hand-made networks", len(depths) * epochs)
        return {depth: trials.loss_of(partial(network, task, width, depth), f"{width}x{depth}", epochs)
                for depth in depths for width, _ in [held[depth]]}

    depth = fastest(list(held), search, trials.settings, losses)
    trials.clear()
    width, measured = held[depth]
    return partial(network, task, width, depth), HandMade(width, depth, measured)


def network(task: Task, width: float, depth: int) -> nn.Module:
    return mobilenet_v2_like(task.input_shape, len(task.classes), width, depth)


def widest(task: Task, depth: int, cost: Cost, budgets: Sequence[Budget]) -> tuple[float, dict[str, float]] | None:
    """The largest width that holds the budgets, with what it costs; None if the smallest misses."""
    return largest_within(different_widths(), lambda width: cost(network(task, width, depth).eval()), budgets)


def different_widths() -> list[float]:
    """Of widths that round to the same channels the last."""
    return list({channels(width): width for width in WIDTHS}.values())
