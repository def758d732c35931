"""What the found network is compared with: random networks and a hand-made one, at the same measured budgets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from edgenas.cost.operators import trace
from edgenas.errors import BudgetError
from edgenas.flow.hand_made import hand_made
from edgenas.flow.own_baselines import RULES, by_rule
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
    known: dict[str, Any] = run.read("baselines.json") or {}
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
            known[name] = {"skipped": error.message}
        else:
            torch.manual_seed(epoch_generator(run.config.seed, 0, name).initial_seed())
            network = build()
            validation, _ = train(network, run.task, settings=run.config.train, seed=run.config.seed,
                                  checkpoint=run.folder / "baselines" / f"{name}.pt", fabric=run.fabric,
                                  teacher=teacher, label=f"train {name}", progress=progress)
            test = accuracy(network, run.task.test, run.task, run.fabric)
            counts = trace(network, run.space.input_shape)
            known[name] = row | {"accuracy": {"validation": validation, "test": test}, "macs": counts.macs,
                                 "params": counts.params}
        run.write("baselines.json", known)


def check_measurable(run: Run) -> None:
    """Raises: BudgetError for a device that is known by published latencies only: predictions would compare nothing."""
    for there in (run, *run.elsewhere.values()):
        if "latency_ms" in there.metrics and not there.is_measurable:
            raise BudgetError(f"networks are compared by what is measured, and {there.device.name} cannot be measured "
                              "here")


def random_network(run: Run, name: str, progress: Progress) -> tuple[Callable[[], nn.Module], dict[str, Any]]:
    """A random architecture through the same decoder and measurements as the search's own.

    Raises: BudgetError when none of the measured ones held.
    """
    generator = epoch_generator(run.config.seed, 0, name)
    scores = {choice: {candidate: float(torch.randn((), generator=generator)) for candidate in candidates}
              for choice, candidates in run.space.choices.items()}
    settled = settle(scores, run.models, run_budgets(run), lambda a: architecture_costs(run, a), progress)
    chosen: Architecture = settled.architecture
    figures = next(r["measured"] for r in settled.rounds if r["architecture"] == dict(chosen))
    return partial(run.space.build, chosen), {"architecture": dict(chosen), "measured": figures}
