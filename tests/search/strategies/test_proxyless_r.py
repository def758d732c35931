from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from edgenas.search.penalty import Fbnet
from edgenas.search.perturbation import by_batch
from edgenas.search.state import SearchState
from edgenas.search.strategies import proxyless_r
from edgenas.search.strategies.proxyless_r import ProxylessR, score_function_step, score_gradient, tried
from edgenas.space import choices_of

from ..toy import batch, calls, colours, copied, named, stack_space, state_of, table

TASK = colours()
HELD = batch(TASK, 24)
VALUES = torch.tensor([[0.3, -0.4, 0.1, 0.0], [0.5, 0.0, -0.2, 0.3], [0.0, 0.2, -0.6, 0.0]])
ALL = torch.tensor(list(itertools.product(range(3), range(4), range(3))))  # every network of the space


def state(seed: int = 0, limit: float = 5.0) -> SearchState:
    ours = state_of(stack_space(), [table()], [limit], seed=seed, momentum=0.0)
    with torch.no_grad():
        ours.parameters.values.copy_(VALUES)
    ours.multipliers.ascend(ours.parameters.logits)
    return ours


def probabilities(ours: SearchState) -> Tensor:
    """Of every network, differentiable in the architecture."""
    return ours.probabilities.gather(1, ALL.T).prod(0)


def losses(ours: SearchState) -> Tensor:
    """Of every network on HELD: batch norms by the batch, so that a network's loss is its own."""
    found = []
    for network in ALL.tolist():
        for choice, candidate in zip(choices_of(ours.network).values(), network, strict=True):
            choice.route = type(choice.route)((candidate,))
        with torch.no_grad(), by_batch(ours.network):
            found.append(functional.cross_entropy(ours.supernet(HELD[0]), HELD[1]))
    return torch.stack(found)


def exact(ours: SearchState, rewards: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(-(probabilities(ours) * rewards).sum(), ours.parameters.values)
    return gradient


def estimates(ours: SearchState, rewards: Tensor, baseline: float) -> Tensor:
    """The estimator's value for each network that may be sampled."""
    return torch.stack([score_gradient(ours, ALL[i:i + 1], rewards[i:i + 1] - baseline) for i in range(len(ALL))])


@pytest.mark.parametrize("baseline", [0.0, -1.3])
def test_the_estimators_expectation_is_the_exact_gradient(baseline: float) -> None:
    ours = state()
    assert float(ours.multipliers.value) > 0.1  # what is sampled and learned is the tilted distribution
    rewards = -losses(ours)
    expected = (probabilities(ours).detach()[:, None, None] * estimates(ours, rewards, baseline)).sum(0)
    torch.testing.assert_close(expected, exact(ours, rewards), atol=1e-5, rtol=1e-4)
    assert exact(ours, rewards).abs().max() > 1e-3


@pytest.mark.parametrize("samples", [1, 4])
def test_the_mean_of_many_steps_gradients_is_the_exact_one_within_their_spread(
        monkeypatch: pytest.MonkeyPatch, samples: int) -> None:
    ours = state()
    expected = exact(ours, -losses(ours))
    ours.parameters.baseline.fill_(-1.4)
    found: list[Tensor] = []

    def keep(state: SearchState) -> None:
        assert state.parameters.values.grad is not None
        found.append(state.parameters.values.grad.clone())

    monkeypatch.setattr(proxyless_r, "learn_architecture", keep)
    monkeypatch.setattr(proxyless_r, "DECAY", 1.0)
    for _ in range(800 // samples):
        score_function_step(ours, HELD, samples, "loss")
    every = torch.stack(found)
    error = every.std(0) / len(every) ** 0.5
    assert ((every.mean(0) - expected).abs() <= 4 * error + 1e-7).all()
    assert error.max() < 0.05


def test_a_baseline_near_the_mean_reward_makes_the_gradient_vary_less() -> None:
    ours = state()
    rewards, p = -losses(ours), probabilities(ours).detach()

    def variance(baseline: float) -> float:
        every = estimates(ours, rewards, baseline)
        mean = (p[:, None, None] * every).sum(0)
        return float((p[:, None, None] * (every - mean) ** 2).sum())

    assert variance(float((p * rewards).sum())) < 0.2 * variance(0.0)


def test_the_baseline_is_a_moving_average_which_the_first_step_only_sets() -> None:
    ours = state()
    assert ours.parameters.baseline.isnan()
    before = ours.generator.get_state()
    first, second = (tried(ours, HELD, 3, "loss")[1].mean() for _ in range(2))
    ours.generator.set_state(before)
    score_function_step(ours, HELD, 3, "loss")
    assert torch.equal(ours.parameters.values, VALUES)
    assert float(ours.parameters.baseline) == pytest.approx(float(first))
    score_function_step(ours, HELD, 3, "loss")
    assert not torch.equal(ours.parameters.values, VALUES)
    assert float(ours.parameters.baseline) == pytest.approx(0.95 * float(first) + 0.05 * float(second))
    assert "baseline" in ours.parameters.state_dict()  # so that a resumed search goes on with it


def test_an_architecture_step_only_passes_forward_along_single_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = state()
    ours.parameters.baseline.fill_(-0.5)

    def refused(*args: Any, **options: Any) -> None:
        raise AssertionError("a pass backward")

    monkeypatch.setattr(ours.fabric, "backward", refused)
    before = copied(ours)
    statistics = {name: value.clone() for name, value in ours.supernet.state_dict().items()}
    recorded: list[bool] = []
    hook = ours.network.register_forward_hook(lambda *_: recorded.append(torch.is_grad_enabled()))
    score_function_step(ours, HELD, 5, "accuracy")
    hook.remove()
    assert recorded == [False] * 5
    assert [sum(choice) for choice in calls(ours)] == [5, 5, 5]
    assert all(p.grad is None and torch.equal(p, before[name]) for name, p in named(ours).items())
    assert all(torch.equal(value, statistics[name]) for name, value in ours.supernet.state_dict().items())
    assert ours.supernet.training
    assert not torch.equal(ours.parameters.values, VALUES)


@pytest.mark.parametrize("kind", ["accuracy", "loss"])
def test_a_reward_is_that_of_the_sampled_network(kind: Any) -> None:
    ours = state()
    active, rewards = tried(ours, HELD, 4, kind)
    assert active.shape == (4, 3)
    every = -losses(ours)
    for network, reward in zip(active.tolist(), rewards.tolist(), strict=True):
        if kind == "loss":
            assert reward == pytest.approx(float(every[ALL.tolist().index(network)]), rel=1e-4)
        else:
            assert -1 <= reward <= 0
            assert (reward * 24) == pytest.approx(round(reward * 24), abs=1e-4)


def test_a_penalty_is_charged_for_each_sampled_network() -> None:
    ours = state()
    generator = ours.generator.get_state()
    active, plain = tried(ours, HELD, 4, "loss")
    ours.generator.set_state(generator)
    ours.penalty = Fbnet()
    _, charged = tried(ours, HELD, 4, "loss")
    costs = torch.tensor([table().fixed + sum(table().table[choice][f"o{i}"] for choice, i in
                                              zip(("one", "two", "three"), network, strict=True))
                          for network in active.tolist()])
    torch.testing.assert_close(charged, plain * 0.2 * costs.log() ** 0.6)


def test_the_better_network_becomes_likelier_and_the_budget_holds() -> None:
    ours = state(limit=6.0)
    with torch.no_grad():
        for name, p in named(ours).items():
            if ".o2." in name or ".o3." in name:
                p.fill_(30.0)  # logits far off, whatever the class
    before = ours.probabilities.detach().clone()
    for _ in range(30):
        score_function_step(ours, HELD, 4, "loss")
        assert float(ours.multipliers.cost(ours.probabilities.detach())) <= 6.0 * 1.02
    assert (ours.probabilities[:, 2] < before[:, 2]).all()


def test_the_architecture_rests_while_the_weights_warm_up() -> None:
    ours, strategy = state(), ProxylessR()
    strategy.step(ours, batch(TASK), HELD, 0.2)
    assert [sum(choice) for choice in calls(ours)] == [1, 1, 1]
    assert ours.parameters.baseline.isnan()
    strategy.step(ours, batch(TASK), HELD, 0.3)
    assert [sum(choice) for choice in calls(ours)] == [6, 6, 6]
