"""What a user's own network, made to fit, is compared with: cut by rule, at the same measured budgets.

The rules are those that people cut by: all widths by one share, and before that, without the residual blocks that can
go. They keep the same most important channels, and are trained on as the found network is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from edgenas.errors import BudgetError
from edgenas.flow.measure import costs_everywhere
from edgenas.flow.records import Baseline
from edgenas.flow.verify import run_budgets
from edgenas.flow.work import Work
from edgenas.search.strategies.importance import uniform
from edgenas.selection.limits import largest_within

SHARES = 32
RULES = {"uniform_widths": False, "blocks_dropped": True}
"""Name -> whether the residual blocks that can go are left out first."""


def by_rule(work: Work, name: str) -> tuple[Callable[[], nn.Module], Baseline]:
    """The largest network of a rule whose exported file holds every budget, found by bisection.

    Raises: BudgetError when even the smallest misses.
    """
    ladder = list(dict.fromkeys(uniform(work.space, share / SHARES, absent=RULES[name])
                                for share in range(1, SHARES + 1)))
    found = largest_within(ladder, lambda a: costs_everywhere(work, {name: work.space.build(a).eval()})[name],
                           run_budgets(work))
    if found is None:
        raise BudgetError("no network of this rule is small enough for the budget")
    chosen, measured = found
    return partial(work.space.build, chosen), Baseline(architecture=dict(chosen), measured=measured)
