"""ProxylessNAS-R (Cai, Zhu, Han; ICLR 2019, arXiv:1812.00332, section 3.3.2), the REINFORCE-based form.

Weight steps follow one sampled path per choice, as in proxyless.py. The architecture learns from rewards: a few
sampled networks' accuracy on data that no weight step sees, less a moving average of earlier ones, times the gradient
of their log-probability (Zoph and Le, ICLR 2017, arXiv:1611.01578, section 3.2). No pass backward: a reward need not
be differentiable.

Where we differ: the latency is no part of the reward but acts through the multipliers (see multiplier.py), on the
distribution that is sampled; a penalty, if chosen instead, is charged for each sampled network. Rewards are those of
one batch, with batch norms by the batch; the warm-up trains uniformly sampled paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from edgenas.search.perturbation import by_batch
from edgenas.search.relaxation import SinglePath
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.search.update import learn_architecture, weight_step

DECAY = 0.95  # of the baseline
Reward = Literal["accuracy", "loss"]


@dataclass(frozen=True)
class ProxylessR(Strategy):
    """samples: networks tried per architecture step. reward: their accuracy or minus their loss."""

    summary: ClassVar[str] = "single sampled paths, architecture by REINFORCE: no pass backward for it"
    paper: ClassVar[str] = "Cai et al., ICLR 2019, arXiv:1812.00332"

    momentum: ClassVar[float] = 0.0

    architecture_share: Annotated[float, Gt(0), Lt(1)] = 0.2
    warmup: Annotated[float, Ge(0), Lt(1)] = 0.25
    samples: Annotated[int, Ge(1)] = 4
    reward: Reward = "accuracy"

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        warming = progress < self.warmup
        log = weight_step(state, SinglePath(uniform=warming), batch)
        if not warming:
            assert held is not None
            score_function_step(state, held, self.samples, self.reward)
        return log


def score_function_step(state: SearchState, batch: Batch, samples: int, kind: Reward) -> None:
    """One step of the architecture along −(1/M) Σ (R_m − b) ∇ log p(a_m) over M sampled networks a_m (REINFORCE,
    Williams 1992).

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


STRATEGY = ProxylessR
