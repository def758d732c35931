"""What the found network is compared with: random networks and a hand-made one, at the same measured budgets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from edgenas.cost.operators import trace
from edgenas.errors import BudgetError
from edgenas.flow.hand_made import hand_made
from edgenas.flow.own_baselines import RULES, by_rule
from edgenas.flow.records import Accuracy, Baseline, Baselines
from edgenas.flow.run import Run
from edgenas.flow.search import architecture_costs
from edgenas.flow.settle import settle
from edgenas.flow.train import teacher_of
from edgenas.flow.verify import run_budgets
from edgenas.progress import Progress
from edgenas.space import Architecture
from edgenas.train.checkpoint import epoch_generator
from edgenas.train.fabric import accuracy
from edgenas.train.loop import train

RANDOM_NETWORKS = 2
HAND_MADE = "mobilenet_v2_like"


def baselines_phase(run: Run, progress: Progress, count: int = RANDOM_NETWORKS) -> None:
    """Train each baseline from scratch with the run's own schedule; those that are done are not done again.

    Of a user's own network, which was cut: from the weights that they keep, with its teacher, as the found one was.
    """
    kept = Baselines.read(run.folder)
    known = dict(kept.networks) if kept else {}
    made = RULES if run.config.origin else (HAND_MADE,)
    teacher = teacher_of(run, run.config.distill) if run.config.origin and run.config.distill else None
    for name in [*made, *(f"random_{i + 1}" for i in range(count))]:
        if name in known:
            continue
        try:
            check_measurable(run)
            build, row = (hand_made(run, progress) if name == HAND_MADE else by_rule(run, name) if name in RULES
                          else random_network(run, name, progress))
        except BudgetError as error:
            progress.say(f"baseline {name}: {error.message}")
            known[name] = Baseline(skipped=error.message)
        else:
            torch.manual_seed(epoch_generator(run.config.seed, 0, name).initial_seed())
            network = build()
            validation, _ = train(network, run.task, settings=run.config.train, seed=run.config.seed,
                                  checkpoint=run.folder / "baselines" / f"{name}.pt", fabric=run.fabric,
                                  teacher=teacher, label=f"train {name}", progress=progress)
            test = accuracy(network, run.task.test, run.task, run.fabric)
            counts = trace(network, run.space.input_shape)
            known[name] = row.replaced(accuracy=Accuracy(validation=validation, test=test), macs=counts.macs,
                                       params=counts.params)
        Baselines(networks=known).write(run.folder)


def check_measurable(run: Run) -> None:
    """Raises: BudgetError for a device that is known by published latencies only: predictions would compare nothing."""
    for there in (run, *run.elsewhere.values()):
        if "latency_ms" in there.metrics and not there.is_measurable:
            raise BudgetError(f"networks are compared by what is measured, and {there.device.name} cannot be measured "
                              "here")


def random_network(run: Run, name: str, progress: Progress) -> tuple[Callable[[], nn.Module], Baseline]:
    """A random architecture through the same decoder and measurements as the search's own.

    Raises: BudgetError when none of the measured ones held.
    """
    generator = epoch_generator(run.config.seed, 0, name)
    scores = {choice: {candidate: float(torch.randn((), generator=generator)) for candidate in candidates}
              for choice, candidates in run.space.choices.items()}
    settled = settle(scores, run.models, run_budgets(run), lambda a: architecture_costs(run, a), progress)
    chosen: Architecture = settled.architecture
    costs = next(attempt.costs for attempt in settled.rounds if attempt.architecture == chosen)
    return partial(run.space.build, chosen), Baseline(architecture=dict(chosen), measured=dict(costs))
