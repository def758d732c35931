from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from edgenas.search.relaxation import Softmax
from edgenas.search.search import search
from edgenas.search.settings import SearchSettings
from edgenas.search.state import SearchState
from edgenas.search.strategies.gaea import Gaea, Simplex, exponentiated_step
from edgenas.search.strategy import load_strategy
from edgenas.space import choices_of

from ..toy import batch, calls, colours, copied, fabric, named, stack_space, state_of, table

TASK = colours()
LOGITS = torch.tensor([[0.3, -0.5, 1.2, 0.0], [0.0, 2.0, -1.0, -torch.inf]])


def state(limit: float = 50.0) -> SearchState:
    ours = state_of(stack_space(), [table()], [limit])
    with torch.no_grad():
        ours.parameters.values.copy_(torch.randn(3, 4, generator=torch.Generator().manual_seed(1)))
    ours.multipliers.ascend(ours.parameters.logits)
    return ours


def by_weights(ours: SearchState) -> Tensor:
    """∂L/∂θ from a pass of its own, θ a leaf."""
    ours.route(Softmax())
    theta = ours.probabilities.detach().requires_grad_()
    for row, choice in enumerate(choices_of(ours.network).values()):
        choice.route = type(choice.route)(choice.route.active, theta[row])
    (gradient,) = torch.autograd.grad(ours.loss(batch(TASK))[0], theta)
    return gradient


def test_the_simplex_has_the_softmaxs_value_and_the_gradient_of_its_weights() -> None:
    logits, slopes = LOGITS.clone().requires_grad_(), torch.randn(2, 4, generator=torch.Generator().manual_seed(2))
    paths = Simplex().sample(logits, torch.Generator())
    torch.testing.assert_close(paths.weights.detach(), torch.softmax(LOGITS, 1))
    assert paths.active.tolist() == [[0, 1, 2, 3]] * 2
    (gradient,) = torch.autograd.grad((paths.weights * slopes).sum(), logits)
    torch.testing.assert_close(gradient, slopes.masked_fill(torch.isinf(LOGITS), 0.0))


@pytest.mark.parametrize("rate", [0.1, 30.0])
def test_a_step_is_the_closed_form_on_the_simplex(rate: float) -> None:
    ours = state()
    ours.supernet.eval()  # batch norms as they are, so that a second pass computes the same
    theta, gradient = ours.probabilities.detach().clone(), by_weights(ours)
    before = copied(ours)
    exponentiated_step(ours, batch(TASK), rate)
    expected = theta * torch.exp(-rate * gradient)
    after = ours.probabilities.detach()
    torch.testing.assert_close(after, expected / expected.sum(1, keepdim=True))
    torch.testing.assert_close(after.sum(1), torch.ones(3))
    assert (after - theta).abs().max() > 1e-3
    assert (after >= 0).all()
    assert (after[~ours.parameters.mask] == 0).all()
    assert all(torch.equal(p, before[name]) for name, p in named(ours).items())


def test_a_step_tilts_the_mixture_to_the_budget() -> None:
    ours = state(limit=4.0)
    for _ in range(5):
        exponentiated_step(ours, batch(TASK), 5.0)
        assert float(ours.multipliers.cost(ours.probabilities.detach())) == pytest.approx(4.0, rel=0.02)


def test_a_candidate_of_little_weight_learns_as_fast_as_any_other() -> None:
    """Where the gradient through a softmax has all but vanished."""
    logits = torch.tensor([[0.0, -12.0]], requires_grad=True)
    gradients = [torch.autograd.grad(relaxation.sample(logits, torch.Generator()).weights[0, 1], logits)[0][0, 1]
                 for relaxation in (Simplex(), Softmax())]
    assert float(gradients[0]) == 1.0
    assert float(gradients[1]) < 1e-5


@pytest.mark.parametrize("seed", range(3))
def test_its_mixture_becomes_sparser_than_that_of_adam_through_a_softmax(tmp_path: Path, seed: int) -> None:
    """As the paper says; both with their default rates, after the same steps."""
    run = partial(search, stack_space(), TASK, models={"macs": table()}, budgets=[], seed=seed, fabric=fabric(),
                  settings=SearchSettings(epochs=8, batch_size=16))
    entropies = {name: run(strategy=load_strategy(name), checkpoint=tmp_path / name).history[-1].entropy
                 for name in ("gaea", "darts")}
    assert entropies["gaea"] < entropies["darts"]


def test_with_no_data_held_out_weights_and_architecture_learn_from_the_same_batch() -> None:
    ours = state()
    before = ours.parameters.values.detach().clone(), copied(ours)
    Gaea(architecture_share=0.0).step(ours, batch(TASK), None, 0.0)
    assert calls(ours) == [[2] * 3, [2] * 4, [2] * 3]
    assert (ours.parameters.values != before[0]).any(1).all()
    assert any(not torch.equal(p, before[1][name]) for name, p in named(ours).items())
