from __future__ import annotations

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from edgenas.search.relaxation import gumbel
from edgenas.search.strategies.gdas import Gdas, HardGumbelSoftmax
from edgenas.search.update import architecture_gradient

from ..toy import batch, calls, colours, copied, named, stack_space, state_of, table

LOGITS = torch.tensor([[0.3, -0.5, 1.2, 0.0], [0.0, 2.0, -1.0, -torch.inf], [-torch.inf, 0.0, -torch.inf, -torch.inf]])
TASK = colours()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("temperature", [10.0, 0.1])
def test_a_sample_is_exactly_one_hot_and_computes_that_candidate_alone(temperature: float) -> None:
    for seed in range(20):
        paths = HardGumbelSoftmax(temperature).sample(LOGITS.clone().requires_grad_(), seeded(seed))
        assert paths.active.shape == (3, 1)
        assert torch.equal(paths.weights.detach(), torch.zeros(3, 4).scatter(1, paths.active, 1.0))
        assert paths.weights.requires_grad
        assert not paths.single
        assert paths.active[1, 0] < 3
        assert paths.active[2, 0] == 1


@pytest.mark.parametrize("temperature", [10.0, 0.1])
def test_samples_have_the_softmaxs_frequencies_whatever_the_temperature(temperature: float) -> None:
    for row in LOGITS[:2]:
        active = HardGumbelSoftmax(temperature).sample(row.expand(4000, 4), seeded(1)).active
        counts, p = torch.bincount(active[:, 0], minlength=4), torch.softmax(row, 0).double()
        possible = p > 0
        assert counts[~possible].sum() == 0
        assert chisquare(counts[possible], p[possible] / p.sum() * 4000).pvalue > 1e-3


@pytest.mark.parametrize("temperature", [10.0, 0.5])
def test_the_gradient_is_that_of_the_gumbel_softmax_at_the_sampled_candidate(temperature: float) -> None:
    """∂L/∂α_i = ∂L/∂h_a · p_a (δ_ai − p_i) / τ, a the sampled candidate: all logits of a choice learn from it."""
    logits = LOGITS.clone().requires_grad_()
    slopes = torch.randn(3, generator=seeded(3))
    paths = HardGumbelSoftmax(temperature).sample(logits, seeded(4))
    (gradient,) = torch.autograd.grad((paths.weights.gather(1, paths.active)[:, 0] * slopes).sum(), logits)
    p = torch.softmax((LOGITS + gumbel(LOGITS, seeded(4))) / temperature, 1)
    expected = torch.zeros(3, 4)
    for row, (a,) in enumerate(paths.active.tolist()):
        for i in range(4):
            expected[row, i] = slopes[row] * p[row, a] * (float(a == i) - p[row, i]) / temperature
    torch.testing.assert_close(gradient, expected)
    assert (gradient[0] != 0).all()
    assert gradient[1, 3] == 0


def test_the_mean_gradient_over_all_samples_is_the_enumerated_one() -> None:
    """The sampled candidate is integrated out: each contributes its gradient at the noises under which it wins."""
    logits = torch.tensor([[0.4, 0.0, -0.3]])
    noise = gumbel(torch.zeros(60_000, 3), seeded(5))
    values = torch.tensor([0.2, 1.0, -0.7])
    p = torch.softmax((logits + noise) / 2.0, 1)
    expected, shares = torch.zeros(3), torch.zeros(3)
    for a in range(3):
        wins = (logits + noise).argmax(1) == a
        shares[a] = wins.float().mean()
        expected += (values[a] * p[:, a:a + 1] * (torch.eye(3)[a] - p) / 2.0)[wins].sum(0) / len(noise)
    rows = logits.expand(60_000, 3).clone().requires_grad_()
    paths = HardGumbelSoftmax(2.0).sample(rows, seeded(6))
    loss = (paths.weights.gather(1, paths.active)[:, 0] * values[paths.active[:, 0]]).mean()
    (gradient,) = torch.autograd.grad(loss, rows)
    torch.testing.assert_close(gradient.sum(0), expected, atol=2e-3, rtol=0)
    assert float(loss.detach()) == pytest.approx(float((torch.softmax(logits[0], 0) * values).sum()), abs=0.01)
    torch.testing.assert_close(shares, torch.softmax(logits[0], 0), atol=0.01, rtol=0)


@pytest.mark.parametrize("seed", range(3))
def test_an_architecture_pass_computes_one_candidate_a_choice_and_reaches_all_its_logits(seed: int) -> None:
    ours = state_of(stack_space(), [table()], [5.0], seed=seed)
    before = copied(ours)
    architecture_gradient(ours, HardGumbelSoftmax(1.0), batch(TASK))
    assert [sorted(choice) for choice in calls(ours)] == [[0, 0, 1], [0, 0, 0, 1], [0, 0, 1]]
    gradient = ours.parameters.values.grad
    assert gradient is not None
    assert torch.equal(gradient != 0, ours.parameters.mask)
    torch.testing.assert_close(gradient.sum(1), torch.zeros(3), atol=1e-6, rtol=0)
    assert all(p.grad is None and p.requires_grad for p in ours.supernet.parameters())
    assert all(torch.equal(p, before[name]) for name, p in named(ours).items())


def test_a_step_computes_one_candidate_a_choice_for_weights_and_one_for_the_architecture() -> None:
    ours = state_of(stack_space(), [table()], [5.0])
    before = copied(ours)
    log = Gdas().step(ours, batch(TASK), batch(TASK, 24), 0.5)
    assert [sum(choice) for choice in calls(ours)] == [2, 2, 2]
    assert set(log) == {"loss", "accuracy"}
    assert torch.equal(ours.parameters.values != 0, ours.parameters.mask)
    assert any(not torch.equal(p, before[name]) for name, p in named(ours).items())
    assert float(ours.multipliers.cost(ours.probabilities.detach())) == pytest.approx(5.0, rel=0.02)


def test_the_temperature_falls_linearly(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    sample = HardGumbelSoftmax.sample

    def spied(self: HardGumbelSoftmax, logits: Tensor, generator: torch.Generator) -> object:
        seen.append(self.temperature)
        return sample(self, logits, generator)

    monkeypatch.setattr(HardGumbelSoftmax, "sample", spied)
    ours = state_of(stack_space(), [table()], [5.0])
    for progress in (0.0, 0.5, 1.0):
        Gdas().step(ours, batch(TASK), batch(TASK), progress)
    assert seen == pytest.approx([10.0, 5.05, 0.1])
