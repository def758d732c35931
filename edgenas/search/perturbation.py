"""Scoring by perturbation: what the trained supernet loses when a candidate is taken out of it.

DARTS-PT (Wang, Cheng, Chen, Tang, Hsieh; "Rethinking architecture selection in differentiable NAS", ICLR 2021,
arXiv:2108.04392, algorithm 1): the choices in random order, each candidate's weight set to nought in turn; the choice
then becomes its strongest candidate, and the supernet's weights are tuned before the next.

Where we differ: strength is the rise of the validation loss, which is finer on few images than the drop of accuracy;
batch norms go by the batch, as running statistics would be those of the whole mixture; all candidates keep their
strengths as scores, for the integer program; no tuning unless asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from edgenas.data.augment import Augment
from edgenas.data.batches import batches
from edgenas.data.task import Split, Task
from edgenas.progress import Progress
from edgenas.search.decode import Scores
from edgenas.search.probe import still
from edgenas.search.relaxation import Given, Relaxation
from edgenas.search.state import SearchState
from edgenas.search.update import weight_step
from edgenas.space.choice import Route, places_of
from edgenas.train.checkpoint import epoch_generator
from edgenas.train.fabric import EVALUATION_BATCH, prepared, to_device
from edgenas.train.schedule import cosine

IMAGES = 1000  # of the validation part


def perturbation_scores(state: SearchState, task: Task, part: Split, *, batch_size: int, lr: float, tuning: int,
                        seed: int, progress: Progress) -> Scores:
    """Candidates' scores from the validation part of `task`; `part` holds the images to tune on, if at all.

    A score is the strength below the strongest's of the choice, in a unit in which strengths vary as much as the
    noise that candidates are sampled with (scoring.py). Tuning changes the weights; its learning rate falls from `lr`
    to 0 over all choices.
    """
    weights, mask = state.probabilities.detach().clone(), state.parameters.mask
    strengths = torch.zeros_like(weights)
    generator = epoch_generator(seed, 0, "perturbation")
    torch.manual_seed(generator.initial_seed())  # for candidates that draw noise
    progress.start("score by perturbation", len(weights))
    for done, row in enumerate(torch.randperm(len(weights), generator=generator).tolist()):
        strengths[row] = strengths_of(state, task, weights, row)
        strongest = int(strengths[row].masked_fill(~mask[row], -torch.inf).argmax())
        weights[row] = torch.zeros_like(weights[row]).index_fill(0, torch.tensor(strongest, device=mask.device), 1.0)
        for epoch in range(tuning):
            rate = lr * cosine((done + epoch / tuning) / len(weights))
            tune(state, task, part, Given(weights), rate, batch_size, (seed, done * tuning + epoch))
        name, candidates = list(state.parameters.choices.items())[row]
        progress.advance(f"{name}: {candidates[strongest]}")
    return scaled(state, strengths)


def strengths_of(state: SearchState, task: Task, weights: Tensor, row: int) -> Tensor:
    """For each candidate of choice `row`, the supernet's validation loss without it less that with all of them."""
    whole = validation_loss(state, task, weights)
    found = torch.zeros_like(weights[row])
    allowed = state.parameters.mask[row].nonzero().flatten().tolist()
    for column in allowed if len(allowed) > 1 else []:
        without = weights.clone()
        without[row, column] = 0.0
        found[column] = validation_loss(state, task, without) - whole
    return found


@torch.no_grad()
def validation_loss(state: SearchState, task: Task, weights: Tensor) -> float:
    """Mean cross-entropy of the supernet with these path weights; what has no weight is not computed."""
    for places, row in zip(places_of(state.network).values(), weights, strict=True):
        for choice in places:
            choice.route = Route(tuple(row.nonzero().flatten().tolist()), row)
    part = Split(task.validation.images[:IMAGES], task.validation.labels[:IMAGES])
    losses = []
    with by_batch(state.network):
        for images, labels in batches(part, min(EVALUATION_BATCH, len(part)), None, drop_last=True):
            logits = state.supernet(to_device(task.normalise(images), state.fabric))
            losses.append(float(state.cross_entropy(logits, labels.to(state.fabric.device))))
    return sum(losses) / len(losses)


@contextmanager
def by_batch(network: nn.Module) -> Iterator[None]:
    """Evaluation mode, but batch norms normalise by the batch; training mode afterwards."""
    network.eval()
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    try:
        with still(network):
            yield
    finally:
        network.train()


def tune(state: SearchState, task: Task, part: Split, relaxation: Relaxation, lr: float, batch_size: int,
         number: tuple[int, int]) -> None:
    """One epoch of weight steps; number: the seed, and how many epochs went before."""
    order, noise = (epoch_generator(*number, f"tuning {purpose}") for purpose in ("order", "augment"))
    torch.manual_seed(epoch_generator(*number, "tuning dropout").initial_seed())
    for group in state.weight_optimizer.param_groups:
        group["lr"] = lr
    for batch in prepared(part, batch_size, order, noise, task, Augment.for_task(task), state.fabric):
        weight_step(state, relaxation, batch)


def scaled(state: SearchState, strengths: Tensor) -> Scores:
    mask = state.parameters.mask
    below = strengths - strengths.masked_fill(~mask, -torch.inf).amax(1, keepdim=True)
    centred = (strengths - (strengths * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True)) * mask
    spread = float((centred**2).sum() / mask.sum()) ** 0.5
    unit = spread / (math.pi / math.sqrt(6)) or 1.0
    return {choice: {name: float(below[row, column]) / unit for column, name in enumerate(names) if mask[row, column]}
            for row, (choice, names) in enumerate(state.parameters.choices.items())}
