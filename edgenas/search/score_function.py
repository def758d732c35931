"""The score function (REINFORCE, Williams 1992): the architecture learns from rewards of sampled networks alone."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from edgenas.search.perturbation import by_batch
from edgenas.search.relaxation import SinglePath
from edgenas.search.state import Batch, SearchState
from edgenas.search.update import learn_architecture

DECAY = 0.95  # of the baseline

Reward = Literal["accuracy", "loss"]


def score_function_step(state: SearchState, batch: Batch, samples: int, kind: Reward) -> None:
    """One step of the architecture along −(1/M) Σ (R_m − b) ∇ log p(a_m) over M sampled networks a_m.

    b is a moving average of earlier rewards: independent of the samples, so that the estimator stays unbiased. The
    first step only sets it.
    """
    active, rewards = tried(state, batch, samples, kind)
    baseline = state.parameters.baseline
    if baseline.isfinite():
        state.parameters.values.grad = score_gradient(state, active, rewards - baseline)
        learn_architecture(state)
        baseline.lerp_(rewards.mean(), 1 - DECAY)
    else:
        baseline.copy_(rewards.mean())


def score_gradient(state: SearchState, active: Tensor, advantages: Tensor) -> Tensor:
    """−(1/M) Σ advantage_m ∇ log p(a_m) by the parameters' values.

    active: (M, choices), the sampled candidates' indices. advantages: (M,).
    """
    logarithms = torch.log_softmax(state.logits, dim=1).gather(1, active.T)
    (gradient,) = torch.autograd.grad(-(logarithms.sum(0) * advantages).mean(), state.parameters.values)
    return gradient


@torch.no_grad()
def tried(state: SearchState, batch: Batch, samples: int, kind: Reward) -> tuple[Tensor, Tensor]:
    """Sampled networks' candidates (samples, choices) and their rewards (samples,) on a batch, means over processes.

    A reward is minus the error or minus the cross-entropy, with the cost's penalty if the search has one. Batch norms
    go by the batch and nothing is learned: forward passes only, one path per choice.
    """
    images, labels = batch
    active, rewards = [], []
    with by_batch(state.network):
        for _ in range(samples):
            paths = state.route(SinglePath())
            logits = state.supernet(images)
            loss = (state.cross_entropy(logits, labels) if kind == "loss"
                    else (logits.argmax(1) != labels).float().mean())
            active.append(paths.active[:, 0])
            rewards.append(state.mean(-state.charged(loss, paths.weights)))
    return torch.stack(active), torch.stack(rewards)
