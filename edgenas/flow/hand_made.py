"""A hand-made network to compare with: MobileNetV2-like, of the width and depth that suit the budgets best."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from functools import partial

from torch import nn

from edgenas.errors import BudgetError
from edgenas.flow.measure import costs_everywhere
from edgenas.flow.records import Baseline
from edgenas.flow.run import Run
from edgenas.flow.trials import Trials, fastest
from edgenas.flow.verify import run_budgets
from edgenas.progress import Progress
from edgenas.space.mobilenet import channels, mobilenet_v2_like

WIDTHS = tuple(tenths / 10 for tenths in range(2, 41))
DEPTHS = (1, 2, 3, 4)


def hand_made(run: Run, progress: Progress) -> tuple[Callable[[], nn.Module], Baseline]:
    """Of each depth the widest network whose exported file holds every budget; of these the one that learns fastest,
    which is how a found network is taken as well.

    Raises: BudgetError when even the smallest misses.
    """
    held = {depth: found for depth in DEPTHS if (found := widest(run, depth))}
    if not held:
        raise BudgetError("no MobileNetV2-like network is small enough for the budget")
    trials = Trials(run, run.folder / "baselines" / "trials", progress)

    def losses(depths: list[int], epochs: int) -> dict[int, float]:
        progress.start("try hand-made networks", len(depths) * epochs)
        return {depth: trials.loss_of(partial(network, run, held[depth][0], depth), f"{held[depth][0]}x{depth}", epochs)
                for depth in depths}

    depth = fastest(list(held), run.config, losses)
    trials.clear()
    width, measured = held[depth]
    return partial(network, run, width, depth), Baseline(width=width, depth=depth, measured=measured)


def network(run: Run, width: float, depth: int) -> nn.Module:
    return mobilenet_v2_like(run.space.input_shape, len(run.task.classes), width, depth)


def widest(run: Run, depth: int) -> tuple[float, dict[str, float]] | None:
    """The largest width that holds the budgets, with what it costs, found by bisection; None if the smallest misses."""
    widths, budgets, found = different_widths(), run_budgets(run), {}

    def misses(width: float) -> bool:
        found[width] = costs_everywhere(run, {"hand-made": network(run, width, depth).eval()})["hand-made"]
        return any(found[width][budget.metric] > budget.limit for budget in budgets)

    count = bisect_left(widths, True, key=misses)
    return (widths[count - 1], found[widths[count - 1]]) if count else None


def different_widths() -> list[float]:
    """Of widths that round to the same channels the last."""
    return list({channels(width): width for width in WIDTHS}.values())
