"""The search: train a supernet under the budgets until every choice has a score."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from edgenas.cost.budget import Budget
from edgenas.cost.model import CostModel
from edgenas.data.augment import Augment
from edgenas.data.task import Split, Task
from edgenas.progress import Progress, Silent
from edgenas.search import collapse
from edgenas.search.decode import Constraint, Scores
from edgenas.search.history import BudgetState, SearchEpoch
from edgenas.search.multiplier import Multipliers, allowed
from edgenas.search.parameters import ArchitectureParameters, entropy
from edgenas.search.penalty import penalty_of
from edgenas.search.perturbation import perturbation_scores
from edgenas.search.settings import SearchSettings
from edgenas.search.stage import Stage, stages_of
from edgenas.search.state import SearchState
from edgenas.search.strategy import Strategy
from edgenas.space.space import Space
from edgenas.train.checkpoint import Checkpoint, epoch_generator
from edgenas.train.fabric import prepared, sgd
from edgenas.train.schedule import cosine


@dataclass(frozen=True)
class SearchResult:
    """supernet: trained, on the CPU. history: one row per epoch."""

    scores: Scores
    supernet: nn.Module
    history: list[SearchEpoch]


def search(space: Space, task: Task, strategy: Strategy, models: Mapping[str, CostModel], budgets: Sequence[Budget], *,
           settings: SearchSettings, seed: int, checkpoint: Path, fabric: Fabric,
           progress: Progress | None = None) -> SearchResult:
    """Train the supernet of `space` with `strategy`; goes on from `checkpoint` if that file exists.

    The test part of `task` is never touched. The result is the same whether or not the search was interrupted. Each
    stage but the last has a checkpoint of its own, from which follows what the next leaves out.

    Raises: UsageError for settings that the strategy cannot follow.
    """
    progress = progress or Silent()
    settings.check(strategy)
    parts = hold_out(task.train, strategy.architecture_share, seed)
    steps = steps_of(parts[0], settings)
    mask, earlier = allowed(space.choices, models, budgets), list[SearchEpoch]()
    for stage in stages_of(settings.epochs, strategy.stages(settings.epochs), checkpoint):
        state = begin(stage, space, strategy, (models, budgets), mask, settings, steps, seed, fabric)
        saved = Checkpoint(stage.checkpoint, {
            "supernet": state.network, "parameters": state.parameters, "multipliers": state.multipliers,
            "optimizer": state.weight_optimizer, "architecture_optimizer": state.architecture_optimizer},
            SearchEpoch)
        saved.restore()
        if strategy.trains_supernet:
            _train(state, task, parts, strategy, settings, seed, stage, saved, progress)
        if not stage.is_last:
            mask, earlier = state.parameters.mask.cpu() & ~strategy.dropped(state).cpu(), [*earlier, *saved.history]
    if strategy.trains_supernet:
        for warning in collapse.warnings(state, saved.history):
            progress.say(warning)
    scores = strategy.scores(state)
    if settings.scoring == "perturbation":
        with strategy.passes(state.supernet, 1.0):
            scores = perturbation_scores(state, task, parts[0], batch_size=settings.batch_size, lr=settings.lr,
                                         tuning=settings.tuning, seed=seed, progress=progress)
    return SearchResult(state.parameters.completed(scores), state.network.cpu().eval(), [*earlier, *saved.history])


def begin(stage: Stage, space: Space, strategy: Strategy,
          asked: tuple[Mapping[str, CostModel], Sequence[Budget]], mask: Tensor, settings: SearchSettings, steps: int,
          seed: int, fabric: Fabric) -> SearchState:
    """The state in which a stage begins; steps: of an epoch."""
    models, budgets = asked
    torch.manual_seed(epoch_generator(seed, stage.first, "weights").initial_seed())
    staged = strategy.staged(space, stage.number, stage.count)
    supernet = staged.supernet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    parameters = ArchitectureParameters(space.choices, allowed(space.choices, models, budgets), strategy.link,
                                        strategy.more(space)).to(fabric.device)
    parameters.mask.copy_(mask)
    multipliers = Multipliers(space.choices, models, budgets,
                              learned=settings.penalty == "multiplier").to(fabric.device)
    multipliers.ascend(parameters.logits)
    wrapped, optimizer = fabric.setup(supernet, sgd(supernet, settings.lr, settings.weight_decay))
    architecture_optimizer = torch.optim.Adam(parameters.parameters(),
                                              strategy.architecture_travel / (stage.epochs * steps),
                                              betas=(strategy.momentum, 0.999))
    return SearchState(fabric, wrapped, parameters, multipliers, optimizer, architecture_optimizer,
                       epoch_generator(seed, 0, "scores"), settings.label_smoothing,
                       penalty_of(settings.penalty, models, budgets),
                       [Constraint(models[b.metric], b.limit) for b in budgets], space.rows,
                       (stage.number, stage.count))


def _train(state: SearchState, task: Task, parts: tuple[Split, Split], strategy: Strategy, settings: SearchSettings,
           seed: int, stage: Stage, saved: Checkpoint[SearchEpoch], progress: Progress) -> None:
    weights_part, held_part = parts
    augment = Augment.for_task(task)
    progress.start(stage.label, stage.epochs, saved.epochs)
    for done in range(saved.epochs, stage.epochs):
        started, epoch = time.perf_counter(), stage.first + done
        torch.manual_seed(epoch_generator(seed, epoch, "dropout").initial_seed())
        state.generator = epoch_generator(seed, epoch, "paths")
        state.supernet.train()
        order, noise = epoch_generator(seed, epoch, "order"), epoch_generator(seed, epoch, "augment")
        held = prepared(held_part, settings.batch_size, order, noise, task, augment, state.fabric, forever=True)
        steps = steps_of(weights_part, settings)
        logs = []
        for step, batch in enumerate(prepared(weights_part, settings.batch_size, order, noise, task, augment,
                                              state.fabric)):
            now = (done + step / steps) / stage.epochs
            for group in state.weight_optimizer.param_groups:
                group["lr"] = settings.lr * cosine(now)
            logs.append(strategy.step(state, batch, next(held, None), now))
        row = {key: sum(log[key] for log in logs) / len(logs) for key in logs[0]}
        made = _epoch(state, row, time.perf_counter() - started)
        saved.save(made)
        progress.advance(f"loss {made.loss:.3f} accuracy {made.accuracy:.1%}")


def _epoch(state: SearchState, logged: Mapping[str, float], seconds: float) -> SearchEpoch:
    """logged: by the strategy, the means of its steps."""
    multipliers, probabilities = state.multipliers, state.probabilities.detach()
    columns = zip(multipliers.metrics, multipliers.cost(probabilities).tolist(), multipliers.targets.tolist(),
                  multipliers.value.tolist(), strict=True)
    return SearchEpoch.from_json({
        **logged, "entropy": entropy(probabilities, state.parameters.mask), "parameter_free": collapse.share(state),
        "budgets": {m: BudgetState(expected=e, target=t, multiplier=v) for m, e, t, v in columns}, "seconds": seconds})


def steps_of(split: Split, settings: SearchSettings) -> int:
    """Weight steps in an epoch."""
    return max(1, len(split) // settings.batch_size)


def hold_out(split: Split, share: float, seed: int) -> tuple[Split, Split]:
    """Set aside a seeded random `share` of a split; the second part is empty when `share` is 0."""
    order = torch.randperm(len(split), generator=epoch_generator(seed, 0, "hold out"))
    count = round(share * len(split))
    kept, held = order[count:], order[:count]
    return Split(split.images[kept], split.labels[kept]), Split(split.images[held], split.labels[held])
