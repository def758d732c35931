"""Updates: how weights and architecture parameters are learned from batches."""

from __future__ import annotations

import torch
from torch import Tensor

from edgenas.search.relaxation import Paths, Relaxation
from edgenas.search.state import Batch, SearchState
from edgenas.train.fabric import checked

GRADIENT_NORM = 5.0


def single_level(state: SearchState, relaxation: Relaxation, batch: Batch) -> dict[str, float]:
    """One forward and one backward pass update weights and architecture together (SNAS, arXiv:1812.09926, eq. 5-6)."""
    state.route(relaxation)
    loss, right = state.loss(batch)
    state.weight_optimizer.zero_grad()
    state.architecture_optimizer.zero_grad()
    state.fabric.backward(loss)
    step_weights(state)
    learn_architecture(state)
    return {"loss": checked(loss, "search.lr"), "accuracy": right}


def weight_step(state: SearchState, relaxation: Relaxation, batch: Batch) -> dict[str, float]:
    """Update the weights alone, along sampled paths."""
    with torch.no_grad():
        state.route(relaxation)
    loss, right = state.loss(batch)
    state.weight_optimizer.zero_grad()
    state.fabric.backward(loss)
    step_weights(state)
    return {"loss": checked(loss, "search.lr"), "accuracy": right}


def architecture_step(state: SearchState, relaxation: Relaxation, batch: Batch) -> None:
    """Update the architecture parameters alone, those of the sampled paths, on a batch that no weight step sees.

    The other candidates keep their probabilities: what the sampled ones' exponentials sum to is restored after the
    step (ProxylessNAS, arXiv:1812.00332, section 3.2.1), before the multipliers move.
    """
    parameters = state.parameters
    paths = architecture_gradient(state, relaxation, batch)
    sampled = torch.zeros_like(parameters.mask).scatter(1, paths.active, True)
    before = _mass(state.logits, sampled)
    _step_architecture(state)
    with torch.no_grad():
        parameters.values.add_((before - _mass(state.logits, sampled)) * sampled)
    state.multipliers.ascend(parameters.logits)


def architecture_gradient(state: SearchState, relaxation: Relaxation, batch: Batch) -> Paths:
    """Leave the loss's gradient along sampled paths with the architecture parameters; the weights get none."""
    paths = state.route(relaxation)
    weights = [p for p in state.supernet.parameters() if p.requires_grad]
    for p in weights:
        p.requires_grad_(False)
    try:
        loss, _ = state.loss(batch)
        state.architecture_optimizer.zero_grad()
        state.fabric.backward(loss)
    finally:
        for p in weights:
            p.requires_grad_(True)
    return paths


def learn_architecture(state: SearchState) -> None:
    """One step of the architecture along the gradient that its parameters have; the multipliers follow."""
    _step_architecture(state)
    state.multipliers.ascend(state.parameters.logits)


def _mass(logits: Tensor, sampled: Tensor) -> Tensor:
    """log Σ exp of the sampled candidates' logits, one row a choice."""
    return logits.detach().masked_fill(~sampled, -torch.inf).logsumexp(1, keepdim=True)


def step_weights(state: SearchState) -> None:
    state.fabric.clip_gradients(state.supernet, state.weight_optimizer, max_norm=GRADIENT_NORM,
                                error_if_nonfinite=False)
    state.weight_optimizer.step()


def _step_architecture(state: SearchState) -> None:
    state.average_architecture_gradient()
    state.architecture_optimizer.step()
