"""Pick, export, measure, correct, and again: a network is taken only when its exported file held every budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgenas.cost.budget import Budget
from edgenas.cost.model import CostModel
from edgenas.errors import BudgetError
from edgenas.progress import Progress
from edgenas.search.decode import Scores, even
from edgenas.selection.attempts import Attempts, Rank
from edgenas.selection.limits import FLOOR
from edgenas.space.architecture import Architecture

ROUNDS = 8
RANKED_ROUNDS = 4
TOO_CHEAP = 0.8  # share of what was predicted: below it better networks fit than those that were ranked
HINT = "raise the budget, or search a narrower space: --set space.width=0.5"
Measure = Callable[[Architecture], Mapping[str, float]]
Choose = Callable[[Sequence[Architecture]], Architecture]


@dataclass
class Settled:
    """rounds: per measured network its picks, predicted and measured figures, and whether it held the budgets."""

    architecture: Architecture
    rounds: list[dict[str, Any]] = field(default_factory=list)


def settle(scores: Scores, models: Mapping[str, CostModel], budgets: Sequence[Budget], measure: Measure,
           progress: Progress, words: Mapping[str, str] | None = None, rank: Rank | None = None, wanted: int = 1,
           choose: Choose | None = None) -> Settled:
    """A network whose measured costs hold every budget.

    First those that `rank` says are best are measured: `choose` takes one of `wanted` that hold, best first. Then, or
    without a ranking, the integer program says what is best, within a margin for the models' error that halves every
    round, as their correction is local: of those that hold and use the first budget well the best-scored is taken. When
    nothing else is predicted to hold, the cheapest is tried. `words` says for each metric how `measure` knows it:
    measured, if nothing is said.

    Raises: BudgetError with the figures when none of the measured networks held.
    """
    attempts = Attempts(scores, models, budgets, rank)

    def taken(picked: Architecture) -> dict[str, Any]:
        row = attempts.take(picked, dict(measure(picked)))
        progress.say(f"round {len(attempts.rounds)}: " + told(row, budgets, words or {}))
        return row

    found = shortlisted(attempts, taken, wanted)
    if found:
        return Settled(choose(found) if choose and len(found) > 1 else found[0], attempts.rounds)
    for number in range(max(ROUNDS - len(attempts.rounds), ROUNDS - RANKED_ROUNDS)):
        picked = attempts.decoded(caution=0.5**number)
        if picked is None:
            continue  # the next round is less cautious
        row = taken(picked)
        if row["within"] and attempts.used(row) >= FLOOR:
            break
    if not attempts.held:
        raise BudgetError(_failure(attempts.rounds, budgets, words), HINT)
    return Settled(attempts.best, attempts.rounds)


def shortlisted(attempts: Attempts, taken: Callable[[Architecture], Mapping[str, Any]],
                wanted: int) -> list[Architecture]:
    """Up to `wanted` ranked networks that hold every budget when measured, best first, of twice as many.

    A network that shows that far too much was predicted is none of them. When there are none left before any held,
    the ranking is asked again for networks that are predicted to hold after what was measured. None when the first
    RANKED_ROUNDS all missed.
    """
    found: list[Architecture] = []
    while len(found) < wanted and len(attempts.rounds) < (2 * wanted if found else RANKED_ROUNDS):
        picked = attempts.ranked(again=not found)
        if picked is None:
            break
        row = taken(picked)
        if row["within"] and attempts.share_of_prediction(row) >= TOO_CHEAP:
            found.append(picked)
    return found


def check_together(models: Mapping[str, CostModel], budgets: Sequence[Budget]) -> None:
    """Raises: BudgetError when no network is predicted to hold all budgets at once."""
    if Attempts(even(models[budgets[0].metric].table), models, budgets).decoded(caution=0.5 ** (ROUNDS - 1)) is None:
        raise BudgetError(_failure((), budgets), HINT)


def told(row: Mapping[str, Any], budgets: Sequence[Budget], words: Mapping[str, str]) -> str:
    """A round's costs, each under the word for how it is known."""
    return ", ".join(f"{b.metric} predicted {row['predicted'][b.metric]:.4g}"
                     + ("" if word == "predicted" else f" {word} {row['measured'][b.metric]:.4g}")
                     + f" of {b.limit:.4g}" for b in budgets for word in [words.get(b.metric, "measured")])


def _failure(rounds: Sequence[Mapping[str, Any]], budgets: Sequence[Budget],
             words: Mapping[str, str] | None = None) -> str:
    if not rounds:
        return "no network of this space is predicted to hold " + " and ".join(
            f"{b.metric} = {b.limit:.4g}" for b in budgets) + " at once"
    tried = "; ".join(", ".join(f"{b.metric} {r['measured'][b.metric]:.4g} of {b.limit:.4g}" for b in budgets)
                      for r in rounds)
    known = dict.fromkeys((words or {}).get(b.metric, "measured") for b in budgets)
    return f"none of {len(rounds)} decoded networks held the budget when {' and '.join(known)}: {tried}"
