"""What the found network is compared with: random networks and a hand-made one, at the same measured budgets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from edgenas.cost.network import trace
from edgenas.errors import BudgetError
from edgenas.flow.measure import costs_everywhere
from edgenas.flow.own_baselines import RULES, by_rule
from edgenas.flow.records import Accuracy, Baseline, Baselines
from edgenas.flow.selection import architecture_costs, trials_of
from edgenas.flow.train import teacher_of
from edgenas.flow.verify import run_budgets
from edgenas.flow.work import Work
from edgenas.progress import Progress
from edgenas.selection.correction import settle
from edgenas.selection.hand_made import hand_made
from edgenas.space import Architecture
from edgenas.train.checkpoint import epoch_generator
from edgenas.train.fabric import accuracy
from edgenas.train.loop import train

RANDOM_NETWORKS = 2
HAND_MADE = "mobilenet_v2_like"
Made = tuple[Callable[[], nn.Module], Baseline]
"""What builds a network, and what is kept of it before it is trained."""


def baselines_phase(work: Work, progress: Progress, count: int = RANDOM_NETWORKS) -> None:
    """Train each baseline from scratch with the run's own schedule; those that are done are not done again.

    Of a user's own network, which was cut: from the weights that they keep, with its teacher, as the found one was.
    """
    run, task = work.run, work.task
    kept = Baselines.read(run.folder)
    known = dict(kept.networks) if kept else {}
    made = RULES if run.config.origin else (HAND_MADE,)
    teacher = teacher_of(work, run.config.distill) if run.config.origin and run.config.distill else None
    for name in [*made, *(f"random_{i + 1}" for i in range(count))]:
        if name in known:
            continue
        try:
            check_measurable(work)
            build, row = baseline(work, name, progress)
        except BudgetError as error:
            progress.say(f"baseline {name}: {error.message}")
            known[name] = Baseline(skipped=error.message)
        else:
            torch.manual_seed(epoch_generator(run.config.seed, 0, name).initial_seed())
            network = build()
            validation, _ = train(network, task, settings=run.config.train, seed=run.config.seed,
                                  checkpoint=run.folder / "baselines" / f"{name}.pt", fabric=work.fabric,
                                  teacher=teacher, label=f"train {name}", progress=progress)
            test = accuracy(network, task.test, task, work.fabric)
            counts = trace(network, task.input_shape)
            known[name] = row.replaced(accuracy=Accuracy(validation=validation, test=test), macs=counts.macs,
                                       params=counts.params)
        Baselines(networks=known).write(run.folder)


def check_measurable(work: Work) -> None:
    """Raises: BudgetError for a device that is known by published latencies only: predictions would compare nothing."""
    for there in work.targets.values():
        if "latency_ms" in there.metrics and not there.is_measurable:
            raise BudgetError(f"networks are compared by what is measured, and {there.device.name} cannot be measured "
                              "here")


def baseline(work: Work, name: str, progress: Progress) -> Made:
    """Raises: BudgetError when none of the kind holds the budgets."""
    if name == HAND_MADE:
        return hand_made_network(work, progress)
    return by_rule(work, name) if name in RULES else random_network(work, name, progress)


def hand_made_network(work: Work, progress: Progress) -> Made:
    """Raises: BudgetError when even the smallest misses."""
    run = work.run
    build, found = hand_made(lambda network: costs_everywhere(work, {HAND_MADE: network})[HAND_MADE],
                             run_budgets(work), run.config.search,
                             trials_of(work, run.folder / "baselines" / "trials", progress))
    return build, Baseline(width=found.width, depth=found.depth, measured=dict(found.costs))


def random_network(work: Work, name: str, progress: Progress) -> Made:
    """A random architecture through the same decoder and measurements as the search's own.

    Raises: BudgetError when none of the measured ones held.
    """
    generator = epoch_generator(work.run.config.seed, 0, name)
    scores = {choice: {candidate: float(torch.randn((), generator=generator)) for candidate in candidates}
              for choice, candidates in work.space.choices.items()}
    settled = settle(scores, work.models, run_budgets(work), partial(architecture_costs, work), progress)
    chosen: Architecture = settled.architecture
    costs = next(attempt.costs for attempt in settled.rounds if attempt.architecture == chosen)
    return partial(work.space.build, chosen), Baseline(architecture=dict(chosen), measured=dict(costs))
