"""Bi-level updates: the architecture learns on held-out data, the weights on the rest (DARTS, arXiv:1806.09055)."""

from __future__ import annotations

from torch import Tensor

from edgenas.search.probe import Probe, Weights, norm
from edgenas.search.relaxation import Softmax
from edgenas.search.state import Batch, SearchState
from edgenas.search.update import GRADIENT_NORM, architecture_step, weight_step


def first_order(state: SearchState, batch: Batch, held: Batch) -> dict[str, float]:
    """The weights are taken as if they were the best for the architecture (ξ = 0 in eq. 6)."""
    architecture_step(state, Softmax(), held)
    return weight_step(state, Softmax(), batch)


def second_order(state: SearchState, batch: Batch, held: Batch) -> dict[str, float]:
    """The architecture learns from the loss after the weights' next step (eq. 6 to 8)."""
    learn(state, unrolled_gradient(state, batch, held))
    return weight_step(state, Softmax(), batch)


def amended(state: SearchState, batch: Batch, held: Batch, coefficient: float) -> dict[str, float]:
    """The architecture learns from the amended gradient (Bi et al., arXiv:1910.11831)."""
    learn(state, amended_gradient(state, batch, held, coefficient))
    return weight_step(state, Softmax(), batch)


def unrolled_gradient(state: SearchState, batch: Batch, held: Batch) -> Tensor:
    """∇_α L_held(w', α) − ∇²_{α,w} L(w, α) · r ∇_{w'} L_held(w', α), of the shape of the parameters' values.

    w' and r are those of `next_step`: the paper's w − ξ ∇_w L (eq. 7), with the step that the weights' optimiser is
    about to make on `batch`: its momentum, weight decay and clipping included. r takes the place of ξ.
    """
    probe = Probe(state, Softmax())
    now = probe.weights
    after, reach = next_step(state, now, probe.by_weights(now, batch))
    gradient, by_weights = probe.by_both(after, held, priced=True)
    return gradient - probe.mixed(now, batch, {name: reach[name] * g for name, g in by_weights.items()})


def amended_gradient(state: SearchState, batch: Batch, held: Batch, coefficient: float) -> Tensor:
    """∇_α L_held(w, α) − η ∇²_{α,w} L(w, α) · ∇²_w L(w, α) · ∇_w L_held(w, α), η the coefficient."""
    probe = Probe(state, Softmax())
    now = probe.weights
    gradient, by_weights = probe.by_both(now, held, priced=True)
    return gradient - coefficient * probe.mixed(now, batch, probe.curvature(now, batch, by_weights))


def next_step(state: SearchState, weights: Weights, gradients: Weights) -> tuple[Weights, dict[str, float]]:
    """The weights after SGD's next step with these gradients, and how far each moves per unit of its gradient.

    With Nesterov momentum m, buffer b and decay d: w − lr · ((1 + m)(c g + d w) + m² b), which moves by lr (1 + m) c;
    c is the factor that clipping applies, taken as a constant.
    """
    optimizer, after, reach = state.weight_optimizer, {}, {}
    groups = {p: group for group in optimizer.param_groups for p in group["params"]}
    clip = min(1.0, GRADIENT_NORM / (norm(gradients) + 1e-6))
    for name, parameter in state.network.named_parameters():
        lr, m, decay = (groups[parameter][key] for key in ("lr", "momentum", "weight_decay"))
        step = (1 + m) * (clip * gradients[name] + decay * weights[name])
        buffer = optimizer.state[parameter].get("momentum_buffer")
        after[name] = weights[name] - lr * (step if buffer is None else step + m * m * buffer)
        reach[name] = lr * (1 + m) * clip
    return after, reach


def learn(state: SearchState, gradient: Tensor) -> None:
    """One step of the architecture along its gradient."""
    state.parameters.values.grad = gradient
    state.average_architecture_gradient()
    state.architecture_optimizer.step()
    state.multipliers.ascend(state.parameters.logits)
