"""What the found network is compared with: random networks and a hand-made one, at the same measured budgets."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from edgenas.checkpoint import epoch_generator
from edgenas.cost.operators import trace
from edgenas.errors import BudgetError
from edgenas.progress import Progress
from edgenas.run.folder import Run
from edgenas.run.measuring import costs_everywhere
from edgenas.run.searching import architecture_costs
from edgenas.run.settling import settle
from edgenas.run.verifying import run_budgets
from edgenas.space import Architecture
from edgenas.space.mobilenet import mobilenet_v2_like
from edgenas.train import train
from edgenas.training import accuracy

RANDOM_NETWORKS = 2
WIDTHS = (0.25, 0.35, 0.5, 0.65, 0.75, 0.9, 1.0, 1.15, 1.25, 1.4, 1.5, 1.75, 2.0, 2.5, 3.0)
DEPTHS = (3, 2, 4, 1)
WELL_USED = 0.9


def baselines_phase(run: Run, progress: Progress, count: int = RANDOM_NETWORKS) -> None:
    """Train each baseline from scratch with the run's own schedule; those that are done are not done again."""
    known: dict[str, Any] = run.read("baselines.json") or {}
    for name in ["mobilenet_v2_like", *(f"random_{i + 1}" for i in range(count))]:
        if name in known:
            continue
        torch.manual_seed(epoch_generator(run.config.seed, 0, name).initial_seed())
        try:
            check_measurable(run)
            network, row = hand_made(run) if name == "mobilenet_v2_like" else random_network(run, name, progress)
        except BudgetError as error:
            progress.say(f"baseline {name}: {error.message}")
            known[name] = {"skipped": error.message}
        else:
            validation, _ = train(network, run.task, settings=run.config.train, seed=run.config.seed,
                                  checkpoint=run.folder / "baselines" / f"{name}.pt", fabric=run.fabric,
                                  label=f"train {name}", progress=progress)
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


def random_network(run: Run, name: str, progress: Progress) -> tuple[nn.Module, dict[str, Any]]:
    """A random architecture through the same decoder and measurements as the search's own.

    Raises: BudgetError when none of the measured ones held.
    """
    generator = epoch_generator(run.config.seed, 0, name)
    scores = {choice: {candidate: float(torch.randn((), generator=generator)) for candidate in candidates}
              for choice, candidates in run.space.choices.items()}
    settled = settle(scores, run.models, run_budgets(run), lambda a: architecture_costs(run, a), progress)
    chosen: Architecture = settled.architecture
    figures = next(r["measured"] for r in settled.rounds if r["architecture"] == dict(chosen))
    return run.space.build(chosen), {"architecture": dict(chosen), "measured": figures}


def hand_made(run: Run) -> tuple[nn.Module, dict[str, Any]]:
    """The MobileNetV2-like network that uses the first budget best, among those whose exported files held them all.

    Raises: BudgetError when even the smallest misses.
    """
    budgets = run_budgets(run)
    first = budgets[0]
    held: dict[tuple[float, int], dict[str, float]] = {}
    for depth in DEPTHS:
        held |= {(float(width), depth): row for width, row in costs_everywhere(run, widths_of(run, depth)).items()
                 if all(row[b.metric] <= b.limit for b in budgets)}
        if any(row[first.metric] >= WELL_USED * first.limit for row in held.values()):
            break
    if not held:
        raise BudgetError("no MobileNetV2-like network is small enough for the budget")
    width, depth = max(held, key=lambda shape: held[shape][first.metric])
    network = mobilenet_v2_like(run.space.input_shape, len(run.task.classes), width, depth)
    return network, {"width": width, "depth": depth, "measured": held[width, depth]}


def widths_of(run: Run, depth: int) -> dict[str, nn.Module]:
    """Networks of one depth by their width; widths that round to the same channels once."""
    networks = {str(width): mobilenet_v2_like(run.space.input_shape, len(run.task.classes), width, depth).eval()
                for width in WIDTHS}
    distinct = {trace(network, run.space.input_shape).signature: name for name, network in networks.items()}
    return {name: networks[name] for name in distinct.values()}
