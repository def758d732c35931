from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn

from edgenas.search.bilevel import first_order
from edgenas.search.regulariser import auxiliary_skip, noisy_skips, skips_of
from edgenas.search.strategies.darts_minus import DartsMinus
from edgenas.search.strategies.noisy_darts import NoisyDarts
from edgenas.space import Choice, choices_of
from edgenas.space.choice import Route

from .toy import batch, colours, stack_space, state_of, table


def network() -> nn.Sequential:
    """A choice that keeps the shape and has a skip, one that keeps it and has none, and one that changes it."""
    return nn.Sequential(OrderedDict(
        keeps=Choice({"conv": nn.Conv2d(3, 3, 1), "skip": nn.Identity()}),
        other=Choice({"conv": nn.Conv2d(3, 3, 1), "wide": nn.Conv2d(3, 3, 3, padding=1)}),
        strided=Choice({"conv": nn.Conv2d(3, 5, 1, stride=2), "pool": nn.Conv2d(3, 5, 2, stride=2)})))


X = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(0))
MIX = torch.tensor([0.3, 0.7])


def outputs(net: nn.Module, x: Tensor = X) -> dict[str, Tensor]:
    """What each choice gives for the same input, as a mixture of both candidates."""
    found = {}
    for name, choice in choices_of(net).items():
        choice.route = Route((0, 1), MIX)
        found[name] = choice(x).detach()
    return found


@pytest.mark.parametrize("share", [1.0, 0.25])
def test_an_auxiliary_skip_adds_its_share_of_the_input_where_the_shape_is_kept(share: float) -> None:
    net = network()
    plain = outputs(net)
    with auxiliary_skip(net, share):
        helped = outputs(net)
    for name in ("keeps", "other"):
        torch.testing.assert_close(helped[name], plain[name] + share * X)
    assert torch.equal(helped["strided"], plain["strided"])


def test_noise_is_on_the_skips_alone_and_has_their_share_of_the_spread_and_no_bias() -> None:
    net, x = network(), 5 + 2 * torch.randn(400, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    plain = outputs(net, x)
    with noisy_skips(net, 0.2):
        noisy = outputs(net, x)
    noise = (noisy["keeps"] - plain["keeps"]) / float(MIX[1])
    assert float(noise.std()) == pytest.approx(0.2 * float(x.std()), rel=0.02)
    assert abs(float(noise.mean())) < 0.01
    for name in ("other", "strided"):
        assert torch.equal(noisy[name], plain[name])


def test_the_skips_are_the_candidates_that_are_identities() -> None:
    net = network()
    assert skips_of(net) == [net.get_submodule("keeps.candidates.skip")]
    assert skips_of(stack_space().supernet()) == []


@pytest.mark.parametrize("regulariser", [auxiliary_skip, noisy_skips])
def test_nothing_of_a_regulariser_remains_not_even_after_an_error(regulariser: object) -> None:
    net = network()
    plain = outputs(net)
    with pytest.raises(KeyError), regulariser(net, 1.0):  # type: ignore[operator]
        raise KeyError
    after = outputs(net)
    assert all(torch.equal(after[name], plain[name]) for name in plain)


def test_the_auxiliary_skip_fades_from_its_start_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float] = []

    def noted(net: nn.Module, share: float) -> object:
        shares.append(share)
        return auxiliary_skip(net, share)

    monkeypatch.setattr("edgenas.search.strategies.darts_minus.auxiliary_skip", noted)
    state, data = state_of(stack_space(), [table()], [9.0]), batch(colours())
    for progress in (0.0, 0.25, 0.75, 1.0):
        DartsMinus(skip=0.8).step(state, data, data, progress)
    assert shares == pytest.approx([0.8, 0.6, 0.2, 0.0])


def test_at_the_end_darts_minus_steps_as_darts_does() -> None:
    data = batch(colours())
    ours, plain = (state_of(stack_space(), [table()], [9.0]) for _ in range(2))
    assert DartsMinus().step(ours, data, data, 1.0) == first_order(plain, data, data)
    assert torch.equal(ours.parameters.values, plain.parameters.values)


def test_noise_is_drawn_anew_at_every_step_by_the_seed() -> None:
    data = batch(colours())
    values = []
    for seed in (0, 0, 1):
        torch.manual_seed(5)
        state = state_of(stack_space(), [table()], [9.0])
        choices_of(state.network)["two"].candidates["o1"] = nn.Identity()
        torch.manual_seed(seed)
        NoisyDarts().step(state, data, data, 0.5)
        values.append(state.parameters.values.detach().clone())
    assert torch.equal(values[0], values[1])
    assert not torch.equal(values[0], values[2])
