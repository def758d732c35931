"""Derivatives of the supernet's loss at weights that it does not hold, for updates that look ahead or at curvature."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from edgenas.search.relaxation import Relaxation
from edgenas.search.state import Batch, SearchState

Weights = dict[str, Tensor]

STEP = 0.01  # length of a finite difference's step in the weights (DARTS, arXiv:1806.09055, below eq. 8)


@contextmanager
def still(network: nn.Module) -> Iterator[None]:
    """Batch norms in training mode normalise by the batch and leave their running statistics alone."""
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    before = [norm.track_running_stats for norm in norms]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm, value in zip(norms, before, strict=True):
            norm.track_running_stats = value


@dataclass(frozen=True)
class Probe:
    """The supernet as a function of its weights and the architecture. Nothing of the state changes but its route.

    `relaxation` must give the same paths for the same logits. Gradients by the weights are means over all processes;
    those by the architecture are the process's own.
    """

    state: SearchState
    relaxation: Relaxation

    @property
    def weights(self) -> Weights:
        return {name: p.detach() for name, p in self.state.network.named_parameters()}

    def loss(self, weights: Weights, batch: Batch, *, priced: bool = False) -> Tensor:
        """Cross-entropy on a batch. priced: with the gradient of the cost's penalty, if the search has one."""
        state, (images, labels) = self.state, batch
        state.route(self.relaxation)
        with still(state.network), state.fabric.autocast():
            loss = state.cross_entropy(called(state.network, weights, images), labels)
        return state.priced(loss) if priced else loss

    def by_weights(self, weights: Weights, batch: Batch) -> Weights:
        return self.by_both(weights, batch, priced=False)[1]

    def by_both(self, weights: Weights, batch: Batch, *, priced: bool) -> tuple[Tensor, Weights]:
        """The loss's gradients by the architecture and by the weights."""
        leaves = {name: w.detach().requires_grad_() for name, w in weights.items()}
        values = self.state.parameters.values
        loss = self.loss(leaves, batch, priced=priced)
        architecture, *gradients = torch.autograd.grad(loss, [values, *leaves.values()], materialize_grads=True)
        return architecture, {name: self.state.mean(g) for name, g in zip(leaves, gradients, strict=True)}

    def by_architecture(self, weights: Weights, batch: Batch) -> Tensor:
        (gradient,) = torch.autograd.grad(self.loss(weights, batch), self.state.parameters.values)
        return gradient

    def mixed(self, weights: Weights, batch: Batch, direction: Weights) -> Tensor:
        """∇²_{α,w} L · direction by central differences along it (DARTS, eq. 8)."""
        length = norm(direction)
        if not length:
            return torch.zeros_like(self.state.parameters.values)
        high, low = (self.by_architecture(moved(weights, direction, by / length), batch) for by in (STEP, -STEP))
        return (high - low) * (length / (2 * STEP))

    def curvature(self, weights: Weights, batch: Batch, direction: Weights) -> Weights:
        """∇²_w L · direction by central differences along it."""
        length = norm(direction)
        if not length:
            return direction
        high, low = (self.by_weights(moved(weights, direction, by / length), batch) for by in (STEP, -STEP))
        return {name: (high[name] - low[name]) * (length / (2 * STEP)) for name in weights}


def called(network: nn.Module, weights: Weights, images: Tensor) -> Tensor:
    """What a network gives with other weights, by the names of `named_parameters()`.

    Each module's are replaced once: functional_call leaves a module that has two names, as candidates that share their
    weights have, with the replaced ones.
    """
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    every = {f"{path}.{key}" if path else key: weights[names[id(parameter)]]
             for path, module in network.named_modules()
             for key, parameter in module.named_parameters(recurse=False)}
    out: Tensor = functional_call(network, every, (images,), tie_weights=False)
    return out


def moved(weights: Weights, direction: Weights, by: float) -> Weights:
    return {name: w + by * direction[name] for name, w in weights.items()}


def norm(vector: Weights) -> float:
    return float(torch.stack([part.norm() for part in vector.values()]).norm())
