"""What share of a latency budget do the networks use that are settled on?

Spaces are drawn at random: 6, 12 or 20 choices of six sizes whose costs add up; a budget of 35% to 70% of the largest
network's cost. A device is planted whose networks cost what the model predicts but for an error in common (1.5%) and
one of their own (1.5%). What is run is what a search runs when it has its scores: candidates, measurements,
corrections. Nothing is trained.

    python benchmarks/budget_use.py
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Mapping, Sequence

import click
import torch

from edgenas.cost.budget import Budget
from edgenas.cost.model import CostModel
from edgenas.errors import BudgetError
from edgenas.progress import Silent
from edgenas.search.decode import Scores
from edgenas.selection.correction import settle
from edgenas.selection.limits import FLOOR, LOW_FLOOR, well_used
from edgenas.selection.sampling import sample
from edgenas.space import Architecture

ERROR, MARGIN, SIZES, CANDIDATES = 0.015, 0.03, 6, 16
WAYS = {"by score": None, "ranked, from 95%": FLOOR, "ranked, from 80%": LOW_FLOOR}


def drawn(chance: random.Random) -> tuple[Scores, CostModel]:
    """Scores and costs of a space in which larger candidates cost more."""
    table = {f"choice {i}": {f"size {j}": chance.uniform(0.2, 1.0) * (1 + j) for j in range(SIZES)}
             for i in range(chance.choice([6, 12, 20]))}
    scores = {choice: {name: chance.gauss(0.0, 1.0) for name in row} for choice, row in table.items()}
    return scores, CostModel("latency_ms", "sum", 1.0, table, MARGIN)


def used(seed: int, floor: float | None) -> tuple[float, int]:
    """The share of the budget that is used, and how many networks were measured; floor: of those that are ranked.

    Raises: BudgetError when none held.
    """
    chance = random.Random(seed)
    scores, model = drawn(chance)
    budget = Budget("latency_ms", chance.uniform(0.35, 0.7) * model.reachable[1])
    common = chance.gauss(1.0, ERROR)

    def measure(architecture: Architecture) -> dict[str, float]:
        own = random.Random(architecture.digest).gauss(1.0, ERROR)
        return {"latency_ms": model.predict(architecture) * common * own}

    def rank(models: Mapping[str, CostModel]) -> Sequence[Architecture]:
        assert floor is not None
        constraints = well_used(scores, models, [budget], floor)
        return sample(scores, constraints, CANDIDATES, torch.Generator().manual_seed(seed))

    found = settle(scores, {"latency_ms": model}, [budget], measure, Silent(), rank=rank if floor else None)
    return measure(found.architecture)["latency_ms"] / budget.limit, len(found.rounds)


@click.command()
@click.option("--spaces", default=40, show_default=True)
def main(spaces: int) -> None:
    for way, floor in WAYS.items():
        shares, rounds, refused = [], [], 0
        for seed in range(spaces):
            try:
                share, count = used(seed, floor)
            except BudgetError:
                refused += 1
                continue
            shares.append(share)
            rounds.append(count)
        print(f"{way}: mean {statistics.mean(shares):.1%}, least {min(shares):.1%}, most {max(shares):.1%}; at least "
              f"95%: {sum(s >= 0.95 for s in shares)} of {len(shares)}; refused {refused}; measured each "
              f"{statistics.mean(rounds):.1f}", flush=True)


if __name__ == "__main__":
    main()
