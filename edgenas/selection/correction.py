"""Pick, export, measure, correct, and again: a network is taken only when its exported file held every budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from edgenas.cost.budget import Budget
from edgenas.cost.model import CostModel
from edgenas.errors import BudgetError
from edgenas.figure import MEASURED, PREDICTED, Provenance
from edgenas.progress import Progress
from edgenas.search.decode import Scores, even
from edgenas.selection.attempts import Attempt, Attempts, Rank
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
    """rounds: the measured networks, in that order."""

    architecture: Architecture
    rounds: list[Attempt] = field(default_factory=list)


def settle(scores: Scores, models: Mapping[str, CostModel], budgets: Sequence[Budget], measure: Measure,
           progress: Progress, words: Mapping[str, Provenance] | None = None, rank: Rank | None = None, wanted: int = 1,
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

    def taken(picked: Architecture) -> Attempt:
        made = attempts.take(picked, dict(measure(picked)))
        progress.say(f"round {len(attempts.rounds)}: " + describe(made, budgets, words or {}))
        return made

    found = shortlisted(attempts, taken, wanted)
    if found:
        return Settled(choose(found) if choose and len(found) > 1 else found[0], attempts.rounds)
    for number in range(max(ROUNDS - len(attempts.rounds), ROUNDS - RANKED_ROUNDS)):
        picked = attempts.decoded(caution=0.5**number)
        if picked is None:
            continue  # the next round is less cautious
        made = taken(picked)
        if made.within and attempts.used(made) >= FLOOR:
            break
    if not attempts.held:
        raise BudgetError(_failure(attempts.rounds, budgets, words), HINT)
    return Settled(attempts.best, attempts.rounds)


def shortlisted(attempts: Attempts, taken: Callable[[Architecture], Attempt], wanted: int) -> list[Architecture]:
    """Up to `wanted` ranked networks that hold every budget when measured, best first, of twice as many.

    A network that shows that far too much was predicted is none of them. When there are none left before half as many
    held, the ranking is asked again for networks that are predicted to hold after what was measured: where the model is
    off, those of the first ranking that hold are those that use least, and may be a single one. None when the first
    RANKED_ROUNDS all missed.
    """
    found: list[Architecture] = []
    while len(found) < wanted and len(attempts.rounds) < (2 * wanted if found else RANKED_ROUNDS):
        picked = attempts.ranked(again=len(found) < max(1, wanted // 2))
        if picked is None:
            break
        made = taken(picked)
        if made.within and attempts.share_of_prediction(made) >= TOO_CHEAP:
            found.append(picked)
    return found


def check_together(models: Mapping[str, CostModel], budgets: Sequence[Budget]) -> None:
    """Raises: BudgetError when no network is predicted to hold all budgets at once."""
    if Attempts(even(models[budgets[0].metric].table), models, budgets).decoded(caution=0.5 ** (ROUNDS - 1)) is None:
        raise BudgetError(_failure((), budgets), HINT)


def describe(made: Attempt, budgets: Sequence[Budget], words: Mapping[str, Provenance]) -> str:
    """A round's costs, each under the word for how it is known."""
    return ", ".join(f"{b.metric} {PREDICTED} {made.predicted[b.metric]:.4g}"
                     + ("" if word == PREDICTED else f" {word} {made.costs[b.metric]:.4g}")
                     + f" of {b.limit:.4g}" for b in budgets for word in [words.get(b.metric, MEASURED)])


def _failure(rounds: Sequence[Attempt], budgets: Sequence[Budget],
             words: Mapping[str, Provenance] | None = None) -> str:
    if not rounds:
        return "no network of this space is predicted to hold " + " and ".join(
            f"{b.metric} = {b.limit:.4g}" for b in budgets) + " at once"
    tried = "; ".join(", ".join(f"{b.metric} {r.costs[b.metric]:.4g} of {b.limit:.4g}" for b in budgets)
                      for r in rounds)
    known = dict.fromkeys((words or {}).get(b.metric, MEASURED) for b in budgets)
    return f"none of {len(rounds)} decoded networks held the budget when {' and '.join(known)}: {tried}"
